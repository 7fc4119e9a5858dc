"""One direction of a link as qdiscs of the kernel: tc's lines, and what the kernel must then show. Pure.

Three netem qdiscs, each the child of the one before, in the order of :mod:`netemu.specs.link`: *chance* (loss,
corruption, duplication), *rate* with the queue, *delay* with jitter and reordering. One netem cannot do it: its limit
counts the packets that are being delayed along with those that wait (net/sched/sch_netem.c, ``netem_enqueue``). A
direction without a rate needs no queue and takes one netem for everything. Netem with a rate or a delay orphans
packets (``skb_orphan_partial``, same function), so a wire's queue never shows in the sender's socket.

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
"""Limit of a stage that is no queue: a second of minimal packets at 500 Mbit/s."""

_ETHERNET_BYTES = 14
_RATIO_TOLERANCE = 1e-7  # the kernel keeps ratios in units of 2**-32, tc prints about 8 digits
_TIME_TOLERANCE_NS = 2_000  # tc takes and prints whole microseconds, cut twice on the way to the kernel and back


@dataclass(frozen=True, slots=True)
class Stage:
    """One netem qdisc: its handle, its parent (None: root), and the options of tc-netem(8)."""

    name: str
    handle: str
    parent: str | None
    options: tuple[str, ...]


def expressible(direction: LinkDirection) -> str | None:
    """Why the kernel's netem cannot do exactly what ``direction`` asks for, or None when it can."""
    rates = [direction.rate_bps, *(change.rate_bps for change in direction.schedule)]
    odd = next((rate for rate in rates if rate is not None and rate % 8), None)
    has_rate = direction.rate_bps is not None
    reasons = (
        (bool(direction.drops), "netem has no lists of exact drops"),
        (direction.ecn_threshold is not None, "netem has no ECN threshold (it marks in place of random loss)"),
        (has_rate and direction.queue.bytes is not None, "netem's limit counts packets, not bytes"),
        (
            has_rate and direction.duplicate_ratio > 0,
            "netem duplicates only in a tree of one netem, and a rate with its queue needs more",
        ),
        (
            not has_rate and any(rate is not None for rate in rates),
            "a schedule that gives a rate to a link without one has no queue in netem",
        ),
        (odd is not None, f"netem's rates are whole bytes per second, {odd} bit/s is not"),
    )
    return next((reason for applies, reason in reasons if applies), None)


def parameters_of(direction: LinkDirection, place: str) -> LinkParameters:
    """``direction`` as checked parameters with its schedule as phases."""
    return LinkParameters.from_mapping(msgspec.to_builtins(direction), place)


def stages(parameters: LinkParameters, phase: Phase, *, chance: bool) -> list[Stage]:
    """The qdiscs of one direction while ``phase`` holds; without ``chance`` nothing is random but the jitter."""
    by_chance = _chance_options(parameters, phase) if chance else ()
    delay = _delay_options(parameters, phase, chance=chance)
    if phase.rate_bps is None:
        return [Stage("chance", "1:", None, ("limit", str(UNLIMITED_PACKETS), *delay, *by_chance))]
    rate = ("limit", str(parameters.queue_packets), "rate", f"{phase.rate_bps}bit")
    overhead = parameters.overhead_bytes - _ETHERNET_BYTES
    return [
        Stage("chance", "1:", None, ("limit", str(UNLIMITED_PACKETS), *by_chance)),
        Stage("rate", "2:", "1:1", (*rate, str(overhead)) if overhead else rate),
        Stage("delay", "3:", "2:1", ("limit", str(UNLIMITED_PACKETS), *delay)),
    ]


def _chance_options(parameters: LinkParameters, phase: Phase) -> tuple[str, ...]:
    options: list[str] = []
    if phase.loss is not None and phase.loss.p == 0.0 and phase.loss.loss_in_good > 0.0:
        options += ["loss", "random", _percent(phase.loss.loss_in_good)]
    elif phase.loss is not None and phase.loss.p > 0.0:
        loss = phase.loss
        options += ["loss", "gemodel", *map(_percent, (loss.p, loss.r, loss.loss_in_bad, loss.loss_in_good))]
    if parameters.corrupt_ratio:
        options += ["corrupt", _percent(parameters.corrupt_ratio)]
    if parameters.duplicate_ratio:
        options += ["duplicate", _percent(parameters.duplicate_ratio)]
    return tuple(options)


def _delay_options(parameters: LinkParameters, phase: Phase, *, chance: bool) -> tuple[str, ...]:
    if not phase.delay_ns:
        return ()
    options = ["delay", _microseconds(phase.delay_ns)]
    if phase.jitter_ns:
        options.append(_microseconds(phase.jitter_ns))
    if parameters.reorder_ratio and chance:
        options += ["reorder", _percent(parameters.reorder_ratio)]
    return tuple(options)


def _microseconds(time_ns: int) -> str:
    """tc's smallest unit of time (``get_time``, iproute2 6.1)."""
    return f"{time_ns // 1000}.{time_ns % 1000:03d}us"


def _percent(ratio: float) -> str:
    return f"{ratio * 100:.10g}%"


def lines(action: str, interface: str, wanted: Sequence[Stage]) -> list[str]:
    """Lines for ``tc -batch`` that ``add`` or ``change`` the stages on ``interface``."""
    return [
        f"qdisc {action} dev {interface} {'root' if stage.parent is None else f'parent {stage.parent}'}"
        f" handle {stage.handle} netem {' '.join(stage.options)}"
        for stage in wanted
    ]


def redirect_lines(ingress: str, egress: str) -> list[str]:
    """Lines for ``tc -batch`` that send every frame arriving on ``ingress`` out of ``egress``."""
    return [
        f"qdisc add dev {ingress} clsact",
        f"filter add dev {ingress} ingress protocol all matchall action mirred egress redirect dev {egress}",
    ]


def mismatches(parameters: LinkParameters, phase: Phase, shown: Sequence[Mapping[str, Any]], chance: bool) -> list[str]:
    """Where the ``tc -j qdisc show`` of one interface departs from what was asked, as texts with both values."""
    by_handle = {qdisc["handle"]: qdisc for qdisc in shown if qdisc["kind"] == "netem"}
    found = []
    for stage in stages(parameters, phase, chance=chance):
        qdisc = by_handle.get(stage.handle)
        if qdisc is None:
            found.append(f"netem {stage.handle} ({stage.name}) is not there")
            continue
        asked = _asked(stage, parameters, phase, chance=chance)
        options = _shown(qdisc["options"])
        found += [
            f"netem {stage.handle} ({stage.name}) {name}:"
            f" asked {asked.get(name, 0):.10g}, kernel has {options.get(name, 0):.10g}"
            for name in sorted(asked.keys() | options.keys())
            if abs(asked.get(name, 0) - options.get(name, 0)) > _tolerance(name, asked.get(name, 0))
        ]
    return found


def _tolerance(name: str, asked: float) -> float:
    if name.endswith("_ns"):
        return max(_TIME_TOLERANCE_NS, asked * 1e-6)
    return 0 if name in ("limit", "rate_bps", "overhead_bytes") else _RATIO_TOLERANCE


def _asked(stage: Stage, parameters: LinkParameters, phase: Phase, *, chance: bool) -> dict[str, float]:
    asked: dict[str, float] = {"limit": float(stage.options[1])}
    alone = phase.rate_bps is None
    if stage.name == "rate":
        asked["rate_bps"] = float(phase.rate_bps or 0)
        asked["overhead_bytes"] = float(parameters.overhead_bytes - _ETHERNET_BYTES)
    if stage.name == "delay" or alone:
        asked |= {"delay_ns": float(phase.delay_ns), "jitter_ns": float(phase.jitter_ns)}
        asked["reorder"] = parameters.reorder_ratio if chance and phase.delay_ns else 0.0
    if stage.name == "chance" and chance:
        asked |= {"corrupt": parameters.corrupt_ratio, "duplicate": parameters.duplicate_ratio}
        if phase.loss is not None and phase.loss.p == 0.0:
            asked["loss"] = phase.loss.loss_in_good
        elif phase.loss is not None:
            loss = phase.loss
            asked |= {"p": loss.p, "r": loss.r, "loss_in_bad": loss.loss_in_bad, "loss_in_good": loss.loss_in_good}
    return asked


def _shown(options: Mapping[str, Any]) -> dict[str, float]:
    shown: dict[str, float] = {"limit": float(options["limit"])}
    if "rate" in options:
        shown["rate_bps"] = float(options["rate"]["rate"]) * 8
        shown["overhead_bytes"] = float(options["rate"]["packetoverhead"])
    if "delay" in options:
        shown["delay_ns"] = options["delay"]["delay"] * 1e9
        shown["jitter_ns"] = options["delay"]["jitter"] * 1e9
    for name in ("corrupt", "duplicate", "reorder"):
        if name in options:
            shown[name] = float(options[name][name])
    if "loss-random" in options:
        shown["loss"] = float(options["loss-random"]["loss"])
    if "loss-gemodel" in options:
        model = options["loss-gemodel"]
        shown |= {"p": model["p"], "r": model["r"], "loss_in_bad": model["1-h"], "loss_in_good": model["1-k"]}
    return shown


def totals(before: Sequence[Mapping[str, Any]], after: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """What one direction did between two ``tc -s -j qdisc show`` of its interface.

    A packet that the child refuses counts as a drop of the child and of each parent above (``netem_dequeue``), so a
    stage's own drops are the difference.
    """

    def grown(handle: str, name: str) -> int:
        values = [
            next((int(q[name]) for q in shown if q["kind"] == "netem" and q["handle"] == handle), 0)
            for shown in (before, after)
        ]
        return values[1] - values[0]

    drops = [grown(handle, "drops") for handle in ("1:", "2:", "3:")]
    lost, refused, overflowed = drops[0] - drops[1], drops[1] - drops[2], drops[2]
    forwarded = grown("1:", "packets")
    return {
        "packets": forwarded + drops[0],
        "bytes": grown("1:", "bytes"),
        "forwarded": forwarded,
        "dropped": {"drop_list": 0, "drop_loss": lost, "drop_queue": refused},
        "overflowed": overflowed,
    }
