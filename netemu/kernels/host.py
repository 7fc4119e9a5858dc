"""Kernel ``host``: the Linux kernel of this machine, in real time, inside a cage that leaves nothing behind."""

from __future__ import annotations

import contextlib
import json
import os
import sys
import threading
from collections.abc import Iterator, Sequence
from pathlib import Path

from netemu.errors import BadInput, MissingCapability, NetemuError, VoidRun
from netemu.kernels import Progress
from netemu.lab.cage import run_in_cage
from netemu.lab.namespace import sysctl_path
from netemu.lab.watch import Watch
from netemu.recording.account import add_to_account
from netemu.recording.layout import Recording
from netemu.specs import Plan, to_json

MACHINE_SYSCTLS = (
    "net.core.default_qdisc",
    "net.core.netdev_budget",
    "net.core.netdev_max_backlog",
    "net.ipv4.tcp_low_latency",
    "net.ipv4.tcp_max_orphans",
    "net.ipv4.tcp_mem",
    "net.ipv4.udp_mem",
)
"""What all namespaces share and none of them shows, so that the lab cannot read it back."""

_ERRORS: dict[str, type[NetemuError]] = {kind.__name__: kind for kind in (BadInput, MissingCapability, VoidRun)}


class HostKernel:
    """Executes plans by :mod:`netemu.lab` in a caged process of its own."""

    parallel = False

    def __init__(self, name: str = "host") -> None:
        if name != "host":
            raise BadInput(f"--kernel {name!r}: the kernel 'host' takes no version or option")
        self.name = name
        self._watch: Watch | None = None

    @contextlib.contextmanager
    def guarded(self, directory: Path) -> Iterator[None]:
        """See :meth:`netemu.kernels.Kernel.guarded`; the run's janitor removes the directory unless it is renamed."""
        with Watch() as watch:
            watch.registry.add_tree(directory)
            self._watch = watch
            try:
                yield
            finally:
                self._watch = None

    def execute(self, plan: Plan, recording: Recording, progress: Progress) -> None:
        """See :meth:`netemu.kernels.Kernel.execute`."""
        for node in plan.nodes:
            if node.kernel not in (None, "host"):
                raise MissingCapability(
                    f"node {node.name!r} asks for kernel {node.kernel!r}; the kernel 'host' runs every node on this"
                    " machine's kernel: remove the attribute"
                )
        recording.plan.write_text(to_json(plan))
        failures: list[NetemuError] = []
        read_end, write_end = os.pipe()
        # A thread reads what the lab says while this one waits for the cage, which wants the main thread's signals.
        reader = threading.Thread(target=_listen, args=(read_end, progress, failures))
        reader.start()
        try:
            with recording.log.open("ab") as log:
                argv = [sys.executable, "-m", "netemu.lab", str(recording.root)]
                code = run_in_cage(argv, stdout=write_end, stderr=log.fileno(), watch=self._watch)
        finally:
            os.close(write_end)
            reader.join()
        if failures:
            raise failures[0]
        if code != 0:
            lines = recording.log.read_text(errors="replace").splitlines()
            raise VoidRun(f"the lab ended with exit code {code}: {lines[-1] if lines else 'it printed no error'}")
        add_to_account(recording, machine_sysctls=machine_sysctls())


def machine_sysctls(names: Sequence[str] = MACHINE_SYSCTLS) -> dict[str, str | None]:
    """The values of ``names`` in this process's namespace; None for one that is not observable there."""
    found: dict[str, str | None] = {}
    for name in names:
        path = sysctl_path(name)
        found[name] = " ".join(path.read_text().split()) if path.exists() else None
    return found


def _listen(descriptor: int, progress: Progress, failures: list[NetemuError]) -> None:
    """Take the lab's lines until nobody can write any more."""
    with open(descriptor, encoding="utf-8") as lines:  # a descriptor, which is no Path
        for line in lines:
            message = json.loads(line)
            if "error" in message:
                failures.append(_ERRORS[message["error"]](message["message"]))
            else:
                progress(message["progress"])
