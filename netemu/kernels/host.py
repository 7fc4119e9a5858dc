"""Kernel ``host``: the Linux kernel of this machine, in real time, inside a cage that leaves nothing behind."""

from __future__ import annotations

import json
import sys

from netemu.errors import BadInput, MissingCapability, NetemuError, VoidRun
from netemu.kernels import Progress
from netemu.lab.cage import run_in_cage
from netemu.recording.layout import Recording
from netemu.specs import Plan, to_json

_ERRORS: dict[str, type[NetemuError]] = {kind.__name__: kind for kind in (BadInput, MissingCapability, VoidRun)}


class HostKernel:
    """Executes plans by :mod:`netemu.lab` in a caged process of its own."""

    def __init__(self, name: str = "host") -> None:
        if name != "host":
            raise BadInput(f"--kernel {name!r}: the kernel 'host' takes no version or option")
        self.name = name

    def execute(self, plan: Plan, recording: Recording, progress: Progress) -> None:
        """See :meth:`netemu.kernels.Kernel.execute`."""
        for node in plan.nodes:
            if node.kernel not in (None, "host"):
                raise MissingCapability(
                    f"node {node.name!r} asks for kernel {node.kernel!r}; the kernel 'host' runs every node on this"
                    " machine's kernel: remove the attribute"
                )
        recording.plan.write_text(to_json(plan))
        failure: list[NetemuError] = []

        def on_line(line: str) -> None:
            message = json.loads(line)
            if "error" in message:
                failure.append(_ERRORS[message["error"]](message["message"]))
            else:
                progress(message["progress"])

        code = run_in_cage([sys.executable, "-m", "netemu.lab", str(recording.root)], on_line=on_line)
        if failure:
            raise failure[0]
        if code != 0:
            raise VoidRun(f"the lab ended with exit code {code}; its output is in {recording.log}")
