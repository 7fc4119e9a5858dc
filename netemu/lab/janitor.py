"""The process that outlives a run and removes what the run's own death leaves: ``-m netemu.lab.janitor FD RUN_ID``.

It sits in a session of its own and waits for the end of a socket whose other ends the run's processes hold: when the
last of them is dead, for whatever reason, the socket ends. Before that, the cage's first process has sent a descriptor
of itself (a pidfd); the kernel reports its exit only after everything else in its PID namespace is gone. Only then is
what the registry lists free to be removed. The janitor is done then, and exits.
"""

from __future__ import annotations

import os
import select
import signal
import socket
import sys

from netemu.lab.registry import create_registry, registry_path, remove_registered

READY = b"r"
_EXIT_WAIT_MS = 5000


def wait_for_exit(pidfd: int) -> None:
    """Return once the process behind ``pidfd`` has exited; one that takes longer than five seconds is killed."""
    poll = select.poll()
    poll.register(pidfd, select.POLLIN)
    if not poll.poll(_EXIT_WAIT_MS):
        signal.pidfd_send_signal(pidfd, signal.SIGKILL)
        poll.poll()


def main(arguments: list[str]) -> int:
    """Watch over one run; ``arguments`` are the socket's descriptor and the run's id."""
    for ignored in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(ignored, signal.SIG_IGN)
    os.chdir("/")
    run = socket.socket(fileno=int(arguments[0]))
    registry = registry_path(arguments[1])
    create_registry(registry)
    watched: list[int] = []
    try:
        run.sendall(READY)
        while True:
            data, descriptors, _, _ = socket.recv_fds(run, 64, 4)
            watched += descriptors
            if not data:
                break
    except (BrokenPipeError, ConnectionResetError):
        pass  # the run is gone already: that is the event waited for
    for pidfd in watched:
        wait_for_exit(pidfd)
    remove_registered(registry)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
