"""What fragmentation costs between two addresses: fragments, headers, packets that never got whole; compiled.

RFC 791 section 3.2, RFC 8200 section 4.5; Linux gives a packet up after net.ipv4.ipfrag_time, 30 s.
"""
# mypy: disable-error-code="no-any-return"

from __future__ import annotations

from typing import Any

from netemu.trace.compiled import compiled, entry
from netemu.trace.layout import FRAGMENT_COVER_WORDS, other_at, words
from netemu.trace.memory import i64, record_at, set_word, word
from netemu.trace.observe.keys import KEY, find, hash_of, keys_at

PENDING = 1024
"""Packets of which some fragments came; a power of 2. One that takes another's place ends it as incomplete."""
_LIFETIME_NS = 30_000_000_000
_COPY_NS = 1_000_000_000
"""How long a fragment of a whole packet is taken for a copy; identifications are used again."""
_IPV6_FRAGMENT_HEADER = 8
WAITING, WHOLE = 1, 2

FLOW = words(
    KEY
    + """ packets fragments ip_bytes extra_header_bytes complete incomplete incomplete_bytes duplicates largest
first_ns last_ns """
)
"""Fragmented packets of one protocol from one address to another; ``x`` and ``y`` are 0."""

PACKET = words("used flow identity t_ns got total bytes", FRAGMENT_COVER_WORDS)
"""A packet of which some fragments came; a bit for every 8 bytes seen stands behind the names."""
_COVER = PACKET.itemsize // 8 - FRAGMENT_COVER_WORDS

flow_at, packet_at = record_at(FLOW), record_at(PACKET)


@compiled
def _give_up(w: Any, records: int) -> None:
    f = flow_at(records, w.flow)
    f.incomplete += 1
    f.incomplete_bytes += w.bytes
    w.used = i64(0)


@compiled
def _packet_of(pending: int, o: Any, f: Any, flow: int, records: int) -> int:
    """The place of the packet that ``o`` is a part of; a new one, when it is the first seen of it."""
    identity = hash_of(o.capture, o.protocol, o.src_hi, o.src_lo, o.dst_hi, o.dst_lo, o.ip_id, o.version)
    place = identity & (PENDING - 1)
    w = packet_at(pending, place)
    if w.used == WHOLE and (w.identity != identity or o.t_ns - w.t_ns > _COPY_NS):
        w.used = i64(0)
    if w.used == WAITING and (w.identity != identity or o.t_ns - w.t_ns > _LIFETIME_NS):
        _give_up(w, records)
    if not w.used:
        w.used, w.flow, w.identity, w.t_ns = i64(WAITING), flow, identity, o.t_ns
        w.got, w.total, w.bytes = i64(0), i64(-1), i64(0)
        for i in range(FRAGMENT_COVER_WORDS):
            set_word(pending, place * (_COVER + FRAGMENT_COVER_WORDS) + _COVER + i, i64(0))
        f.packets += 1
        f.extra_header_bytes -= o.header_bytes if o.version == 4 else o.header_bytes - _IPV6_FRAGMENT_HEADER
    return place


@compiled
def _cover(base: int, start: int, end: int) -> int:
    """Mark the bytes from ``start`` to ``end`` as seen; how many had not been."""
    new = i64(0)
    for unit in range(start >> 3, (end + 7) >> 3):
        bits, bit = word(base, unit >> 6), i64(1) << (unit & 63)
        if bits & bit == 0:
            set_word(base, unit >> 6, bits | bit)
            new += min(i64(8), end - 8 * unit)
    return new


@compiled
def _on_fragment(pending: int, place: int, f: Any, o: Any) -> None:
    w = packet_at(pending, place)
    if w.used == WHOLE:
        f.duplicates += 1
        return
    start, end = o.fragment_offset, o.fragment_offset + o.ip_bytes - o.header_bytes
    new = _cover(pending + 8 * (place * (_COVER + FRAGMENT_COVER_WORDS) + _COVER), start, end)
    if new == 0:
        f.duplicates += 1
    w.got += new
    w.bytes += o.ip_bytes
    if not o.more_fragments:
        w.total = end
    if w.got == w.total:
        f.complete += 1
        w.used = i64(WHOLE)


@entry
def scan(others: int, count: int, keys: int, pending: int) -> None:
    """Take ``count`` packets of :data:`~netemu.trace.layout.OTHER`; ``pending`` has :data:`PENDING` rows of PACKET."""
    k = keys_at(keys, 0)
    for i in range(count):
        o = other_at(others, i)
        length = o.ip_bytes - o.header_bytes
        if not o.fragment or length <= 0 or o.fragment_offset + length > 65535:
            continue
        index = find(k, o, i64(0), i64(0))
        f = flow_at(k.records, index)
        place = _packet_of(pending, o, f, index, k.records)
        if f.fragments == 0:
            f.first_ns = o.t_ns
        f.fragments += 1
        f.ip_bytes += o.ip_bytes
        f.extra_header_bytes += o.header_bytes
        f.largest = max(f.largest, o.ip_bytes)
        f.last_ns = max(f.last_ns, o.t_ns)
        _on_fragment(pending, place, f, o)


@entry
def finish(keys: int, pending: int) -> None:
    """What is not whole at the end of the file will not be."""
    for place in range(PENDING):
        if packet_at(pending, place).used == WAITING:
            _give_up(packet_at(pending, place), keys_at(keys, 0).records)
