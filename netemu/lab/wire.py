"""Each link's wire, by the backend that this kernel and the link's effects allow: started, told of t0, ended, judged.

``netem`` (the kernel's qdiscs) is taken where the kernel has it and can express the link exactly, ``relay`` (user
space, exact decisions) elsewhere. A link that names its backend gets that one or an error, never the other.
"""

from __future__ import annotations

import functools
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, Literal

from netemu.errors import BadInput, MissingCapability
from netemu.lab.wire_netem import NetemWires, missing_for_netem
from netemu.lab.wire_relay import RelayWires
from netemu.specs import LinkSpec
from netemu.topology.carriers import expressible

if TYPE_CHECKING:
    from netemu.lab.network import WireSite

Backend = Literal["netem", "relay"]


def choose_backend(link: LinkSpec, netem_lacks: str | None) -> Backend:
    """The backend of ``link``; ``netem_lacks`` is what this kernel lacks for netem wires, None when nothing.

    Raises
    ------
    BadInput
        The link asks for netem, which cannot express one of its effects.
    MissingCapability
        The link asks for netem, which this kernel does not have.
    """
    if link.backend == "relay":
        return "relay"
    reasons = [
        f"link {link.name} {name}: {reason}"
        for name, direction in (("a_to_b", link.a_to_b), ("b_to_a", link.b_to_a))
        if (reason := expressible(direction)) is not None
    ]
    if link.backend == "auto":
        return "relay" if reasons or netem_lacks is not None else "netem"
    if reasons:
        raise BadInput(f"{reasons[0]}; use backend 'relay' or 'auto'")
    if netem_lacks is not None:
        raise MissingCapability(
            f"link {link.name}: backend 'netem': this kernel lacks it ({netem_lacks}): try 'sudo modprobe sch_netem',"
            " boot Debian's stock kernel, or use backend 'relay' or 'auto'"
        )
    return "netem"


@functools.cache
def _netem_lacks() -> str | None:
    return missing_for_netem()


class RunningWires:
    """The wires of a run, forwarding until the end of the ``with``.

    ``backends``: what was chosen for each link, by name. ``summary``: what :meth:`stop` gave at that end.
    """

    summary: dict[str, Any]

    def __init__(self, sites: Sequence[WireSite], directory: Path, seed: int) -> None:
        lacks = _netem_lacks() if any(site.link.backend != "relay" for site in sites) else None
        self.backends: Mapping[str, Backend] = {site.link.name: choose_backend(site.link, lacks) for site in sites}
        self._scratch = tempfile.TemporaryDirectory(prefix="netemu-wires-")
        self._parts: list[NetemWires | RelayWires] = []
        by_netem = [site for site in sites if self.backends[site.link.name] == "netem"]
        by_relay = [site for site in sites if self.backends[site.link.name] == "relay"]
        try:
            if by_relay:
                self._parts.append(RelayWires(by_relay, directory, seed, Path(self._scratch.name)))
            if by_netem:
                self._parts.append(NetemWires(by_netem, directory))
        except BaseException:
            self.kill()
            raise

    def __enter__(self) -> RunningWires:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.summary = self.stop()

    def go(self, t0_ns: int) -> None:
        """Traffic starts at ``t0_ns`` on the monotonic clock: loss, drop lists and schedules begin then.

        Until then, and for the lab's own frames at any time a relay carries them, a wire only has its rate, queue
        and delay.
        """
        for part in self._parts:
            part.go(t0_ns)

    def stop(self) -> dict[str, Any]:
        """End every wire; ``{link: {"backend", "directions": {"a_to_b": totals, ...}, ...}, "void": [reasons]}``.

        Raises nothing for a wire that failed: that is a reason for the run to be void, in the list.
        """
        summary: dict[str, Any] = {}
        voids: list[str] = []
        for part in self._parts:
            links, reasons = part.stop()
            summary |= links
            voids += reasons
        self._parts.clear()
        self._scratch.cleanup()
        return {**summary, "void": voids}

    def kill(self) -> None:
        """End every wire without an account."""
        for part in self._parts:
            part.kill()
        self._parts.clear()
        self._scratch.cleanup()


def start_wires(sites: Sequence[WireSite], directory: Path, seed: int) -> RunningWires:
    """Start the wire of every site; accounts go to ``directory``/<link>.jsonl; all forward when this returns.

    Raises
    ------
    BadInput, MissingCapability
        See :func:`choose_backend`.
    VoidRun
        A wire could not be started, or the kernel took other settings than it was given.
    """
    return RunningWires(sites, directory, seed)
