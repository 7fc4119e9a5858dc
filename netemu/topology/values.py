"""One attribute's value at a time: the texts and numbers people write, turned into the fields of specs.

Each parser takes the value and its place, and raises :class:`~netemu.errors.BadInput` naming both.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Literal, get_args

from netemu.errors import BadInput
from netemu.specs import DropRule, FixedLoss, GilbertElliott, Queue, SegmentKind
from netemu.topology.attributes import check_known
from netemu.units import format_size, parse_rate_bps, parse_ratio, parse_size_bytes

IPV4_MIN_MTU = 68  # RFC 791 section 3.2; IPV4_MIN_MTU in include/net/ip.h
IPV6_MIN_MTU = 1280  # RFC 8200 section 5; IPV6_MIN_MTU in include/uapi/linux/ipv6.h
MAX_MTU = 65535  # an IPv4 total length; ETH_MAX_MTU in include/uapi/linux/if_ether.h

QUEUE_ALLOWED = "a queue limit such as '30p' (packets) or '64KiB' (bytes), at least 1"
_PACKETS = re.compile(r"\s*([0-9]{1,9})\s*p\s*")
_KINDS: tuple[str, ...] = get_args(SegmentKind)


def parse_mtu_bytes(value: object, place: str) -> int:
    """An interface's MTU: the longest IP packet it sends, 68..65535 bytes."""
    mtu_bytes = parse_size_bytes(value, place)
    if not IPV4_MIN_MTU <= mtu_bytes <= MAX_MTU:
        raise BadInput(f"{place}: {value!r} is out of range; use {IPV4_MIN_MTU} (IPv4's minimum) to {MAX_MTU} bytes")
    return mtu_bytes


def parse_positive_rate_bps(value: object, place: str) -> int:
    """A rate of at least 1 bit/s."""
    rate_bps = parse_rate_bps(value, place)
    if rate_bps == 0:
        raise BadInput(f"{place}: {value!r} is zero; use a rate above 0, or leave it out for no limit")
    return rate_bps


def parse_overhead_bytes(value: object, place: str) -> int:
    """Bytes that a packet takes on the line beyond its IP length."""
    overhead_bytes = parse_size_bytes(value, place)
    if overhead_bytes > MAX_MTU:
        raise BadInput(f"{place}: {value!r} is more than {MAX_MTU} bytes per packet")
    return overhead_bytes


def parse_loss(value: object, place: str) -> FixedLoss | GilbertElliott:
    """A ratio (``0.01``, ``"1%"``), ``{"p": .., "r": ..}`` for Gilbert-Elliott, or the spec itself."""
    if isinstance(value, FixedLoss):
        return FixedLoss(parse_ratio(value.ratio, place))
    if isinstance(value, GilbertElliott):
        value = {name: getattr(value, name) for name in value.__struct_fields__}
    if not isinstance(value, Mapping):
        return FixedLoss(parse_ratio(value, place))
    given = dict(value)
    model = given.pop("model", "fixed" if "ratio" in given else "gilbert_elliott")
    if model == "fixed":
        check_known(given, FixedLoss.__struct_fields__, place)
        return FixedLoss(parse_ratio(_need(given, "ratio", place), f"{place}: ratio"))
    if model != "gilbert_elliott":
        raise BadInput(f"{place}: model: {model!r} is no loss model; use 'fixed' or 'gilbert_elliott'")
    check_known(given, GilbertElliott.__struct_fields__, place)
    for name in ("p", "r"):
        _need(given, name, place)
    return GilbertElliott(**{name: parse_ratio(one, f"{place}: {name}") for name, one in given.items()})


def parse_drops(value: object, place: str) -> tuple[DropRule, ...]:
    """A list of DropRule or of mappings such as ``{"kind": "new_data", "nth": [3], "port": 5001}``."""
    if not isinstance(value, list | tuple):
        raise BadInput(f"{place}: {value!r} is not a list of drop rules such as {{'kind': 'new_data', 'nth': [3]}}")
    return tuple(_parse_drop(one, f"{place}[{index}]") for index, one in enumerate(value))


def parse_queue(value: object, place: str) -> Queue:
    """``"30p"`` packets, ``"64KiB"`` bytes, or ``{"packets": 30}``, or the spec itself."""
    if isinstance(value, Queue):
        value = {"packets": value.packets, "bytes": value.bytes}
    if isinstance(value, Mapping):
        check_known(value, Queue.__struct_fields__, place)
        limits = {name: one for name, one in value.items() if one is not None}
        if len(limits) != 1:
            raise BadInput(f"{place}: {dict(value)!r} sets {len(limits)} limits; set packets or bytes")
        unit, limit = next(iter(limits.items()))
        if isinstance(limit, bool) or not isinstance(limit, int) or not 1 <= limit < 2**63:
            raise BadInput(f"{place}: {unit}: {limit!r} is not a whole number from 1 up")
    else:
        unit, limit = _queue_limit(value, place)
        if limit < 1:
            raise BadInput(f"{place}: {value!r} is zero; use {QUEUE_ALLOWED}")
    return Queue(packets=limit) if unit == "packets" else Queue(packets=None, bytes=limit)


def parse_ecn_threshold(value: object, queue: Queue, place: str) -> int:
    """The queue length from which ECT packets are marked, written in the unit of ``queue``."""
    unit, threshold = _queue_limit(value, place)
    limit = getattr(queue, unit)
    limit_text = f"{queue.packets}p" if queue.packets is not None else format_size(queue.bytes or 0)
    if limit is None:
        raise BadInput(f"{place}: {value!r} is in {unit}, yet the queue limit {limit_text!r} is not; use one unit")
    if threshold > limit:
        raise BadInput(f"{place}: {value!r} is above the queue limit {limit_text!r}, so nothing would ever be marked")
    return threshold


def parse_flag(value: object, place: str) -> bool:
    """True or False, nothing that merely looks like it."""
    if not isinstance(value, bool):
        raise BadInput(f"{place}: {value!r} is not true or false")
    return value


def parse_cost(value: object, place: str) -> int:
    """A whole number from 0 up to 2**32 - 1 for routes by the weight ``cost``."""
    if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value < 2**32:
        raise BadInput(f"{place}: {value!r} is not a whole number from 0 to 4294967295")
    return value


def _queue_limit(value: object, place: str) -> tuple[Literal["packets", "bytes"], int]:
    if not isinstance(value, str):
        raise BadInput(f"{place}: {value!r} has no unit; use {QUEUE_ALLOWED}")
    match = _PACKETS.fullmatch(value)
    if match is not None:
        return "packets", int(match[1])
    if value.strip().lstrip("+-").replace(".", "").isdigit():
        raise BadInput(f"{place}: {value!r} has no unit; use {QUEUE_ALLOWED}")
    try:
        return "bytes", parse_size_bytes(value, place)
    except BadInput:
        raise BadInput(f"{place}: {value!r} is not {QUEUE_ALLOWED}") from None


def _parse_drop(value: object, place: str) -> DropRule:
    given = {name: getattr(value, name) for name in value.__struct_fields__} if isinstance(value, DropRule) else value
    if not isinstance(given, Mapping):
        raise BadInput(f"{place}: {value!r} is not a drop rule such as {{'kind': 'new_data', 'nth': [3]}}")
    check_known(given, DropRule.__struct_fields__, place)
    kind = _need(given, "kind", place)
    if kind not in _KINDS:
        raise BadInput(f"{place}: kind: {kind!r} is no kind of segment; use one of {', '.join(_KINDS)}")
    nth = _parse_nth(_need(given, "nth", place), place)
    port = given.get("port")
    if port is not None and (isinstance(port, bool) or not isinstance(port, int) or not 1 <= port <= 65535):
        raise BadInput(f"{place}: port: {port!r} is not a port from 1 to 65535")
    return DropRule(kind=kind, nth=nth, port=port)  # type: ignore[arg-type]


def _parse_nth(nth: object, place: str) -> tuple[int, ...] | Literal["all"]:
    if nth == "all":
        return "all"
    if not isinstance(nth, list | tuple) or not nth:
        raise BadInput(f"{place}: nth: {nth!r} is neither a list of at least one number, such as [3], nor 'all'")
    for n in nth:
        if isinstance(n, bool) or not isinstance(n, int) or not 1 <= n < 2**63:
            raise BadInput(f"{place}: nth: {n!r} is not a whole number from 1 up (the first packet is 1)")
    if len(set(nth)) != len(nth):
        raise BadInput(f"{place}: nth: {list(nth)!r} names a packet twice")
    return tuple(sorted(nth))


def _need(given: Mapping[str, object], name: str, place: str) -> object:
    if name not in given:
        raise BadInput(f"{place}: {dict(given)!r} lacks {name!r}")
    return given[name]
