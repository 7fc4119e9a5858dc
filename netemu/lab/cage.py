r"""The cage: a run in PID, network and mount namespaces of its own, which die with it in whatever way it dies.

::

    outer (netemu run) --- control socket ---> process 1 in the cage --- starts ---> the lab (argv)
       |  \-- unshare -pnm --kill-child ------/        |                               |
       |                                        pidfd of itself                        |
       +-------- one socket, held by all three: its end is the run's end --------------+--> janitor
                                                      (own session; removes what the registry lists)

Killed: *outer*: unshare by its parent-death signal, process 1 by its own and by the end of the control socket;
*unshare*: process 1 by its parent-death signal; *process 1*: the kernel kills all in the PID namespace; *the lab*:
process 1 ends; *the janitor*: outer ends the run and removes in its place.
"""

from __future__ import annotations

import contextlib
import os
import selectors
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from netemu.errors import MissingCapability, NetemuError, VoidRun
from netemu.lab.cage_init import END
from netemu.lab.namespace import require_root
from netemu.lab.registry import Registry
from netemu.lab.watch import PACKAGES, Watch

SCRATCH_PREFIX = "netemu-run-"
RUN_ID_VARIABLE = "NETEMU_RUN_ID"
_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


def current_registry() -> Registry | None:
    """In a cage: the registry of the run that this process is part of. Outside: None."""
    run_id = os.environ.get(RUN_ID_VARIABLE)
    return None if run_id is None else Registry(run_id)


def run_in_cage(
    argv: Sequence[str],
    *,
    stdout: int | None = None,
    stderr: int | None = None,
    environment: Mapping[str, str] | None = None,
    watch: Watch | None = None,
) -> int:
    """Run the program ``argv`` as the lab of a new cage and wait for its end; returns its exit code.

    Parameters
    ----------
    stdout, stderr
        Descriptors for the lab's output; None: this process's. Standard input is empty.
    environment
        Added to this process's. ``TMPDIR`` in the cage is a directory that goes with it.
    watch
        What watches over the run; None: the cage has its own.

    SIGINT, SIGTERM or SIGHUP to this process ends the lab by SIGTERM, five seconds later or at a second signal by
    SIGKILL; when all of it is gone the signal is raised again here, as if it had come then.

    Raises
    ------
    MissingCapability
        Not root, or no ``unshare``/``setpriv`` (util-linux), or the kernel refuses the namespaces.
    VoidRun
        The lab, the cage or the janitor was killed. Nothing of the cage is left by then.
    """
    require_root("a run on this machine's kernel")
    for tool in ("unshare", "setpriv"):
        if shutil.which(tool) is None:
            raise MissingCapability(f"{tool} is missing: apt-get install util-linux")
    with contextlib.ExitStack() as stack, _pending_signals() as pending:
        watching = stack.enter_context(Watch()) if watch is None else watch
        attendance = _Attendance(argv, watching, (stdout, stderr), environment or {})
        try:
            code = attendance.attend(pending)
        finally:
            attendance.close()
    if attendance.received:
        signal.raise_signal(attendance.received[0])
        return 128 + attendance.received[0]
    failure = _failure(code, attendance.up)
    if failure is not None:
        raise failure
    return code


class _Attendance:
    """The outer process's side of one cage: what it holds open, and its wait for the end."""

    def __init__(
        self,
        argv: Sequence[str],
        watch: Watch,
        outputs: tuple[int | None, int | None],
        environment: Mapping[str, str],
    ) -> None:
        self.watch = watch
        self.up = False
        self.received: list[int] = []
        self.control, inner = socket.socketpair()
        with inner:
            descriptors = [inner.fileno(), watch.socket.fileno()]
            run_id = watch.registry.run_id
            # One watch may see several cages, so the directory has a number of its own.
            scratch = Path(tempfile.gettempdir()) / f"{SCRATCH_PREFIX}{run_id}-{os.urandom(3).hex()}"
            command = ["setpriv", "--pdeathsig", "KILL", "--"]
            command += ["unshare", "-pnm", "--fork", "--kill-child=SIGKILL", "--mount-proc", "--"]
            command += [sys.executable, "-S", "-s", "-m", "netemu.lab.cage_init", *map(str, descriptors)]
            inherited = {**os.environ, **environment}
            path = os.pathsep.join([PACKAGES, *filter(None, [inherited.get("PYTHONPATH")])])
            self.process = subprocess.Popen(
                [*command, run_id, str(scratch), "--", *argv],
                pass_fds=descriptors,
                env={**inherited, "PYTHONPATH": path, RUN_ID_VARIABLE: run_id},
                stdin=subprocess.DEVNULL,
                stdout=outputs[0],
                stderr=outputs[1],
                start_new_session=True,
            )

    def attend(self, pending: int) -> int:
        """Wait for the cage's end, passing signals on; its exit code."""
        process_fd, janitor_fd = os.pidfd_open(self.process.pid), os.pidfd_open(self.watch.process.pid)
        try:
            with selectors.DefaultSelector() as selector:
                for descriptor in (process_fd, janitor_fd, pending, self.control.fileno()):
                    selector.register(descriptor, selectors.EVENT_READ)
                while True:
                    ready = {key.fd for key, _ in selector.select()}
                    if self.control.fileno() in ready:
                        self.up = bool(self.control.recv(1)) or self.up
                        selector.unregister(self.control)
                    if pending in ready:
                        self._pass_on(os.read(pending, 64))
                    if process_fd in ready:
                        return self.process.wait()
                    if janitor_fd in ready:
                        raise VoidRun("the run's janitor was killed, so the run was ended: run it again")
        finally:
            os.close(process_fd)
            os.close(janitor_fd)

    def _pass_on(self, numbers: bytes) -> None:
        self.received += numbers
        with contextlib.suppress(BrokenPipeError):
            self.control.sendall(END)
            if len(self.received) > 1:
                self.control.shutdown(socket.SHUT_WR)

    def close(self) -> None:
        """Let nothing of the cage outlive this call: process 1 ends at the end of the control socket."""
        self.control.close()
        self.process.wait()


def _failure(code: int, up: bool) -> NetemuError | None:
    if not up:
        return MissingCapability(
            f"the cage did not start (unshare ended with {code}): this kernel or container must allow new PID, network"
            " and mount namespaces to root"
        )
    killed = -code if code < 0 else code - 128
    if killed in signal.valid_signals():
        return VoidRun(f"the run was ended by signal {killed} ({signal.Signals(killed).name}): run it again")
    return None


@contextlib.contextmanager
def _pending_signals() -> Iterator[int]:
    """A descriptor that gives one byte, its number, for each signal; outside the main thread it never gives any."""
    read_end, write_end = os.pipe2(os.O_CLOEXEC | os.O_NONBLOCK)
    main = threading.current_thread() is threading.main_thread()
    before = {number: signal.getsignal(number) for number in _SIGNALS}
    try:
        if main:
            for number in _SIGNALS:
                signal.signal(number, lambda received, _frame: os.write(write_end, bytes([received])) and None)
        yield read_end
    finally:
        if main:
            for number, handler in before.items():
                signal.signal(number, handler)
        os.close(read_end)
        os.close(write_end)
