"""ICMP between two addresses, by type and code: counts, rates, and what became of echo requests; compiled."""
# mypy: disable-error-code="no-any-return"

from __future__ import annotations

from typing import Any

from netemu.trace.compiled import compiled, entry
from netemu.trace.layout import other_at, words
from netemu.trace.memory import i64, record_at
from netemu.trace.observe.keys import KEY, find, hash_of, keys_at
from netemu.trace.transport_layer import PROTOCOL_ICMP, PROTOCOL_ICMPV6

PENDING = 4096
"""Echo requests remembered until their reply; a power of 2."""
_SECOND_NS = 1_000_000_000

FLOW = words(
    KEY
    + """ packets ip_bytes first_ns last_ns min_gap_ns second_ns in_second most_in_second
answered min_rtt_ns max_rtt_ns sum_rtt_ns """
)
"""Messages of one type and code (``x``, ``y``) from one address to another."""

ECHO = words("used flow identity t_ns")
"""One echo request without a reply yet: ``identity`` is its key scrambled, so that one word says whose it is."""

flow_at, echo_at = record_at(FLOW), record_at(ECHO)


@compiled
def _on_request(pending: int, o: Any, flow: int) -> None:
    identity = hash_of(o.capture, o.protocol, o.src_hi, o.src_lo, o.dst_hi, o.dst_lo, o.word_0, i64(0))
    e = echo_at(pending, identity & (PENDING - 1))
    e.used, e.flow, e.identity, e.t_ns = i64(1), flow, identity, o.t_ns


@compiled
def _on_reply(pending: int, o: Any, records: int) -> None:
    """A reply answers the request of its identifier and number; a second one (a copy) finds none."""
    identity = hash_of(o.capture, o.protocol, o.dst_hi, o.dst_lo, o.src_hi, o.src_lo, o.word_0, i64(0))
    e = echo_at(pending, identity & (PENDING - 1))
    if not e.used or e.identity != identity:
        return
    e.used = i64(0)
    f = flow_at(records, e.flow)
    rtt = o.t_ns - e.t_ns
    f.min_rtt_ns = min(f.min_rtt_ns, rtt) if f.answered else rtt
    f.max_rtt_ns = max(f.max_rtt_ns, rtt)
    f.answered += 1
    f.sum_rtt_ns += rtt


@compiled
def _on_message(f: Any, o: Any) -> None:
    if f.packets:
        gap = max(o.t_ns - f.last_ns, 0)
        f.min_gap_ns = gap if f.packets == 1 else min(f.min_gap_ns, gap)
    else:
        f.first_ns = f.second_ns = o.t_ns
    if o.t_ns - f.second_ns >= _SECOND_NS:
        f.second_ns, f.in_second = o.t_ns, i64(0)
    f.in_second += 1
    f.most_in_second = max(f.most_in_second, f.in_second)
    f.packets += 1
    f.ip_bytes += o.ip_bytes
    f.last_ns = max(f.last_ns, o.t_ns)


@entry
def scan(others: int, count: int, keys: int, pending: int) -> None:
    """Take ``count`` packets of :data:`~netemu.trace.layout.OTHER`; ``pending`` has :data:`PENDING` rows of ECHO."""
    k = keys_at(keys, 0)
    for i in range(count):
        o = other_at(others, i)
        if o.protocol not in (PROTOCOL_ICMP, PROTOCOL_ICMPV6) or o.fragment_offset or not o.words_read:
            continue
        index = find(k, o, o.icmp_type, o.icmp_code)
        _on_message(flow_at(k.records, index), o)
        request, reply = (i64(8), i64(0)) if o.version == 4 else (i64(128), i64(129))
        if o.icmp_type == request:
            _on_request(pending, o, index)
        elif o.icmp_type == reply:
            _on_reply(pending, o, k.records)
