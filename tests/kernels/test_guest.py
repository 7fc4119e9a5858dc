"""What guests have in common: lines of the console, the control directory, the lab's errors, the ends."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from netemu.errors import BadInput, MissingCapability, NetemuError, VoidRun
from netemu.kernels.guest import (
    Guest,
    Work,
    compile_package,
    describe_guest,
    early_end,
    follow,
    guard,
    prepare,
    run_lab,
)
from netemu.recording.layout import Recording


def ended(code: int = 0) -> Guest:
    """A guest whose process has ended with ``code``."""
    guest = Guest(subprocess.Popen([sys.executable, "-S", "-c", f"raise SystemExit({code})"]))
    guest.process.wait()
    return guest


def quiet(_: object) -> None:
    """Nobody listens."""


def test_lines_of_the_console_are_told_from_messages() -> None:
    guest = Guest(subprocess.Popen(["/bin/true"]))
    guest.process.wait()
    said: list[dict[str, Any]] = []
    for line in (
        '{"up": "7.2"}',
        '{"a": 1}',
        "{broken",
        "[1]",
        "<3>[    0.100000] oops",
        '{"beat": 1}',
        '{"exit": 3}',
        "",
    ):
        guest.take(line, said.append)
    assert said == [{"a": 1}]
    assert list(guest.tail) == ["{broken", "[1]", "oops"]
    assert (guest.release, guest.exit_code) == ("7.2", 3)


def test_modules_are_compiled_once(tmp_path: Path) -> None:
    module = tmp_path / "package/module.py"
    module.parent.mkdir()
    module.write_text("one = 1\n")
    compile_package(tmp_path / "package")
    (bytecode,) = (tmp_path / "package/__pycache__").iterdir()
    first = bytecode.stat().st_mtime_ns
    compile_package(tmp_path / "package")
    assert bytecode.stat().st_mtime_ns == first
    module.write_text("two = 2\n")
    os.utime(module, (time.time() + 10, time.time() + 10))
    compile_package(tmp_path / "package")
    assert bytecode.stat().st_mtime_ns > first


def test_a_stack_dump_does_not_push_out_what_was_said_before_it() -> None:
    guest = ended()
    for line in (
        "[    1.0] Kernel panic - not syncing: so",
        "[    1.1] Call Trace:",
        "[    1.1]  <TASK>",
        "[    1.1]  ? panic+0x10/0x20",
        "[    1.2]  do_exit.cold+0x1/0x2",
        "[    1.2] RIP: 0033:0x1",
        "00000000 00000001",
    ):
        guest.take(line, quiet)
    assert list(guest.tail) == ["Kernel panic - not syncing: so"]
    assert guest.said == "Kernel panic - not syncing: so"


def test_the_first_line_of_a_guest_may_hold_its_kernels_command_line() -> None:
    guest = ended()
    guest.take('{"up": "6.1", "command_line": "quiet"}', quiet)
    assert (guest.release, guest.command_line) == ("6.1", "quiet")


def test_the_control_directory_says_what_to_do(tmp_path: Path) -> None:
    control = tmp_path / "control"
    control.mkdir()
    prepare(control, Work(["module", "word"], {"A": "b"}, ("/m.ko",), virtual=True), tmp_path)
    work = json.loads((control / "work.json").read_text())
    assert work["argv"] == ["module", "word"]
    assert work["environment"]["A"] == "b"
    assert (work["modules"], work["reseed"], work["timer_slack_ns"]) == (["/m.ko"], True, 1)
    assert (control / "recording").resolve() == tmp_path.resolve()
    first = (control / "init").read_text().splitlines()[0]
    assert first.startswith("#!/") and os.access(control / "init", os.X_OK)


@pytest.mark.parametrize(
    ("line", "why"),
    [
        ('{"fault": "OSError: no"}', "could not start its work: OSError: no"),
        ("Out of memory: Killed process 1", r"ran out of memory: give it more with \?memory="),
        ("odd", "the guest ended with 3 before its work was done; its console's last lines: odd"),
    ],
)
def test_an_early_end_is_explained_by_what_the_console_said(line: str, why: str) -> None:
    guest = ended(3)
    guest.take(line, quiet)
    with pytest.raises(VoidRun, match=why):
        raise early_end(guest)


def test_a_guest_that_is_not_up_in_time_or_falls_silent_is_hung(tmp_path: Path) -> None:
    late = pytest.raises(VoidRun, match=r"did not come up within 2 s; its console's last lines: hello")
    with late, guard([tmp_path], ["/bin/sh", "-c", "echo hello; sleep 60"]) as process:
        follow(Guest(process), 2.0, 60, quiet)
    up = """echo '{"up": "6.1"}'; sleep 60"""
    begun = time.monotonic()
    silent = pytest.raises(VoidRun, match=r"clock has stood still for 0.3 s")
    with silent, guard([], ["/bin/sh", "-c", up]) as process:
        follow(Guest(process), 60, 0.3, quiet)
    assert time.monotonic() - begun < 30
    assert not tmp_path.exists()


def saying(*messages: dict[str, Any], exit_code: int = 0) -> Callable[[Callable[[dict[str, Any]], None]], Guest]:
    """A guest that says that and ends."""

    def boot(on_message: Callable[[dict[str, Any]], None]) -> Guest:
        for message in messages:
            on_message(message)
        guest = ended()
        guest.exit_code = exit_code
        return guest

    return boot


@pytest.mark.parametrize("kind", [BadInput, MissingCapability, VoidRun])
def test_the_labs_error_is_raised_as_what_it_is(kind: type[NetemuError]) -> None:
    said: list[str] = []
    boot = saying({"progress": "probing"}, {"error": kind.__name__, "message": "why"}, exit_code=kind.exit_code)
    with pytest.raises(kind, match=r"^why$"):
        run_lab("vm:6.1", 1 << 30, said.append, boot)
    assert said == ["probing"]


def test_a_lab_that_ends_without_an_error_is_void_all_the_same() -> None:
    with pytest.raises(VoidRun, match="ended with exit code 9"):
        run_lab("vm:6.1", 1 << 30, quiet, saying(exit_code=9))
    assert run_lab("vm:6.1", 1 << 30, quiet, saying()).exit_code == 0


@pytest.mark.parametrize(
    ("name", "remedy"), [("uml:6.1", "uml:6.1[?]memory=4G"), ("vm:6?memory=1&a=b", "vm:6[?]a=b&memory=4G")]
)
def test_a_lab_without_memory_is_told_how_to_get_more(name: str, remedy: str) -> None:
    def boot(_: object) -> Guest:
        guest = ended()
        guest.take("Out of memory: Killed process 9 (python3)", quiet)
        guest.exit_code = 137
        return guest

    with pytest.raises(VoidRun, match=f"out of its 512 MiB of memory.*{remedy}"):
        run_lab(name, 512 << 20, quiet, boot)


def test_a_program_in_the_guest_that_gets_no_memory_is_told_the_same_way() -> None:
    boot = saying({"error": "VoidRun", "message": "tracing ended: OSError: [Errno 12] Cannot allocate memory"})
    with pytest.raises(VoidRun, match=r"out of its 128 MiB of memory.*'vm:6.1[?]memory=4G'; the lab said: tracing"):
        run_lab("vm:6.1", 128 << 20, quiet, boot)


def test_the_account_of_a_run_is_added_to(tmp_path: Path) -> None:
    (tmp_path / "execution.json").write_text('{"void": []}')
    describe_guest(Recording(tmp_path), {"kernel": "x"})
    assert json.loads((tmp_path / "execution.json").read_text()) == {"void": [], "guest": {"kernel": "x"}}
