"""Netem qdiscs and redirections by netlink: made, changed, read back (include/uapi/linux/pkt_sched.h, tc_act/).

A tc in each wire's namespace would cost two programs a link, which in a guest is most of a lab's start; and tc cuts
times to microseconds where the kernel keeps nanoseconds (``TCA_NETEM_LATENCY64``, Linux 4.15).
"""

from __future__ import annotations

import struct
from collections.abc import Mapping
from typing import Any

from netemu.lab.netem import Stage
from netemu.lab.netlink import (
    NLM_F_CREATE,
    NLM_F_EXCL,
    NetlinkSocket,
    Request,
    attribute,
    attribute_nested,
    attribute_text,
    parse_attributes,
)

_RTM_NEWQDISC, _RTM_GETQDISC, _RTM_NEWTFILTER = 36, 38, 44
_TCA_KIND, _TCA_OPTIONS, _TCA_STATS2 = 1, 2, 7
_TCA_STATS_BASIC, _TCA_STATS_QUEUE, _TCA_STATS_PKT64 = 1, 3, 8
_NETEM_REORDER, _NETEM_CORRUPT, _NETEM_LOSS, _NETEM_RATE = 3, 4, 5, 6
_NETEM_RATE64, _NETEM_LATENCY64, _NETEM_JITTER64 = 8, 10, 11
_NETEM_LOSS_GE = 2
_MATCHALL_ACT, _ACT_KIND, _ACT_OPTIONS, _MIRRED_PARMS = 2, 1, 2, 2
_TC_ACT_STOLEN, _EGRESS_REDIR = 4, 1
_ROOT, _CLSACT, _INGRESS = 0xFFFFFFFF, 0xFFFFFFF1, 0xFFFFFFF2
_CLSACT_HANDLE = 0xFFFF0000
_EVERY_PROTOCOL, _FIRST_PRIORITY = 0x0300, 1 << 16  # htons(ETH_P_ALL); the priority is in the upper half
_U32_MAX = (1 << 32) - 1
_TICK_SHIFT = 6  # PSCHED_SHIFT: a tick is 64 ns

_MESSAGE = struct.Struct("=BxxxiIII")  # tcmsg: family, ifindex, handle, parent, info
_OPTIONS = struct.Struct("=6I")  # tc_netem_qopt: latency, limit, loss, gap, duplicate, jitter
_RATE = struct.Struct("=IiIi")  # tc_netem_rate: rate, packet_overhead, cell_size, cell_overhead
_GEMODEL = struct.Struct("=4I")  # tc_netem_gemodel: p, r, h (1 - loss in bad), k1 (loss in good)
_BASIC = struct.Struct("=QI")
_QUEUE = struct.Struct("=5I")


def _ratio(value: float) -> int:
    """A probability in the kernel's units of 2**-32, rounded as tc does."""
    return round(value * _U32_MAX)


def _number(handle: str) -> int:
    """``"1:"`` or ``"2:1"`` as the kernel's number."""
    major, _, minor = handle.partition(":")
    return int(major, 16) << 16 | int(minor or "0", 16)


def _text(number: int) -> str:
    return f"{number >> 16:x}:{number & 0xFFFF:x}" if number & 0xFFFF else f"{number >> 16:x}:"


def netem_request(stage: Stage, index: int, place: str, *, change: bool = False) -> Request:
    """Add ``stage`` to the interface ``index``, or ``change`` the qdisc with its handle."""
    parent = _ROOT if stage.parent is None else _number(stage.parent)
    body = _MESSAGE.pack(0, index, _number(stage.handle), parent, 0) + attribute_text(_TCA_KIND, "netem")
    flags = 0 if change else NLM_F_CREATE | NLM_F_EXCL
    return Request(_RTM_NEWQDISC, flags, body + attribute(_TCA_OPTIONS, _netem_options(stage.options)), place)


def _netem_options(asked: Mapping[str, float]) -> bytes:
    delay_ns, jitter_ns = int(asked.get("delay_ns", 0)), int(asked.get("jitter_ns", 0))
    reorder = asked.get("reorder", 0.0)
    options = _OPTIONS.pack(
        min(delay_ns >> _TICK_SHIFT, _U32_MAX),
        int(asked["limit"]),
        _ratio(asked.get("loss", 0.0)),
        1 if reorder else 0,
        _ratio(asked.get("duplicate", 0.0)),
        min(jitter_ns >> _TICK_SHIFT, _U32_MAX),
    )
    options += attribute(_NETEM_LATENCY64, struct.pack("=q", delay_ns))
    options += attribute(_NETEM_JITTER64, struct.pack("=q", jitter_ns))
    if reorder:
        options += attribute(_NETEM_REORDER, struct.pack("=II", _ratio(reorder), 0))
    if "corrupt" in asked:
        options += attribute(_NETEM_CORRUPT, struct.pack("=II", _ratio(asked["corrupt"]), 0))
    if "p" in asked:
        model = (asked["p"], asked["r"], 1 - asked["loss_in_bad"], asked["loss_in_good"])
        options += attribute_nested(_NETEM_LOSS, attribute(_NETEM_LOSS_GE, _GEMODEL.pack(*map(_ratio, model))))
    if "rate_bps" in asked:
        rate = int(asked["rate_bps"]) // 8
        if rate > _U32_MAX:
            options += attribute(_NETEM_RATE64, struct.pack("=Q", rate))
        options += attribute(_NETEM_RATE, _RATE.pack(min(rate, _U32_MAX), int(asked["overhead_bytes"]), 0, 0))
    return options


def redirect_requests(ingress: int, egress: int, place: str) -> list[Request]:
    """Every frame that arrives on the interface ``ingress`` leaves by ``egress``."""
    clsact = _MESSAGE.pack(0, ingress, _CLSACT_HANDLE, _CLSACT, 0) + attribute_text(_TCA_KIND, "clsact")
    parameters = struct.pack("=IIiiiiI", 0, 0, _TC_ACT_STOLEN, 0, 0, _EGRESS_REDIR, egress)
    action = attribute_text(_ACT_KIND, "mirred")
    action += attribute_nested(_ACT_OPTIONS, attribute(_MIRRED_PARMS, parameters))
    options = attribute_nested(_TCA_OPTIONS, attribute_nested(_MATCHALL_ACT, attribute_nested(1, action)))
    matchall = _MESSAGE.pack(0, ingress, 0, _INGRESS, _FIRST_PRIORITY | _EVERY_PROTOCOL)
    matchall += attribute_text(_TCA_KIND, "matchall") + options
    create = NLM_F_CREATE | NLM_F_EXCL
    return [Request(_RTM_NEWQDISC, create, clsact, place), Request(_RTM_NEWTFILTER, create, matchall, place)]


def read_qdiscs(netlink: NetlinkSocket, index: int, place: str) -> list[dict[str, Any]]:
    """The qdiscs of one interface in the kernel's order.

    Each has ``kind``, ``handle``, ``parent`` (None: root), ``bytes``, ``packets``, ``drops``, and for netem ``options``
    by the names of :class:`~netemu.lab.netem.Stage`.
    """
    found = []
    for answer in netlink.dump(_RTM_GETQDISC, _MESSAGE.pack(0, 0, 0, 0, 0), place):
        _, at, handle, parent, _ = _MESSAGE.unpack_from(answer)
        if at == index:
            found.append(_qdisc(handle, parent, parse_attributes(answer, _MESSAGE.size)))
    return found


def _qdisc(handle: int, parent: int, values: Mapping[int, bytes]) -> dict[str, Any]:
    kind = values[_TCA_KIND].rstrip(b"\0").decode()
    statistics = parse_attributes(values.get(_TCA_STATS2, b""))
    octets, packets = _BASIC.unpack_from(statistics.get(_TCA_STATS_BASIC, bytes(_BASIC.size)))
    if _TCA_STATS_PKT64 in statistics:
        (packets,) = struct.unpack("=Q", statistics[_TCA_STATS_PKT64])
    drops = _QUEUE.unpack_from(statistics.get(_TCA_STATS_QUEUE, bytes(_QUEUE.size)))[2]
    qdisc = {
        "kind": kind,
        "handle": _text(handle),
        "parent": None if parent == _ROOT else _text(parent),
        "bytes": octets,
        "packets": packets,
        "drops": drops,
    }
    return qdisc | {"options": _shown(values[_TCA_OPTIONS])} if kind == "netem" else qdisc


def _shown(data: bytes) -> dict[str, float]:
    """Netem's options as the kernel has them, those that are 0 left out."""
    _, limit, loss, _, duplicate, _ = _OPTIONS.unpack_from(data)
    values = parse_attributes(data, _OPTIONS.size)
    shown: dict[str, float] = {
        "limit": limit,
        "delay_ns": struct.unpack("=q", values[_NETEM_LATENCY64])[0],
        "jitter_ns": struct.unpack("=q", values[_NETEM_JITTER64])[0],
        "loss": loss / _U32_MAX,
        "duplicate": duplicate / _U32_MAX,
    }
    for name, kind in (("reorder", _NETEM_REORDER), ("corrupt", _NETEM_CORRUPT)):
        shown[name] = struct.unpack_from("=I", values.get(kind, bytes(4)))[0] / _U32_MAX
    model = parse_attributes(values.get(_NETEM_LOSS, b"")).get(_NETEM_LOSS_GE)
    if model is not None:
        p, r, h, k1 = (number / _U32_MAX for number in _GEMODEL.unpack(model))
        shown |= {"p": p, "r": r, "loss_in_bad": 1 - h, "loss_in_good": k1}
    rate, overhead, _, _ = _RATE.unpack(values[_NETEM_RATE])
    if _NETEM_RATE64 in values:
        (rate,) = struct.unpack("=Q", values[_NETEM_RATE64])
    shown |= {"rate_bps": 8 * rate, "overhead_bytes": overhead}
    return {name: value for name, value in shown.items() if value or name == "limit"}
