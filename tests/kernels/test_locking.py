"""Locks: held by one process, gone with it, and no file left."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from netemu.errors import MissingCapability
from netemu.kernels import locking
from netemu.kernels.locking import refusing, waiting

ROOT = Path(__file__).resolve().parents[2]
HOLD = (
    "import sys, time; from pathlib import Path; from netemu.kernels.locking import refusing\n"
    "with refusing(Path(sys.argv[1]), 'busy'):\n"
    "    print('held', flush=True); time.sleep(60)\n"
)


def holder(path: Path) -> subprocess.Popen[str]:
    """A process that holds the lock."""
    process = subprocess.Popen([sys.executable, "-c", HOLD, path], stdout=subprocess.PIPE, text=True, cwd=ROOT)
    assert process.stdout is not None
    assert process.stdout.readline() == "held\n"
    return process


def test_a_lock_leaves_no_file(tmp_path: Path) -> None:
    path = tmp_path / "made" / "lock"
    with refusing(path, "busy"):
        assert path.exists()
    with waiting(path, lambda: pytest.fail("nobody has to be waited for")):
        assert path.exists()
    assert not path.exists()


def test_the_second_is_refused_until_the_first_is_killed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(locking, "_DYING_S", 0.1)
    path = tmp_path / "lock"
    with holder(path) as process:
        with pytest.raises(MissingCapability, match="busy"), refusing(path, "busy"):
            pass
        process.send_signal(signal.SIGKILL)
        process.wait()
    with refusing(path, "busy"):
        pass
    assert not path.exists()


def test_whoever_waits_says_so_once_and_gets_the_lock_that_others_see(tmp_path: Path) -> None:
    path = tmp_path / "lock"
    said: list[float] = []
    with holder(path) as process:

        def say() -> None:
            said.append(time.monotonic())
            process.kill()

        with waiting(path, say) as descriptor:
            assert os.path.samestat(os.fstat(descriptor), path.stat())
    assert len(said) == 1
