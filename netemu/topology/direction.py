"""One direction of an edge: its attributes together, as a LinkDirection."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import msgspec

from netemu.errors import BadInput
from netemu.specs import FixedLoss, LinkChange, LinkDirection
from netemu.topology.attributes import Placed, check_known
from netemu.topology.values import (
    parse_drops,
    parse_ecn_threshold,
    parse_loss,
    parse_mtu_bytes,
    parse_overhead_bytes,
    parse_positive_rate_bps,
    parse_queue,
)
from netemu.units import format_size, format_time, parse_ratio, parse_time_ns

_PARSERS = {
    "mtu_bytes": ("mtu_bytes", parse_mtu_bytes),
    "rate": ("rate_bps", parse_positive_rate_bps),
    "overhead": ("overhead_bytes", parse_overhead_bytes),
    "delay": ("delay_ns", parse_time_ns),
    "jitter": ("jitter_ns", parse_time_ns),
    "loss": ("loss", parse_loss),
    "drops": ("drops", parse_drops),
    "reorder": ("reorder_ratio", parse_ratio),
    "duplicate": ("duplicate_ratio", parse_ratio),
    "corrupt": ("corrupt_ratio", parse_ratio),
    "queue": ("queue", parse_queue),
}
_CHANGE = ("at", "rate", "delay", "jitter", "loss")


def parse_direction(values: Mapping[str, Placed], place: str) -> LinkDirection:
    """The LinkDirection of these attributes; what is left out has LinkDirection's default.

    :param values: attribute -> (value, its place), as ``split_directions`` gives them.
    :param place: the edge and direction, for what is wrong only in combination.
    """
    fields: dict[str, object] = {}
    for name, (field, parse) in _PARSERS.items():
        if name in values:
            fields[field] = parse(*values[name])
    if fields.get("loss") == FixedLoss(0.0):
        fields["loss"] = None
    direction = LinkDirection(**fields)  # type: ignore[arg-type]
    if "ecn" in values:
        value, at = values["ecn"]
        direction = msgspec.structs.replace(direction, ecn_threshold=parse_ecn_threshold(value, direction.queue, at))
    if "schedule" in values:
        direction = msgspec.structs.replace(direction, schedule=_parse_schedule(*values["schedule"]))
    _check_together(direction, place)
    return direction


def _parse_schedule(value: object, place: str) -> tuple[LinkChange, ...]:
    if not isinstance(value, list | tuple):
        raise BadInput(f"{place}: {value!r} is not a list of changes such as {{'at': '2s', 'delay': '40ms'}}")
    changes = tuple(_parse_change(one, f"{place}[{index}]") for index, one in enumerate(value))
    for index in range(1, len(changes)):
        if changes[index].t_ns <= changes[index - 1].t_ns:
            raise BadInput(
                f"{place}[{index}]: at: {format_time(changes[index].t_ns)!r} does not come after"
                f" {format_time(changes[index - 1].t_ns)!r}; list changes in order of time"
            )
    return changes


def _parse_change(value: object, place: str) -> LinkChange:
    if isinstance(value, LinkChange):
        value = {"at": value.t_ns, "rate": value.rate_bps, "delay": value.delay_ns, "jitter": value.jitter_ns} | {
            "loss": value.loss
        }
    if not isinstance(value, Mapping):
        raise BadInput(f"{place}: {value!r} is not a change such as {{'at': '2s', 'delay': '40ms'}}")
    check_known(value, _CHANGE, place)
    given = {name: one for name, one in value.items() if one is not None}
    if "at" not in given or len(given) < 2:
        raise BadInput(f"{place}: {dict(value)!r} needs 'at' and at least one of {', '.join(_CHANGE[1:])}")
    fields: dict[str, object] = {"t_ns": parse_time_ns(given["at"], f"{place}: at")}
    for name in _CHANGE[1:]:
        if name in given:
            field, parse = _PARSERS[name]
            fields[field] = parse(given[name], f"{place}: {name}")
    return LinkChange(**fields)  # type: ignore[arg-type]


def _check_together(direction: LinkDirection, place: str) -> None:
    """Refuse what no link can do although each value alone is possible."""
    for when, delay_ns, jitter_ns in _delays(direction):
        if jitter_ns > delay_ns:
            raise BadInput(
                f"{place}: jitter: {format_time(jitter_ns)!r} is more than the delay {format_time(delay_ns)!r}{when};"
                " a packet cannot leave before it came"
            )
    if direction.reorder_ratio and not any(delay_ns for _, delay_ns, _ in _delays(direction)):
        raise BadInput(f"{place}: reorder: {direction.reorder_ratio!r} needs a delay above 0 that a packet can skip")
    limit_bytes = direction.queue.bytes
    if limit_bytes is not None and limit_bytes < direction.mtu_bytes:
        raise BadInput(
            f"{place}: queue: {format_size(limit_bytes)!r} is less than one packet of mtu_bytes"
            f" {direction.mtu_bytes}; no full packet would ever pass"
        )


def _delays(direction: LinkDirection) -> Sequence[tuple[str, int, int]]:
    """``(when, delay_ns, jitter_ns)`` at the start and after each change."""
    delay_ns, jitter_ns = direction.delay_ns, direction.jitter_ns
    found = [("", delay_ns, jitter_ns)]
    for change in direction.schedule:
        delay_ns = delay_ns if change.delay_ns is None else change.delay_ns
        jitter_ns = jitter_ns if change.jitter_ns is None else change.jitter_ns
        found.append((f" from {format_time(change.t_ns)} on", delay_ns, jitter_ns))
    return found
