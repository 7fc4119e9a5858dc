"""The janitor removes when the last holder of its socket is gone, and not before the cage is."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from netemu.lab.janitor import READY
from netemu.lab.registry import Registry, registry_path, stale_registries

pytestmark = pytest.mark.lab


@pytest.fixture
def run_id(request: pytest.FixtureRequest) -> str:
    return f"test{os.getpid()}{abs(hash(request.node.name)) % 10**6}"


def started(run_id: str) -> tuple[subprocess.Popen[bytes], socket.socket]:
    ours, its_end = socket.socketpair()
    command = [sys.executable, "-S", "-s", "-m", "netemu.lab.janitor", str(its_end.fileno()), run_id]
    process = subprocess.Popen(command, pass_fds=[its_end.fileno()])
    its_end.close()
    assert ours.recv(1) == READY
    return process, ours


def test_it_removes_what_is_listed_when_the_run_ends(run_id: str, tmp_path: Path) -> None:
    process, ours = started(run_id)
    (tmp_path / "left").mkdir()
    Registry(run_id).add_tree(tmp_path / "left")
    assert registry_path(run_id) not in stale_registries()
    ours.close()
    assert process.wait(5) == 0
    assert not (tmp_path / "left").exists()
    assert not registry_path(run_id).exists()


def test_signals_that_end_a_run_do_not_end_it(run_id: str) -> None:
    process, ours = started(run_id)
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        process.send_signal(number)
    with pytest.raises(subprocess.TimeoutExpired):
        process.wait(0.3)
    ours.close()
    assert process.wait(5) == 0


def test_it_waits_for_the_process_it_was_given(run_id: str, tmp_path: Path) -> None:
    process, ours = started(run_id)
    (tmp_path / "left").mkdir()
    Registry(run_id).add_tree(tmp_path / "left")
    cage = subprocess.Popen(["sleep", "60"])
    pidfd = os.pidfd_open(cage.pid)
    socket.send_fds(ours, [b"p"], [pidfd])
    os.close(pidfd)
    ours.close()
    with pytest.raises(subprocess.TimeoutExpired):
        process.wait(0.3)
    assert (tmp_path / "left").exists()
    cage.kill()
    assert process.wait(5) == 0
    assert not (tmp_path / "left").exists()
    cage.wait()
