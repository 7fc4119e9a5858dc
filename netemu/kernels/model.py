"""Kernel ``model:<profile>``: readable Python models of the Linux TCP stack, in virtual time, without root.

``model:linux-7`` is one of the eras of :mod:`netemu.stack.eras`, or a profile of the entry-point group
``netemu.profiles``. Options replace single fields of the profile: ``model:linux-7?hz=1000&memory=512M``. Interpreted or
compiled (:mod:`netemu.compiled`), a run leaves the same bytes; ``form`` of its account says which it was.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec

from netemu import compiled
from netemu.errors import BadInput, MissingCapability
from netemu.kernels.guest_name import memory_bytes, split_name
from netemu.recording.layout import Recording
from netemu.specs import Plan, to_json

if TYPE_CHECKING:
    from netemu.kernels import Progress
    from netemu.stack.profile import Profile

_KNOWN = {"hz": "250", "memory": "1G", "bbr_phase": "0"}


class ModelKernel:
    """Executes plans by :mod:`netemu.sim` in this process."""

    parallel = True

    def __init__(self, name: str) -> None:
        compiled.arrange()
        self.name = name
        self.profile = profile_named(name)

    @contextlib.contextmanager
    def guarded(self, directory: Path) -> Iterator[None]:
        """See :meth:`netemu.kernels.Kernel.guarded`: the directory is all that a killed run would leave."""
        from netemu.kernels.guest import guard

        with guard([directory]):
            yield

    def execute(self, plan: Plan, recording: Recording, progress: Progress) -> None:
        """See :meth:`netemu.kernels.Kernel.execute`."""
        from netemu.sim.execute import execute

        for node in plan.nodes:
            if node.kernel not in (None, self.name):
                raise MissingCapability(
                    f"node {node.name!r} asks for kernel {node.kernel!r}; {self.name} runs every node on one model:"
                    " remove the attribute"
                )
        recording.plan.write_text(to_json(plan))
        execute(plan, self.profile, recording, progress, self._account())

    def _account(self) -> dict[str, Any]:
        profile = self.profile
        return {
            "kernel": {
                "release": profile.release,
                "version": f"model {profile.name}, {profile.judgement}",
                "machine": "model",
                "judgement": profile.judgement,
            },
            "form": str(compiled.form()),
            "guest": {"kernel": self.name, "origin": "model", "time": "virtual", "memory_bytes": profile.memory_bytes},
        }


def profile_named(name: str) -> Profile:
    """The profile in ``model:<profile>[?hz=..][&memory=..][&bbr_phase=..]``; :class:`BadInput` names what is wrong."""
    from netemu.stack.profile import check_profile, find_profile

    era, given = split_name(name, "model", "model:PROFILE, such as model:linux-7", _KNOWN)
    profile = find_profile(era)
    if "hz" in given:
        if not given["hz"].isdecimal():
            raise BadInput(f"--kernel {name!r}: hz={given['hz']!r}: it is 100, 250 or 1000")
        profile = msgspec.structs.replace(profile, hz=int(given["hz"]))
    if "bbr_phase" in given:
        if not given["bbr_phase"].isdecimal():
            raise BadInput(f"--kernel {name!r}: bbr_phase={given['bbr_phase']!r}: it is a number from 0 to 6")
        profile = msgspec.structs.replace(profile, bbr_phase=int(given["bbr_phase"]))
    if "memory" in given:
        profile = msgspec.structs.replace(profile, memory_bytes=memory_bytes(given["memory"], name))
    return check_profile(profile, f"--kernel {name!r}")
