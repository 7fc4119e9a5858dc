"""How much UDP and ICMP passed in each interval of time, by flow; compiled."""
# mypy: disable-error-code="no-any-return"
# ruff: noqa: PLR0917 (compiled functions take their state by position)

from __future__ import annotations

from typing import Any

from netemu.trace.compiled import compiled, entry
from netemu.trace.layout import other_at, words
from netemu.trace.memory import i64, record_at
from netemu.trace.observe.keys import KEY, find, keys_at
from netemu.trace.transport_layer import PROTOCOL_ICMP, PROTOCOL_ICMPV6, PROTOCOL_UDP

FLOW = words(KEY + " interval packets payload_bytes ip_bytes")
"""A UDP flow by its ports, or ICMP of one type and code, with what its last interval has so far."""

ROW = words("flow interval packets payload_bytes ip_bytes")
"""What one flow had in one interval."""

flow_at, row_at = record_at(FLOW), record_at(ROW)


@compiled
def _close(f: Any, flow: int, row: Any) -> None:
    row.flow, row.interval, row.packets = flow, f.interval, f.packets
    row.payload_bytes, row.ip_bytes = f.payload_bytes, f.ip_bytes
    f.packets, f.payload_bytes, f.ip_bytes = i64(0), i64(0), i64(0)


@compiled
def _is_counted(o: Any) -> bool:
    if o.fragment_offset:
        return False
    return o.protocol == PROTOCOL_UDP or (o.protocol in (PROTOCOL_ICMP, PROTOCOL_ICMPV6) and o.words_read > 0)


@entry
def scan(others: int, count: int, keys: int, origin_ns: int, interval_ns: int, rows: int) -> int:
    """Take ``count`` packets of :data:`~netemu.trace.layout.OTHER`; returns how many intervals ended, put in ``rows``.

    ``keys`` has room for as many new flows. A packet stamped earlier than its flow's interval counts there.
    """
    k, made = keys_at(keys, 0), i64(0)
    for i in range(count):
        o = other_at(others, i)
        if not _is_counted(o):
            continue
        is_udp = o.protocol == PROTOCOL_UDP
        index = find(k, o, o.sport if is_udp else o.icmp_type, o.dport if is_udp else o.icmp_code)
        f = flow_at(k.records, index)
        interval = (o.t_ns - origin_ns) // interval_ns
        if f.packets and interval > f.interval:
            _close(f, index, row_at(rows, made))
            made += 1
        if not f.packets:
            f.interval = interval
        f.packets += 1
        f.payload_bytes += o.payload
        f.ip_bytes += o.ip_bytes
    return made


@entry
def finish(keys: int, rows: int) -> int:
    """The intervals that are under way, put in ``rows``; returns how many."""
    k, made = keys_at(keys, 0), i64(0)
    for index in range(k.count):
        f = flow_at(k.records, index)
        if f.packets:
            _close(f, index, row_at(rows, made))
            made += 1
    return made
