"""Kernels: what executes a Plan and leaves a Recording. Each is an entry point of the group ``netemu.kernels``.

A kernel is named ``<family>[:<version>][?<option>=<value>]``, for example ``host`` or ``uml:6.12?time=virtual``; the
family picks the entry point, which gets the rest. A kernel knows nothing of analysis.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from importlib.metadata import entry_points
from pathlib import Path
from typing import Protocol

from netemu.errors import BadInput, MissingCapability
from netemu.recording.layout import Recording
from netemu.specs import Plan

Progress = Callable[[str], None]
"""Called with one short line for each step of a run, such as ``"probing 3 links"``."""


class Kernel(Protocol):
    """Something that can execute a Plan.

    ``parallel``: nothing that this machine does shows in its runs, nor do they in those of others, so that several may
    go on at once. A kernel in real time is False: two of them would measure each other.
    """

    name: str
    parallel: bool

    def guarded(self, directory: Path) -> AbstractContextManager[None]:
        """While it is open, ``directory`` is removed should this process be killed, as far as this kernel can."""
        ...

    def execute(self, plan: Plan, recording: Recording, progress: Progress) -> None:
        """Run ``plan`` and leave plan, captures, agents, samples, wires and ``execution.json`` in ``recording``.

        :raises MissingCapability: this kernel cannot do what the plan asks; nothing was run.
        :raises VoidRun: it was run, and what was measured cannot be trusted.
        """
        ...


def kernel_named(name: str) -> Kernel:
    """The kernel that ``--kernel NAME`` means."""
    family = name.partition(":")[0].partition("?")[0]
    found = [entry for entry in entry_points(group="netemu.kernels") if entry.name == family]
    if not found:
        known = ", ".join(sorted({entry.name for entry in entry_points(group="netemu.kernels")}))
        raise BadInput(f"--kernel {name!r}: there is no kernel family {family!r} (known: {known})")
    if len(found) > 1:
        raise MissingCapability(
            f"--kernel {name!r}: {len(found)} installed packages provide the family {family!r}; uninstall all but one"
        )
    factory = found[0].load()
    kernel: Kernel = factory(name)
    return kernel
