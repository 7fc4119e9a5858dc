"""A run under watch: a janitor that removes what is registered as soon as this process ends in whatever way."""

from __future__ import annotations

import os
import secrets
import socket
import subprocess
import sys
from pathlib import Path
from types import TracebackType

import netemu
from netemu.errors import VoidRun
from netemu.lab.janitor import READY
from netemu.lab.namespace import require_root
from netemu.lab.registry import Registry, remove_registered

PACKAGES = str(Path(netemu.__file__).parent.parent)


class Watch:
    """Within ``with Watch() as watch:``, what ``watch.registry`` lists is removed at the end, or at this process's.

    Attributes
    ----------
    registry
        Where to write down what is to be removed: a directory that is half-made, a tracing instance.
    socket
        The janitor's socket: a process that holds it is part of the run. Its end is the run's end.
    process
        The janitor. If it is killed, the caller should end the run; the end of the ``with`` removes in its place.
    """

    def __init__(self) -> None:
        require_root("a run on this machine's kernel")
        self.registry = Registry(secrets.token_hex(6))
        self.socket, its_end = socket.socketpair()
        with its_end:
            descriptor = its_end.fileno()
            command = [sys.executable, "-S", "-s", "-m", "netemu.lab.janitor", str(descriptor), self.registry.run_id]
            self.process = subprocess.Popen(
                command,
                pass_fds=[descriptor],
                env={**os.environ, "PYTHONPATH": PACKAGES},
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                start_new_session=True,
            )
        if self.socket.recv(1) != READY:
            self.close()
            raise VoidRun("the run's janitor ended before the run began: run it again")

    def close(self) -> None:
        """End the run: whatever is registered has been removed when this returns."""
        self.socket.close()
        self.process.wait()
        remove_registered(self.registry.path)

    def __enter__(self) -> Watch:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()
