"""The guard: it ends with its program, ends its program with whoever started it, and removes only what was named."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from netemu.kernels import uml_guard
from netemu.kernels.guest import guard


def test_it_ends_with_the_programs_exit_code() -> None:
    for script, code in (("exit 3", 3), ("kill -TERM $$", 128 + signal.SIGTERM)):
        with guard([], ["/bin/sh", "-c", script]) as process:
            assert process.wait(timeout=20) == code


def test_what_the_program_prints_is_its_own() -> None:
    with guard([], ["/bin/sh", "-c", "echo one; echo two >&2"]) as process:
        assert process.stdout is not None
        assert process.stdout.read() == b"one\ntwo\n"


def test_a_program_that_cannot_start_is_said() -> None:
    with guard([], ["/no/such/program"]) as process:
        assert process.stdout is not None
        assert process.stdout.read() == b"/no/such/program: No such file or directory\n"
        assert process.wait(timeout=20) == 127


def test_orphans_of_the_program_are_ended_with_it() -> None:
    script = "setsid sh -c 'setsid sleep 600 & echo $!; exec sleep 600' & wait"
    with guard([], ["/bin/sh", "-c", script]) as process:
        assert process.stdout is not None
        orphan = int(process.stdout.readline())
        assert Path(f"/proc/{orphan}").exists()
    assert not Path(f"/proc/{orphan}").exists()


def test_trees_go_when_the_guard_is_left(tmp_path: Path) -> None:
    trees = [tmp_path / name for name in ("kept", "renamed", "replaced", "gone")]
    for tree in trees:
        tree.mkdir()
        (tree / "file").touch()
    kept, renamed, replaced, gone = trees
    with guard([kept, renamed, replaced, gone]):
        renamed.rename(tmp_path / "finished")
        replaced.rename(tmp_path / "old")
        replaced.mkdir()
        for path in gone.iterdir():
            path.unlink()
        gone.rmdir()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["finished", "old", "replaced"]


def test_trees_go_when_netemu_is_killed(tmp_path: Path) -> None:
    tree = tmp_path / "tree"
    tree.mkdir()
    spec = {"argv": ["/bin/sleep", "600"], "trees": [[str(tree), tree.stat().st_ino]]}
    read_end, write_end = os.pipe()
    process = subprocess.Popen([sys.executable, uml_guard.__file__, json.dumps(spec)], stdin=read_end)
    os.close(read_end)
    time.sleep(0.05)
    assert tree.exists()
    os.close(write_end)
    assert process.wait(timeout=20) == 128 + signal.SIGKILL
    assert not tree.exists()


@pytest.mark.skipif(uml_guard.landlock_version() == 0, reason="this machine's kernel has no Landlock")
def test_the_program_can_write_where_it_may_alone(tmp_path: Path) -> None:
    (tmp_path / "mine").mkdir()
    script = f"cd {tmp_path}; echo 1 >mine/made && mv mine/made mine/renamed; echo 2 >made; mkdir dir; cat mine/renamed"
    with guard([], ["/bin/sh", "-c", script], writable=[tmp_path / "mine", Path("/dev/null")]) as process:
        assert process.stdout is not None
        said = process.stdout.read().decode()
    assert [path.name for path in tmp_path.iterdir()] == ["mine"]
    assert said.count("Permission denied") == 2
    assert said.endswith("1\n")


def test_a_tree_goes_that_was_made_after_its_guard(tmp_path: Path) -> None:
    tree = tmp_path / "tree"
    with guard([tree]):
        tree.mkdir()
        (tree / "file").touch()
    assert not tree.exists()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_signals_to_the_terminal_do_not_end_it(number: signal.Signals) -> None:
    with guard([], ["/bin/sh", "-c", "echo up; exec sleep 600"]) as process:
        assert process.stdout is not None
        process.stdout.readline()
        process.send_signal(number)
        with pytest.raises(subprocess.TimeoutExpired):
            process.wait(timeout=0.2)
