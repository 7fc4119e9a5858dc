"""A guest's own processor: two guests never have the same one, and it is free again however its guest ended."""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys

import pytest

from netemu.kernels import processor
from netemu.kernels.guest import guard
from netemu.kernels.processor import own_processor

_HOLD = """
import sys
from netemu.kernels import processor
processor._NAME = "\\0" + sys.argv[1]
with processor.own_processor() as number:
    print(number, flush=True)
    sys.stdin.read()
"""


@pytest.fixture
def address(monkeypatch: pytest.MonkeyPatch) -> str:
    """An address of this test's own, without its first byte: guests of other tests come and go meanwhile."""
    own = f"netemu-test/{os.getpid()}/{{}}"
    monkeypatch.setattr(processor, "_NAME", "\0" + own)
    return own


@pytest.mark.usefixtures("address")
def test_each_guest_has_another_and_the_last_has_none() -> None:
    usable = os.sched_getaffinity(0)
    with contextlib.ExitStack() as stack:
        taken = [stack.enter_context(own_processor()) for _ in range(len(usable) + 1)]
    assert taken == [*sorted(usable, reverse=True), None]
    with own_processor() as number:
        assert number == max(usable)


def test_a_killed_process_gives_its_processor_back(address: str) -> None:
    last = max(os.sched_getaffinity(0))
    holder = subprocess.Popen([sys.executable, "-c", _HOLD, address], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    assert holder.stdout is not None
    assert int(holder.stdout.readline()) == last
    with own_processor() as number:
        assert number != last
    holder.kill()
    holder.communicate()
    with own_processor() as number:
        assert number == last


def test_a_guarded_program_runs_on_its_processor_alone() -> None:
    last = max(os.sched_getaffinity(0))
    script = "import os; print(sorted(os.sched_getaffinity(0)))"
    with guard([], [sys.executable, "-c", script], processor=last) as process:
        assert process.stdout is not None
        assert process.stdout.read().decode() == f"[{last}]\n"
    with guard([], [sys.executable, "-c", script]) as process:
        assert process.stdout is not None
        assert process.stdout.read().decode() == f"{sorted(os.sched_getaffinity(0))}\n"


def test_a_processor_that_is_not_there_is_said() -> None:
    with guard([], ["/bin/true"], processor=99999) as process:
        assert process.stdout is not None
        assert process.stdout.read() == b"/bin/true: Invalid argument\n"
