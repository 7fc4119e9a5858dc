"""Process 1 reaps orphans, passes the end on, and ends with the lab or with the outer process."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import threading
import time

import pytest

from netemu.lab import cage_init
from netemu.lab.cage_init import END, exit_code, serve


@pytest.mark.parametrize(("status", "code"), [(0, 0), (3 << 8, 3), (signal.SIGKILL, 137), (signal.SIGTERM, 143)])
def test_a_wait_status_becomes_the_exit_code_a_shell_would_give(status: int, code: int) -> None:
    assert exit_code(status) == code


@pytest.fixture
def wakeup() -> tuple[int, int]:
    read_end, write_end = os.pipe()
    os.set_blocking(write_end, False)
    return read_end, write_end


def served(command: list[str], wakeup: tuple[int, int], meanwhile: object) -> tuple[int, float]:
    """What serve() returns for a lab ``command``, and after how long; SIGCHLD wakes it as in the cage."""
    outer, control = socket.socketpair()
    before = signal.signal(signal.SIGCHLD, lambda *_: None)
    before_fd = signal.set_wakeup_fd(wakeup[1], warn_on_full_buffer=False)
    begin = time.monotonic()
    try:
        lab = os.posix_spawnp(command[0], command, os.environ)
        worker = threading.Thread(target=meanwhile, args=(outer, lab))  # type: ignore[arg-type]
        worker.start()
        code = serve(control, lab, wakeup[0])
        took_s = time.monotonic() - begin
        worker.join()
    finally:
        signal.set_wakeup_fd(before_fd)
        signal.signal(signal.SIGCHLD, before)
        outer.close()
        control.close()
    try:
        os.kill(lab, signal.SIGKILL)
        os.waitpid(lab, 0)
    except (ProcessLookupError, ChildProcessError):
        pass
    return code, took_s


def test_it_ends_with_the_labs_exit_code(wakeup: tuple[int, int]) -> None:
    assert served(["sh", "-c", "exit 3"], wakeup, lambda outer, lab: None)[0] == 3


def test_a_request_to_end_reaches_the_lab_as_sigterm(wakeup: tuple[int, int]) -> None:
    code, took_s = served(["sleep", "60"], wakeup, lambda outer, lab: outer.sendall(END))
    assert code == 128 + signal.SIGTERM
    assert took_s < 2


def test_a_lab_that_does_not_end_is_given_up_after_the_grace(
    wakeup: tuple[int, int], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cage_init, "GRACE_MS", 200)

    def ask(outer: socket.socket, lab: int) -> None:
        time.sleep(0.3)
        outer.sendall(END)

    code, took_s = served(["sh", "-c", "trap '' TERM; while :; do sleep 1; done"], wakeup, ask)
    assert code == 128 + signal.SIGKILL
    assert 0.5 <= took_s < 3


def test_the_end_of_the_control_socket_ends_it_at_once(wakeup: tuple[int, int]) -> None:
    code, took_s = served(["sleep", "60"], wakeup, lambda outer, lab: outer.close())
    assert code == 128 + signal.SIGKILL
    assert took_s < 2


@pytest.mark.lab
def test_orphans_are_reaped_in_a_cage() -> None:
    from netemu.lab.cage import run_in_cage

    # A grandchild whose parent has ended is process 1's child; as a zombie it would stay in /proc.
    script = "(sh -c 'echo $$; exit 0' > /dev/null &) ; sleep 0.3; grep -l 'State:.Z' /proc/[0-9]*/status; test $? = 1"
    assert run_in_cage(["sh", "-c", script], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) == 0
