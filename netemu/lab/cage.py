"""The cage: a run in PID, network and mount namespaces of its own, which die with it in whatever way it dies.

::

    outer (netemu run) --- control socket ---> process 1 in the cage --- starts ---> the lab (argv)
       |  \\-- unshare -pnm --kill-child -----/        |
       |                                              | pidfd
       +------ socket: its end is the run's end -----> janitor (own session) --> removes what the registry lists

Killed: *outer*: unshare and process 1 by their parent-death signal, and process 1 by the end of the control socket;
*unshare*: process 1 by its parent-death signal; *process 1*: the kernel kills all in the PID namespace; *the lab*:
process 1 ends; *the janitor*: outer ends the run and removes in its place.
"""

from __future__ import annotations

import contextlib
import os
import secrets
import selectors
import shutil
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import netemu
from netemu.errors import BadInput, MissingCapability, NetemuError, VoidRun
from netemu.lab.cage_init import END
from netemu.lab.namespace import require_root
from netemu.lab.registry import INSTANCE_PREFIX, TRACING, note, registry_path, remove_registered

_ENVIRONMENT = "NETEMU_CAGE"
_PACKAGES = str(Path(netemu.__file__).parent.parent)
_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


@dataclass(frozen=True, slots=True)
class Cage:
    """The cage as the lab inside it sees it: where it writes down what its death would leave behind."""

    run_id: str

    @property
    def instance_name(self) -> str:
        """The name of this run's tracing instance."""
        return f"{INSTANCE_PREFIX}{self.run_id}"

    def register_instance(self) -> Path:
        """Have the run's tracing instance removed whatever happens; returns its path, for the caller to make."""
        note(registry_path(self.run_id), "add", "instance", self.instance_name)
        return TRACING / "instances" / self.instance_name

    def register_tree(self, path: Path) -> None:
        """Have the directory ``path``, which must not exist yet, removed unless :meth:`release_tree` comes first."""
        if path.exists() or path.is_symlink():
            raise BadInput(f"{path}: exists already, so this run must not make and remove it; choose another directory")
        note(registry_path(self.run_id), "add", "tree", str(path.absolute()))

    def release_tree(self, path: Path) -> None:
        """Keep the directory: it is complete."""
        note(registry_path(self.run_id), "release", "tree", str(path.absolute()))


def current_cage() -> Cage | None:
    """The cage in which this process is the lab, or None outside."""
    run_id = os.environ.get(_ENVIRONMENT)
    return None if run_id is None else Cage(run_id)


def run_in_cage(
    argv: Sequence[str],
    *,
    environment: Mapping[str, str] | None = None,
    stdout: int | None = None,
    stderr: int | None = None,
) -> int:
    """Run the program ``argv`` as the lab of a new cage and wait for its end; returns its exit code.

    Standard output and error are this process's or the descriptors given, standard input is empty; ``environment``
    is added to this process's.
    SIGINT, SIGTERM and SIGHUP to this process end the lab by SIGINT (a KeyboardInterrupt); a second one, or five
    seconds, end it by SIGKILL; the result is 128 + the signal then.

    Raises
    ------
    MissingCapability
        Not root, or no ``unshare``/``setpriv`` (util-linux), or the kernel refuses the namespaces.
    VoidRun
        The cage or the janitor was killed. Everything is removed by then.
    """
    require_root("a run on this machine's kernel")
    for tool in ("unshare", "setpriv"):
        if shutil.which(tool) is None:
            raise MissingCapability(f"{tool} is missing: apt-get install util-linux")
    run_id = secrets.token_hex(6)
    control, inner_control = socket.socketpair()
    ours, janitors = socket.socketpair()
    with contextlib.ExitStack() as stack:
        for opened in (control, inner_control, ours, janitors):
            stack.enter_context(opened)
        pending = stack.enter_context(_pending_signals())
        janitor = _start_janitor(janitors, run_id)
        janitors.close()
        try:
            if ours.recv(1) != b"r":
                raise VoidRun("the run's janitor ended before the run began")
            cage = _start_cage(argv, run_id, (inner_control, ours), environment or {}, (stdout, stderr))
            inner_control.close()
            try:
                return _attend(cage, janitor, control, pending)
            finally:
                # Nothing may outlive this call: process 1 ends at the end of the control socket, unshare with it.
                control.close()
                cage.wait()
        finally:
            ours.close()
            janitor.wait()
            remove_registered(registry_path(run_id))


def _start_janitor(its_end: socket.socket, run_id: str) -> subprocess.Popen[bytes]:
    command = [
        sys.executable,
        "-S",
        "-s",
        "-m",
        "netemu.lab.janitor",
        str(its_end.fileno()),
        str(registry_path(run_id)),
    ]
    return subprocess.Popen(
        command,
        pass_fds=[its_end.fileno()],
        env={**os.environ, "PYTHONPATH": _PACKAGES},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        start_new_session=True,
    )


def _start_cage(
    argv: Sequence[str],
    run_id: str,
    sockets: tuple[socket.socket, socket.socket],
    environment: Mapping[str, str],
    outputs: tuple[int | None, int | None],
) -> subprocess.Popen[bytes]:
    descriptors = [opened.fileno() for opened in sockets]
    command = ["setpriv", "--pdeathsig", "KILL", "--"]
    command += ["unshare", "-pnm", "--fork", "--kill-child=SIGKILL", "--mount-proc", "--"]
    command += [sys.executable, "-S", "-s", "-m", "netemu.lab.cage_init", *map(str, descriptors), "--", *argv]
    inherited = {**os.environ, **environment}
    path = os.pathsep.join([_PACKAGES, *filter(None, [inherited.get("PYTHONPATH")])])
    return subprocess.Popen(
        command,
        pass_fds=descriptors,
        env={**inherited, "PYTHONPATH": path, _ENVIRONMENT: run_id},
        stdin=subprocess.DEVNULL,
        stdout=outputs[0],
        stderr=outputs[1],
        start_new_session=True,
    )


def _attend(
    cage: subprocess.Popen[bytes], janitor: subprocess.Popen[bytes], control: socket.socket, pending: int
) -> int:
    """Wait for the cage's end, passing signals on; its exit code."""
    up = False
    received: list[int] = []
    with selectors.DefaultSelector() as selector:
        cage_fd, janitor_fd = os.pidfd_open(cage.pid), os.pidfd_open(janitor.pid)
        try:
            for descriptor in (cage_fd, janitor_fd, pending, control.fileno()):
                selector.register(descriptor, selectors.EVENT_READ)
            while True:
                ready = {key.fd for key, _ in selector.select()}
                if control.fileno() in ready:
                    up = bool(control.recv(1)) or up
                    selector.unregister(control.fileno())
                if pending in ready:
                    received += os.read(pending, 64)
                    if len(received) > 1:
                        control.shutdown(socket.SHUT_WR)
                    else:
                        with contextlib.suppress(BrokenPipeError):
                            control.sendall(END)
                if cage_fd in ready:
                    return _outcome(cage.wait(), up, received)
                if janitor_fd in ready:
                    raise VoidRun("the run's janitor was killed, so the run was ended: run it again")
        finally:
            os.close(cage_fd)
            os.close(janitor_fd)


def _outcome(code: int, up: bool, received: Sequence[int]) -> int:
    if received and (code < 0 or code >= 126):
        return 128 + received[0]
    failure = _failure(code, up)
    if failure is not None:
        raise failure
    return code


def _failure(code: int, up: bool) -> NetemuError | None:
    if not up:
        return MissingCapability(
            f"the cage did not start (unshare ended with {code}): this kernel or container must allow new PID, network"
            " and mount namespaces to root"
        )
    killed = -code if code < 0 else code - 128
    if killed > 0 and killed in signal.valid_signals():
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
