"""Temporary directories whose owner is known by its lock."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from netemu.lab.scratch import PREFIX, SETTLING_S, abandoned_directories, is_abandoned, scratch_directory

LATER = SETTLING_S + 1.0


def test_it_is_there_inside_the_block_and_gone_after_it() -> None:
    with scratch_directory() as path:
        (path / "file").write_text("x")
        assert path.name.startswith(PREFIX)
        assert not is_abandoned(path, time.time() + LATER)
    assert not path.exists()


def test_an_error_in_the_block_leaves_nothing() -> None:
    with pytest.raises(RuntimeError), scratch_directory() as path:
        raise RuntimeError
    assert not path.exists()


def test_a_killed_owner_leaves_it_abandoned(tmp_path: Path) -> None:
    code = (
        "from netemu.lab.scratch import scratch_directory\n"
        "import sys\n"
        "with scratch_directory() as path:\n"
        "    print(path, flush=True)\n"
        "    sys.stdin.read()\n"
    )
    environment = os.environ | {"TMPDIR": str(tmp_path)}
    argv = [sys.executable, "-c", code]
    with subprocess.Popen(argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=environment) as owner:
        assert owner.stdout is not None
        path = Path(owner.stdout.readline().decode().strip())
        assert not is_abandoned(path, time.time() + LATER)
        owner.send_signal(signal.SIGKILL)
        owner.wait()
    assert path.is_dir()
    assert is_abandoned(path, time.time() + LATER)
    assert not is_abandoned(path, time.time()), "too young to be sure"
    old = time.time() - LATER
    os.utime(path, (old, old))
    assert abandoned_directories(tmp_path) == [path]


def test_what_is_not_ours_is_not_found(tmp_path: Path) -> None:
    other = tmp_path / "somebody-else"
    other.mkdir()
    link = tmp_path / f"{PREFIX}link"
    link.symlink_to(other)
    old = time.time() - LATER
    os.utime(other, (old, old))
    assert abandoned_directories(tmp_path) == []
    assert not is_abandoned(tmp_path / "gone", time.time())
