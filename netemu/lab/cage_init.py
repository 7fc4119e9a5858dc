"""Process 1 inside the cage: ``-m netemu.lab.cage_init CONTROL_FD JANITOR_FD RUN_ID SCRATCH -- ARGV...``.

It starts the lab, reaps every orphan, and ends as soon as the lab has ended, whereupon the kernel kills whatever is
left in the PID namespace. It ends at once when the outer process is gone (the control socket's end), so no order of
deaths leaves it behind, and passes a request to end (SIGTERM) on to the lab.
"""

from __future__ import annotations

import os
import select
import signal
import socket
import sys
import time
from contextlib import suppress
from pathlib import Path

from netemu.lab.registry import Registry, mount_tracefs_privately

UP = b"u"
END = b"e"
GRACE_MS = 5000
_KILLED = 128 + signal.SIGKILL
_CONNECTION_TABLE_ENTRIES = 4096
_NOT_FOUND = 127


def exit_code(status: int) -> int:
    """The exit code that says what ``status`` of waitpid(2) says: 128 + signal for a process that a signal ended."""
    code = os.waitstatus_to_exitcode(status)
    return 128 - code if code < 0 else code


def _reap(lab: int) -> int | None:
    """Reap everything that has ended; the lab's exit code if it was among it."""
    with suppress(ChildProcessError):
        while True:
            pid, status = os.waitpid(-1, os.WNOHANG)
            if pid == 0:
                break
            if pid == lab:
                return exit_code(status)
    return None


def serve(control: socket.socket, lab: int, wakeup: int) -> int:
    """Reap until the lab has ended or must; returns the exit code of the cage."""
    poll = select.poll()
    poll.register(control, select.POLLIN)
    poll.register(wakeup, select.POLLIN)
    deadline_ms: float | None = None
    while True:
        remaining = None if deadline_ms is None else max(0, deadline_ms - time.monotonic() * 1000)
        ready = dict(poll.poll(remaining))
        if remaining is not None and not ready:
            return _KILLED
        if wakeup in ready:
            os.read(wakeup, 512)
        code = _reap(lab)
        if code is not None:
            return code
        if control.fileno() in ready:
            if control.recv(16) == b"":
                return _KILLED
            os.kill(lab, signal.SIGTERM)
            deadline_ms = deadline_ms or time.monotonic() * 1000 + GRACE_MS


def give_hosts_tables_of_their_own() -> None:
    """Namespaces made from here on get a TCP connection table each, where the kernel can (6.1 and newer).

    A dump by sock_diag walks the whole table. The one that namespaces share otherwise has a bucket for every few
    kilobytes of the machine's memory: 371 us a dump on the build machine against 10 us with a table of its own, so
    that new sockets are found within a sample. Nothing but the look-up of connections depends on the size.
    """
    with suppress(FileNotFoundError):
        Path("/proc/sys/net/ipv4/tcp_child_ehash_entries").write_text(str(_CONNECTION_TABLE_ENTRIES))


def main(arguments: list[str]) -> int:
    """Run the command behind ``--`` as the lab."""
    split = arguments.index("--")
    command = arguments[split + 1 :]
    control, janitor = (socket.socket(fileno=int(text)) for text in arguments[:2])
    registry, scratch = Registry(arguments[2]), Path(arguments[3])
    control.set_inheritable(False)
    read_end, write_end = os.pipe()
    os.set_blocking(write_end, False)
    signal.set_wakeup_fd(write_end)
    signal.signal(signal.SIGCHLD, lambda *_: None)
    for ignored in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(ignored, signal.SIG_IGN)
    me = os.pidfd_open(os.getpid())
    socket.send_fds(janitor, [b"p"], [me])
    os.close(me)
    mount_tracefs_privately()
    give_hosts_tables_of_their_own()
    registry.add_tree(scratch)
    scratch.mkdir(mode=0o700)
    control.sendall(UP)
    # The lab is part of the run as long as it lives; what it starts is not (Popen closes descriptors).
    janitor.set_inheritable(True)
    environment = {**os.environ, "TMPDIR": str(scratch)}
    defaults = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGCHLD)
    try:
        lab = os.posix_spawnp(command[0], command, environment, setsigmask=(), setsigdef=defaults)
    except OSError as error:
        print(f"netemu: error: {command[0]}: {error.strerror}", file=sys.stderr)
        return _NOT_FOUND
    return serve(control, lab, read_end)


if __name__ == "__main__":
    # Nothing that a normal interpreter's end does is wanted here, and nothing may delay it.
    os._exit(main(sys.argv[1:]))
