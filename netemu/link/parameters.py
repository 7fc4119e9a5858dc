"""One direction of a link as the model wants it: checked, absolute, and free of anything but the standard library.

``LinkParameters.from_mapping`` reads the mapping that ``netemu.specs.LinkDirection`` becomes in JSON
(``msgspec.to_builtins``); every key is required, since the defaults live in the spec and nowhere else.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from netemu.errors import BadInput

if TYPE_CHECKING:
    from typing import Any

SEGMENT_KINDS = frozenset(
    ("any", "data", "new_data", "ack", "window_update", "syn", "syn_ack", "fin", "rst", "icmp", "udp")
)
"""What a drop rule may count; the meanings stand at :data:`netemu.specs.SegmentKind`."""


class LossParameters:
    """Gilbert-Elliott with tc-netem's parameters; fixed loss is the chain that never leaves the good state."""

    __slots__ = ("loss_in_bad", "loss_in_good", "p", "r")

    def __init__(self, p: float, r: float, loss_in_bad: float, loss_in_good: float) -> None:
        self.p = p
        self.r = r
        self.loss_in_bad = loss_in_bad
        self.loss_in_good = loss_in_good

    @classmethod
    def from_mapping(cls, mapping: Mapping[str, Any], place: str) -> LossParameters:
        """From a FixedLoss or GilbertElliott mapping."""
        if mapping["model"] == "fixed":
            return cls(0.0, 0.0, 1.0, _ratio(mapping, "ratio", place))
        if mapping["model"] == "gilbert_elliott":
            names = ("p", "r", "loss_in_bad", "loss_in_good")
            return cls(*(_ratio(mapping, name, place) for name in names))
        raise BadInput(f"{place}.model: {mapping['model']!r} is not 'fixed' or 'gilbert_elliott'")


class DropParameters:
    """One drop rule: the ``nth`` (1-based) packets of a ``kind`` (None: all), with ``port`` on an end unless None."""

    __slots__ = ("kind", "nth", "port")

    def __init__(self, kind: str, nth: Sequence[int] | None, port: int | None) -> None:
        self.kind = kind
        self.nth = None if nth is None else tuple(nth)
        self.port = port


class Phase:
    """What holds from ``start_ns`` (since the start of traffic) until the next phase."""

    __slots__ = ("delay_ns", "jitter_ns", "loss", "rate_bps", "start_ns")

    def __init__(
        self, start_ns: int, rate_bps: int | None, delay_ns: int, jitter_ns: int, loss: LossParameters | None
    ) -> None:
        self.start_ns = start_ns
        self.rate_bps = rate_bps
        self.delay_ns = delay_ns
        self.jitter_ns = jitter_ns
        self.loss = loss


class LinkParameters:
    """Everything one direction does; ``phases[0]`` holds before and at the start of traffic."""

    __slots__ = (
        "corrupt_ratio",
        "drops",
        "duplicate_ratio",
        "ecn_threshold",
        "mtu_bytes",
        "overhead_bytes",
        "phases",
        "queue_bytes",
        "queue_packets",
        "reorder_ratio",
    )

    mtu_bytes: int
    overhead_bytes: int
    corrupt_ratio: float
    duplicate_ratio: float
    reorder_ratio: float
    ecn_threshold: int | None
    queue_packets: int | None
    queue_bytes: int | None
    drops: tuple[DropParameters, ...]
    phases: tuple[Phase, ...]

    @classmethod
    def from_mapping(cls, mapping: Mapping[str, Any], place: str) -> LinkParameters:
        """The parameters in ``mapping``; :class:`BadInput` names ``place``, the key, the value and what is allowed."""
        self = cls()
        self.mtu_bytes = _at_least(mapping, "mtu_bytes", 68, place)
        self.overhead_bytes = _at_least(mapping, "overhead_bytes", 0, place)
        self.corrupt_ratio = _ratio(mapping, "corrupt_ratio", place)
        self.duplicate_ratio = _ratio(mapping, "duplicate_ratio", place)
        self.reorder_ratio = _ratio(mapping, "reorder_ratio", place)
        queue = mapping["queue"]
        if (queue["packets"] is None) == (queue["bytes"] is None):
            raise BadInput(f"{place}.queue: {queue!r} must set exactly one of packets and bytes")
        self.queue_packets = None if queue["packets"] is None else _at_least(queue, "packets", 1, f"{place}.queue")
        self.queue_bytes = None if queue["bytes"] is None else _at_least(queue, "bytes", 1, f"{place}.queue")
        self.ecn_threshold = None if mapping["ecn_threshold"] is None else _at_least(mapping, "ecn_threshold", 0, place)
        self.drops = tuple(_drop(rule, f"{place}.drops[{i}]") for i, rule in enumerate(mapping["drops"]))
        self.phases = _phases(mapping, place)
        return self


def _phases(mapping: Mapping[str, Any], place: str) -> tuple[Phase, ...]:
    phase = Phase(0, None, 0, 0, None)
    phases: list[Phase] = []
    for number, change in enumerate([mapping, *mapping["schedule"]]):
        where = place if number == 0 else f"{place}.schedule[{number - 1}]"
        phase = _changed(phase, change, where)
        phase.start_ns = 0 if number == 0 else _at_least(change, "t_ns", phases[-1].start_ns, where)
        phases.append(phase)
    return tuple(phases)


def _changed(phase: Phase, change: Mapping[str, Any], place: str) -> Phase:
    """``phase`` with the fields of ``change`` that are not None."""
    rate_bps = phase.rate_bps if change["rate_bps"] is None else _at_least(change, "rate_bps", 1, place)
    delay_ns = phase.delay_ns if change["delay_ns"] is None else _at_least(change, "delay_ns", 0, place)
    jitter_ns = phase.jitter_ns if change["jitter_ns"] is None else _at_least(change, "jitter_ns", 0, place)
    if jitter_ns > delay_ns:
        raise BadInput(
            f"{place}.jitter_ns: {jitter_ns} is more than the delay of {delay_ns} ns;"
            " a packet cannot leave before it came"
        )
    loss = phase.loss if change["loss"] is None else LossParameters.from_mapping(change["loss"], f"{place}.loss")
    return Phase(0, rate_bps, delay_ns, jitter_ns, loss)


def _drop(mapping: Mapping[str, Any], place: str) -> DropParameters:
    nth = None if mapping["nth"] == "all" else mapping["nth"]
    if nth is not None and (not nth or min(nth) < 1):
        raise BadInput(f"{place}.nth: {nth!r} must be numbers from 1 on, or 'all'")
    if mapping["kind"] not in SEGMENT_KINDS:
        raise BadInput(f"{place}.kind: {mapping['kind']!r} is not one of {', '.join(sorted(SEGMENT_KINDS))}")
    return DropParameters(mapping["kind"], nth, mapping["port"])


def _at_least(mapping: Mapping[str, Any], key: str, least: int, place: str) -> int:
    value = mapping[key]
    if not isinstance(value, int) or value < least:
        raise BadInput(f"{place}.{key}: {value!r} is not a whole number of at least {least}")
    return value


def _ratio(mapping: Mapping[str, Any], key: str, place: str) -> float:
    value = mapping[key]
    if not isinstance(value, int | float) or not 0.0 <= value <= 1.0:
        raise BadInput(f"{place}.{key}: {value!r} is not a ratio from 0 to 1")
    return float(value)
