"""One direction of a link as qdiscs of the kernel: their options, and what the kernel must then show. Pure.

Two netem qdiscs: one for *chance and delay* (loss, corruption, then the delay), and its child for the *rate* with the
queue. One cannot do it: its limit counts the packets that are being delayed along with those that wait. For the same
reason the queue comes last: since "account for backlog updates from child qdisc" (Linux 6.13 and the stable series of
its time, so 6.1.176 but not 5.10.223) a netem's limit counts what its child holds too (``netem_enqueue``,
net/sched/sch_netem.c). And the queue is a child of the root, for before that change a drop in a grandchild upset the
root's count. A delay that is the same for all packets may stand before the queue: queue and line see the same arrivals,
that much later, so each packet has the same fate and leaves at the same time. One that is not (jitter, reordering, a
schedule of delay or rate) may not: the relay carries such links where they have a rate. A direction without a rate
needs no queue. Netem with a rate or a delay orphans packets (``skb_orphan_partial``, same function), so a wire's queue
never shows in the sender's socket.

Departures from :mod:`netemu.link`: corruption also hits the Ethernet header, and the original of a duplicated packet
alone; a change in a schedule holds for packets that arrive after it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import msgspec

from netemu.link import LinkParameters
from netemu.link.parameters import Phase
from netemu.specs import LinkDirection

UNLIMITED_PACKETS = 1_000_000
"""Limit of what is no queue: a second of minimal packets at 500 Mbit/s. A drop there would count as one by chance."""

_ETHERNET_BYTES = 14
_RATIO_TOLERANCE = 1e-9  # the kernel keeps ratios in units of 2**-32; times, rates and limits are exact

_WHOLE = ("limit", "rate_bps", "overhead_bytes", "delay_ns", "jitter_ns")


@dataclass(frozen=True, slots=True)
class Stage:
    """One netem qdisc: its handle, its parent (None: root), and its options.

    These are ``limit``, ``delay_ns``, ``jitter_ns``, ``reorder``, ``corrupt``, ``duplicate``, ``rate_bps`` and
    ``overhead_bytes``, and ``loss``, or ``p``, ``r``, ``loss_in_bad`` and ``loss_in_good`` of Gilbert and Elliott; one
    that is left out is 0 or not used.
    """

    name: str
    handle: str
    parent: str | None
    options: Mapping[str, float]


def parameters_of(direction: LinkDirection, place: str) -> LinkParameters:
    """``direction`` as checked parameters with its schedule as phases."""
    return LinkParameters.from_mapping(msgspec.to_builtins(direction), place)


def stages(parameters: LinkParameters, phase: Phase, *, chance: bool) -> list[Stage]:
    """The qdiscs of one direction while ``phase`` holds; without ``chance`` nothing is random but the jitter."""
    unlimited = {"limit": UNLIMITED_PACKETS, **_delay_options(parameters, phase, chance=chance)}
    first = Stage("chance and delay", "1:", None, unlimited | (_chance_options(parameters, phase) if chance else {}))
    if phase.rate_bps is None:
        return [first]
    assert parameters.queue_packets is not None, "a queue in bytes is not expressible()"
    rate = {
        "limit": parameters.queue_packets,
        "rate_bps": phase.rate_bps,
        "overhead_bytes": parameters.overhead_bytes - _ETHERNET_BYTES,
    }
    return [first, Stage("rate", "2:", "1:1", rate)]


def _chance_options(parameters: LinkParameters, phase: Phase) -> dict[str, float]:
    options: dict[str, float] = {}
    if phase.loss is not None and phase.loss.p == 0.0 and phase.loss.loss_in_good > 0.0:
        options["loss"] = phase.loss.loss_in_good
    elif phase.loss is not None and phase.loss.p > 0.0:
        loss = phase.loss
        options |= {"p": loss.p, "r": loss.r, "loss_in_bad": loss.loss_in_bad, "loss_in_good": loss.loss_in_good}
    if parameters.corrupt_ratio:
        options["corrupt"] = parameters.corrupt_ratio
    if parameters.duplicate_ratio:
        options["duplicate"] = parameters.duplicate_ratio
    return options


def _delay_options(parameters: LinkParameters, phase: Phase, *, chance: bool) -> dict[str, float]:
    if not phase.delay_ns:
        return {}
    options: dict[str, float] = {"delay_ns": phase.delay_ns}
    if phase.jitter_ns:
        options["jitter_ns"] = phase.jitter_ns
    if parameters.reorder_ratio and chance:
        options["reorder"] = parameters.reorder_ratio
    return options


def mismatches(parameters: LinkParameters, phase: Phase, shown: Sequence[Mapping[str, Any]], chance: bool) -> list[str]:
    """Where the qdiscs of one interface (``read_qdiscs``) depart from what was asked, as texts with both values."""
    by_handle = {qdisc["handle"]: qdisc for qdisc in shown if qdisc["kind"] == "netem"}
    found = []
    for stage in stages(parameters, phase, chance=chance):
        qdisc = by_handle.get(stage.handle)
        if qdisc is None:
            found.append(f"netem {stage.handle} ({stage.name}) is not there")
            continue
        asked, there = stage.options, qdisc["options"]
        found += [
            f"netem {stage.handle} ({stage.name}) {name}:"
            f" asked {asked.get(name, 0):.10g}, kernel has {there.get(name, 0):.10g}"
            for name in sorted(asked.keys() | there.keys())
            if abs(asked.get(name, 0) - there.get(name, 0)) > (0 if name in _WHOLE else _RATIO_TOLERANCE)
        ]
    return found


def totals(before: Sequence[Mapping[str, Any]], after: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """What one direction did between two readings of its interface's qdiscs.

    A packet that the child refuses counts as a drop of the child and of its parent (``netem_dequeue``), so the parent's
    own drops are the difference.
    """

    def grown(handle: str, name: str) -> int:
        values = [
            next((int(q[name]) for q in shown if q["kind"] == "netem" and q["handle"] == handle), 0)
            for shown in (before, after)
        ]
        return values[1] - values[0]

    dropped, refused = grown("1:", "drops"), grown("2:", "drops")
    forwarded = grown("1:", "packets")
    return {
        "packets": forwarded + dropped,
        "bytes": grown("1:", "bytes"),
        "forwarded": forwarded,
        "dropped": {"drop_list": 0, "drop_loss": dropped - refused, "drop_queue": refused},
    }
