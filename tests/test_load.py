"""Busy loops: as many as asked for, ended with their block, and told when they were not there throughout."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from netemu import load
from netemu.errors import BadInput, VoidRun
from netemu.load import busy_loops


def loops_of(parent: int) -> list[int]:
    """Process ids of the running children of ``parent`` that are busy loops."""
    found = []
    for place in Path("/proc").iterdir():
        if place.name.isdecimal():
            try:
                fields = (place / "stat").read_text().rpartition(")")[2].split()
                words = (place / "cmdline").read_bytes()
            except (FileNotFoundError, ProcessLookupError):
                continue
            if int(fields[1]) == parent and fields[0] != "Z" and b"os.getppid" in words:
                found.append(int(place.name))
    return found


def test_they_run_in_the_block_and_not_after_it() -> None:
    with busy_loops(2):
        assert len(loops_of(os.getpid())) == 2
    assert loops_of(os.getpid()) == []


def test_they_end_when_the_block_raises() -> None:
    with pytest.raises(KeyError), busy_loops(1):
        raise KeyError
    assert loops_of(os.getpid()) == []


def test_no_loops_are_no_processes() -> None:
    with busy_loops(0):
        assert loops_of(os.getpid()) == []


def test_a_loop_that_ended_early_makes_what_ran_void() -> None:
    with pytest.raises(VoidRun, match="1 of 2 busy loops ended before the run did"), busy_loops(2):
        victim = loops_of(os.getpid())[0]
        os.kill(victim, signal.SIGKILL)
        deadline = time.monotonic() + 5
        while victim in loops_of(os.getpid()) and time.monotonic() < deadline:
            os.sched_yield()


def test_they_end_by_themselves(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(load, "_LOOP", load._LOOP.replace(str(load.LONGEST_S), "1"))
    with pytest.raises(VoidRun, match="1 of 1"), busy_loops(1):
        time.sleep(1.5)


def test_they_end_with_whoever_started_them_is_killed() -> None:
    program = (
        "from netemu.load import busy_loops; import sys\n"
        "with busy_loops(1):\n print('up', flush=True)\n sys.stdin.read()"
    )
    starter = subprocess.Popen([sys.executable, "-c", program], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    with starter:
        assert starter.stdout is not None
        assert starter.stdout.readline() == b"up\n"
        (loop,) = loops_of(starter.pid)
        starter.kill()
        starter.wait()
        deadline = time.monotonic() + 5
        while Path(f"/proc/{loop}").exists() and time.monotonic() < deadline:
            time.sleep(0.01)
        assert not Path(f"/proc/{loop}").exists()


@pytest.mark.parametrize("count", [-1, load.MOST + 1])
def test_a_number_that_makes_no_sense_is_refused(count: int) -> None:
    with pytest.raises(BadInput, match=f"{count} busy loops: give 0 to"), busy_loops(count):
        pass
