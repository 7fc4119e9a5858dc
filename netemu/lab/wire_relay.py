"""Relay processes for the links that a user-space wire carries: start, tell, end, judge."""

from __future__ import annotations

import contextlib
import os
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec

from netemu.errors import VoidRun
from netemu.lab.members import Member, start, wait_end, wait_ready
from netemu.lab.start import time_is_virtual
from netemu.link.account import DIRECTIONS
from netemu.link.draws import derive_seed

if TYPE_CHECKING:
    from netemu.lab.network import WireSite
    from netemu.specs import LinkSpec

_ETHERNET_BYTES = 18  # header and a VLAN tag
_LARGEST_SEGMENT_BYTES = 65536 + 256  # with segmentation left to the device
_RING_BYTES = 4 << 20
_RING_TOTAL_BYTES = 256 << 20
_RING_LEAST_BYTES = 256 << 10
_RING_OFFLOADS_BYTES = 64 << 20  # slots of the largest segment: some 900
_ACCOUNT_TIMEOUT_S = 120.0


@dataclass(frozen=True, slots=True)
class SocketSite:
    """Where a wire between guests is to be: the relay's sockets of ends ``a`` and ``b`` (netemu.lab.relay_socket)."""

    link: LinkSpec
    sockets: tuple[int, int]


def seed_of(plan_seed: int, link: str, direction: str) -> int:
    """The seed of one direction of a link; a simulator that runs the same plan uses the same."""
    return derive_seed(plan_seed, link, direction)


def relay_spec(
    sites: Sequence[WireSite | SocketSite],
    directory: Path,
    plan_seed: int,
    links_in_all: int,
    processors: Sequence[int] = (),
) -> dict[str, Any]:
    """What :mod:`netemu.lab.relay` reads: the wires of one process, and the two processors that it runs on, if any."""
    ring_bytes = max(_RING_LEAST_BYTES, min(_RING_BYTES, _RING_TOTAL_BYTES // (2 * links_in_all)))
    wires = [_wire(site, directory, plan_seed, ring_bytes) for site in sites]
    return {"time_is_virtual": time_is_virtual(), "processors": list(processors), "wires": wires}


def processors_of(number: int) -> list[int]:
    """The processors of relay ``number``: one, and another one that helps when the first is held up.

    None where there are no two, or where nothing can be held up: in virtual time.
    """
    usable = sorted(os.sched_getaffinity(0))
    if len(usable) < 2 or time_is_virtual():
        return []
    return [usable[(number + step) % len(usable)] for step in (0, 1)]


def _wire(site: WireSite | SocketSite, directory: Path, plan_seed: int, ring_bytes: int) -> dict[str, Any]:
    link = site.link
    mtu_bytes = max(link.a_to_b.mtu_bytes, link.b_to_a.mtu_bytes)
    return {
        "link": link.name,
        **({"sockets": site.sockets} if isinstance(site, SocketSite) else {"namespace": site.namespace.path}),
        "log": str(directory / f"{link.name}.jsonl"),
        "frame_bytes": _ETHERNET_BYTES + (_LARGEST_SEGMENT_BYTES if link.offloads else mtu_bytes),
        "ring_bytes": _RING_OFFLOADS_BYTES if link.offloads else ring_bytes,
        "a_to_b": msgspec.to_builtins(link.a_to_b),
        "b_to_a": msgspec.to_builtins(link.b_to_a),
        "seeds": {direction: seed_of(plan_seed, link.name, direction) for direction in DIRECTIONS},
    }


class RelayWires:
    """The relay processes of a run: at most one per processor, the links spread over them."""

    def __init__(self, sites: Sequence[WireSite | SocketSite], directory: Path, plan_seed: int, scratch: Path) -> None:
        """Start them, and return when every wire forwards; :class:`~netemu.errors.VoidRun` when one cannot."""
        self._links = [site.link for site in sites]
        self._members: list[Member] = []
        count = min(len(sites), len(os.sched_getaffinity(0)))
        try:
            for number in range(count):
                own = sites[number::count]
                spec = relay_spec(own, directory, plan_seed, len(sites), processors_of(number))
                sockets = [descriptor for site in own if isinstance(site, SocketSite) for descriptor in site.sockets]
                self._members.append(
                    start(f"relay{number}", spec, scratch, module="netemu.lab.relay", descriptors=sockets)
                )
            wait_ready(self._members)
        except BaseException:
            self.kill()
            raise

    def go(self, t0_ns: int) -> None:
        """Traffic starts at ``t0_ns`` (monotonic)."""
        for member in self._members:
            member.say(f"go {t0_ns}")

    def stop(self) -> tuple[dict[str, Any], list[str]]:
        """End them: each link's summary, and the reasons why the run is void."""
        for member in self._members:
            member.say("stop")
        wait_end(self._members, time.monotonic() + _ACCOUNT_TIMEOUT_S)
        summaries: dict[str, Any] = {}
        voids: list[str] = []
        for member in self._members:
            try:
                summary = _summary(member)
            except VoidRun as error:
                voids.append(str(error))
                continue
            for link, directions in summary["links"].items():
                summaries[link] = {"backend": "relay", "process": summary["process"], "directions": directions}
                voids += faults(link, directions)
        self.kill()
        return summaries, voids

    def kill(self) -> None:
        """End the processes at once and let go of what belongs to them."""
        for member in self._members:
            member.process.kill()
            member.process.wait()
            assert member.process.stdin is not None and member.process.stdout is not None
            with contextlib.suppress(BrokenPipeError):  # a word it was told and died before reading
                member.process.stdin.close()
            member.process.stdout.close()
            member.errors.close()
        self._members.clear()


def faults(link: str, directions: Mapping[str, Any]) -> list[str]:
    """Why a relay's account of a link makes the run void: frames that its own sockets lost."""
    found = []
    for direction, account in directions.items():
        place = f"link {link} {direction}"
        if account["kernel_drops"]:
            found.append(f"{place}: the relay was too slow, {account['kernel_drops']} frames did not fit its ring")
        if account["truncated"]:
            found.append(f"{place}: {account['truncated']} frames were longer than the link's MTU")
        found += [f"{place}: {count} frames not sent: {error}" for error, count in account["send_errors"].items()]
    return found


def _summary(member: Member) -> dict[str, Any]:
    if not member.closed:
        raise VoidRun(f"{member.name}: no account {_ACCOUNT_TIMEOUT_S:g} s after its end was asked")
    return member.summary()
