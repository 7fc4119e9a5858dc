"""Which connection and direction a TCP packet belongs to, compiled.

The key is capture and IP version, addresses and ports; a SYN that cannot belong to the connection known under its key
(another initial sequence number, or one after data without a SYN) begins a new connection with the same key.
"""
# mypy: disable-error-code="no-any-return"
# ruff: noqa: PLR0917 (compiled functions take their state by position)

from __future__ import annotations

from typing import Any

from netemu.packet.tcp import ACK, FIN, RST, SYN
from netemu.trace.ack_kinds import ACK_CHALLENGE
from netemu.trace.compiled import compiled
from netemu.trace.layout import (
    ACK_LINES,
    BOTH_LINES,
    CONNECTION,
    DATA_LINES,
    FLOW,
    LINE_BYTES,
    SEGMENT,
    connection_at,
    flow_at,
)
from netemu.trace.memory import i64, prefetch, set_word, word
from netemu.trace.segments import at, unwrap

_EPHEMERAL = 32768
"""First port of Linux's default ip_local_port_range; below it a port is taken for a server's."""
_NUMBER, _CLIENT_IS_LOW, _HASH = 0x7FFFFFFF, 31, ~0xFFFFFFFF
"""A slot of the table holds the number of a connection, from 1 on, in its lower half, and above it that of the hash:
so others than the one looked for are seldom looked at, each of which would be fetched from memory. Bit 31 tells which
end is the client: so it is known without the connection which of its flows a packet belongs to."""
_ACKED = 3
"""Segments that an acknowledgement probably looks at: two that it covers, and the next."""
_PROBES = 8
"""Slots looked at for a connection whose memory is to be on its way."""
_NEAR = 1 << 24
"""How far numbers may lie from a connection's to be taken for its own, where another of the same key may be meant."""

_CONNECTION_BYTES, _FLOW_BYTES, _SEGMENT_BYTES = CONNECTION.itemsize, FLOW.itemsize, SEGMENT.itemsize
_BOTH_BYTES, _DATA_BYTES, _ACK_BYTES = BOTH_LINES * LINE_BYTES, DATA_LINES * LINE_BYTES, ACK_LINES * LINE_BYTES


@compiled
def _mix(value: int) -> int:
    """A bijective scramble of 64 bits (multiply and shift), so that near addresses fall apart."""
    value = (value ^ (value >> 31)) * i64(0x7FB5D329728EA185)
    value = (value ^ (value >> 27)) * i64(-0x7E25210B43D22BB3)
    return value ^ (value >> 33)


@compiled
def _hash(scope: int, a_hi: int, a_lo: int, b_hi: int, b_lo: int, ports: int) -> int:
    value = a_lo * i64(0x2545F4914F6CDD1D) + b_lo * i64(-0x61C8864680B583EB) + ports * i64(0x5851F42D4C957F2D)
    value += a_hi * i64(0x14057B7EF767814F) + b_hi * i64(-0x2152411021524111) + scope * i64(0x369DEA0F31A53F85)
    return _mix(value)


@compiled
def _scope(p: Any) -> int:
    """Capture and IP version as one number: ::ffff:10.0.0.1 is not 10.0.0.1."""
    return 2 * p.capture + (1 if p.ip_version == 6 else 0)


@compiled
def _source_is_low(src_hi: int, src_lo: int, sport: int, dst_hi: int, dst_lo: int, dport: int) -> bool:
    if src_hi != dst_hi:
        return src_hi < dst_hi
    if src_lo != dst_lo:
        return src_lo < dst_lo
    return sport < dport


@compiled
def _slot(st: Any, key: int, scope: int, a_hi: int, a_lo: int, a_port: int, b_hi: int, b_lo: int, b_port: int) -> int:
    """The table's slot of this key, whose hash is ``key``: the one that holds it, or the empty one where it belongs."""
    mask = st.table_size - 1
    slot = key & mask
    while True:
        held = word(st.table, slot)
        if held == 0:
            return slot
        c = connection_at(st.connections, (held & _NUMBER) - 1)
        if (
            (held ^ key) >> 32 == 0
            and c.addr_lo_lo == a_lo
            and c.addr_hi_lo == b_lo
            and c.port_lo == a_port
            and c.port_hi == b_port
            and c.addr_lo_hi == a_hi
            and c.addr_hi_hi == b_hi
            and c.scope == scope
        ):
            return slot
        slot = (slot + 1) & mask


@compiled
def _numbered(st: Any, slot: int) -> int:
    """The connection in a slot of the table, or -1."""
    return (word(st.table, slot) & _NUMBER) - 1


@compiled
def _put_number(st: Any, slot: int, key: int, index: int) -> None:
    client_is_low = connection_at(st.connections, index).client_is_low
    set_word(st.table, slot, (key & _HASH) | (client_is_low << _CLIENT_IS_LOW) | (index + 1))


@compiled
def rehash(st: Any) -> None:
    """Fill an empty, larger table; of connections with one key the latest keeps the slot."""
    for i in range(st.connection_count):
        c = connection_at(st.connections, i)
        ports = (c.port_lo << 16) | c.port_hi
        key = _hash(c.scope, c.addr_lo_hi, c.addr_lo_lo, c.addr_hi_hi, c.addr_hi_lo, ports)
        slot = _slot(st, key, c.scope, c.addr_lo_hi, c.addr_lo_lo, c.port_lo, c.addr_hi_hi, c.addr_hi_lo, c.port_hi)
        _put_number(st, slot, key, i)


@compiled
def _is_new_incarnation(st: Any, index: int, direction: int, p: Any) -> bool:
    """Whether a SYN starts another connection than the one known under its key (port reuse, RFC 6191)."""
    if not p.flags & SYN or p.flags & RST:
        return False
    c = connection_at(st.connections, index)
    own, other = flow_at(st.flows, 2 * index + direction), flow_at(st.flows, 2 * index + 1 - direction)
    if p.flags & ACK:
        return bool(c.fin_seen == 3 or c.rst_seen) and own.isn_known and own.isn != p.seq
    if own.syn_sent or own.syn_ack_sent:
        return own.isn != p.seq
    if own.isn_known:  # else it sent data before this SYN, or the other end acknowledged something else
        return own.isn != p.seq
    # A first SYN of this direction: simultaneous open unless the other end is past its own SYN
    return not (other.syn_sent and other.una <= 1 and not c.rst_seen)


@compiled
def _source_is_client(p: Any) -> bool:
    if p.flags & SYN:
        return not p.flags & ACK
    if (p.sport < _EPHEMERAL) != (p.dport < _EPHEMERAL):
        return p.dport < _EPHEMERAL
    return True


@compiled
def _create(st: Any, p: Any, low: bool) -> int:
    index = st.connection_count
    st.connection_count = index + 1
    c = connection_at(st.connections, index)
    c.scope, c.capture, c.version = _scope(p), p.capture, p.ip_version
    c.index = word(st.captures, p.capture)
    set_word(st.captures, p.capture, c.index + 1)
    if low:
        c.addr_lo_hi, c.addr_lo_lo, c.port_lo = p.src_hi, p.src_lo, p.sport
        c.addr_hi_hi, c.addr_hi_lo, c.port_hi = p.dst_hi, p.dst_lo, p.dport
    else:
        c.addr_lo_hi, c.addr_lo_lo, c.port_lo = p.dst_hi, p.dst_lo, p.dport
        c.addr_hi_hi, c.addr_hi_lo, c.port_hi = p.src_hi, p.src_lo, p.sport
    c.client_is_low = 1 if _source_is_client(p) == low else 0
    c.start_ns = c.end_ns = p.t_ns
    c.previous = -1
    for flow in range(2 * index, 2 * index + 2):
        f = flow_at(st.flows, flow)
        f.ring_base = f.retrans_last = f.wscale = f.mss_announced = f.syn_ts_val = f.syn_ip_id = i64(-1)
        f.syn_ns = f.first_data_ns = f.min_rtt_ns = f.mss_used_bytes = i64(-1)
        f.max_window_bytes = f.last_window = f.rack_ns = f.ip_id = f.ts_val = f.unseen_from = f.retrans_stamp = i64(-1)
    return index


@compiled
def _direction(st: Any, index: int, low: bool) -> int:
    return 0 if (connection_at(st.connections, index).client_is_low == 1) == low else 1


@compiled
def _fits(st: Any, index: int, low: bool, p: Any) -> bool:
    """Whether a packet's numbers are near those of a connection."""
    direction = _direction(st, index, low)
    f, peer = flow_at(st.flows, 2 * index + direction), flow_at(st.flows, 2 * index + 1 - direction)
    if f.isn_known:
        return bool(-_NEAR < unwrap(f, p.seq, f.nxt) - f.nxt < _NEAR)
    return bool(p.flags & ACK and peer.isn_known and -_NEAR < unwrap(peer, p.ack, peer.nxt) - peer.nxt < _NEAR)


@compiled
def _is_unanswered(st: Any, index: int) -> bool:
    """Whether nothing is known of a connection but its first SYN: the other end may never take it for one."""
    c = connection_at(st.connections, index)
    client, server = flow_at(st.flows, 2 * index), flow_at(st.flows, 2 * index + 1)
    return bool(client.syn_sent and client.nxt <= 1 and not c.syn_ack_seen and not server.isn_known)


@compiled
def _begins(st: Any, index: int, low: bool, p: Any) -> bool:
    """Whether ``p`` is what follows the SYN of a connection: the client's next byte, or an answer to that SYN."""
    direction = _direction(st, index, low)
    client = flow_at(st.flows, 2 * index)
    number = p.ack if direction else p.seq
    return bool(number == (client.isn + 1) & 0xFFFFFFFF and (p.flags & ACK or not direction))


@compiled
def _incarnation(st: Any, index: int, low: bool, p: Any) -> int:
    """Which connection of this key ``p`` belongs to: the latest, the one before, or -1: a new one.

    The one before has late packets, and goes on where it was open and a SYN had no answer (RFC 5961 section 4).
    """
    if _is_new_incarnation(st, index, _direction(st, index, low), p):
        return -1
    previous = connection_at(st.connections, index).previous
    if previous < 0 or p.flags & SYN or not _fits(st, previous, low, p):
        return index
    if _is_unanswered(st, index):
        return index if _begins(st, index, low, p) else previous
    return index if _fits(st, index, low, p) else previous


@compiled
def _provoke(st: Any, index: int, low: bool) -> None:
    """A SYN in a connection that is still open: its other end answers with a challenge ACK (RFC 5961 section 4)."""
    c = connection_at(st.connections, index)
    if not c.reset_by and c.fin_seen != 3:
        flow_at(st.flows, 2 * index + _direction(st, index, low)).provoked = ACK_CHALLENGE


@compiled
def set_key(p: Any) -> None:
    """Put into the TCP packet ``p`` what its connection is looked up by."""
    low = _source_is_low(p.src_hi, p.src_lo, p.sport, p.dst_hi, p.dst_lo, p.dport)
    p.low = 1 if low else 0
    a_hi, a_lo, a_port = (p.src_hi, p.src_lo, p.sport) if low else (p.dst_hi, p.dst_lo, p.dport)
    b_hi, b_lo, b_port = (p.dst_hi, p.dst_lo, p.dport) if low else (p.src_hi, p.src_lo, p.sport)
    p.hash = _hash(_scope(p), a_hi, a_lo, b_hi, b_lo, (a_port << 16) | b_port)


@compiled
def _expected(st: Any, p: Any) -> int:
    """The flow that ``p`` probably belongs to, or -1, without a look at any connection."""
    mask = st.table_size - 1
    for k in range(_PROBES):
        held = word(st.table, (p.hash + k) & mask)
        if held == 0:
            return -1
        if (held ^ p.hash) >> 32 == 0:
            to_client = ((held >> _CLIENT_IS_LOW) & 1) ^ p.low
            return 2 * ((held & _NUMBER) - 1) + to_client
    return -1


@compiled
def _await(first: int, size: int) -> None:
    for line in range(0, size, LINE_BYTES):
        prefetch(first + line)


@compiled
def await_connection(st: Any, p: Any) -> None:
    """Have the memory of the connection that ``p`` probably belongs to on its way, as much of it as ``p`` needs."""
    flow = _expected(st, p)
    p.expected = flow
    if flow < 0:
        return
    prefetch(st.connections + (flow >> 1) * _CONNECTION_BYTES)
    own, peer = st.flows + flow * _FLOW_BYTES, st.flows + (flow ^ 1) * _FLOW_BYTES
    if p.payload:
        _await(own, _DATA_BYTES)
        _await(peer, _BOTH_BYTES)
    else:
        _await(own, _BOTH_BYTES)
        _await(peer, _ACK_BYTES)


@compiled
def await_segments(st: Any, p: Any) -> None:
    """Have on its way what ``p`` probably sends or acknowledges: an end of the ring of a flow.

    Behind :func:`await_connection`, which leaves in ``p.expected`` which flow that is.
    """
    flow = p.expected
    if flow < 0:
        return
    peer = flow_at(st.flows, flow ^ 1)
    if p.payload:
        own = flow_at(st.flows, flow)
        if own.ring_count > 0:
            prefetch(st.segments + at(own, own.ring_count) * _SEGMENT_BYTES)
        if unwrap(peer, p.ack, peer.una) > peer.una:
            _await(st.flows + (flow ^ 1) * _FLOW_BYTES + _BOTH_BYTES, _ACK_BYTES - _BOTH_BYTES)
    elif peer.ring_count > 0:
        for k in range(_ACKED):
            prefetch(st.segments + at(peer, k) * _SEGMENT_BYTES)


@compiled
def find_connection(st: Any, p: Any) -> int:
    """The connection of the TCP packet ``p``, made when there is none; sets ``p.direction`` (0: from the client)."""
    low = p.low == 1
    a_hi, a_lo, a_port = (p.src_hi, p.src_lo, p.sport) if low else (p.dst_hi, p.dst_lo, p.dport)
    b_hi, b_lo, b_port = (p.dst_hi, p.dst_lo, p.dport) if low else (p.src_hi, p.src_lo, p.sport)
    slot = _slot(st, p.hash, _scope(p), a_hi, a_lo, a_port, b_hi, b_lo, b_port)
    index = _numbered(st, slot)
    if index >= 0:
        index = _incarnation(st, index, low, p)
    if index < 0:
        previous = _numbered(st, slot)
        index = _create(st, p, low)
        _put_number(st, slot, p.hash, index)
        if previous >= 0:
            before = connection_at(st.connections, previous).previous
            if before >= 0 and _is_unanswered(st, previous):
                previous = before
            connection_at(st.connections, index).previous = previous
            _provoke(st, previous, low)
    c = connection_at(st.connections, index)
    p.direction = _direction(st, index, low)
    c.packets += 1
    c.end_ns = max(c.end_ns, p.t_ns)
    if p.flags & FIN:
        c.fin_seen |= 1 << p.direction
    if p.flags & RST:
        c.rst_seen = 1
    if p.flags & SYN:
        if p.flags & ACK:
            c.syn_ack_seen = 1
        else:
            c.syn_seen = 1
    return index


@compiled
def find_quoted(st: Any, p: Any) -> int:
    """The connection of the packet that the ICMP error ``p`` quotes, or -1; sets ``p.direction`` to that packet's."""
    scope, low = _scope(p), _source_is_low(p.q_src_hi, p.q_src_lo, p.q_sport, p.q_dst_hi, p.q_dst_lo, p.q_dport)
    if low:
        key = _hash(scope, p.q_src_hi, p.q_src_lo, p.q_dst_hi, p.q_dst_lo, (p.q_sport << 16) | p.q_dport)
        slot = _slot(st, key, scope, p.q_src_hi, p.q_src_lo, p.q_sport, p.q_dst_hi, p.q_dst_lo, p.q_dport)
    else:
        key = _hash(scope, p.q_dst_hi, p.q_dst_lo, p.q_src_hi, p.q_src_lo, (p.q_dport << 16) | p.q_sport)
        slot = _slot(st, key, scope, p.q_dst_hi, p.q_dst_lo, p.q_dport, p.q_src_hi, p.q_src_lo, p.q_sport)
    index = _numbered(st, slot)
    if index >= 0:
        p.direction = _direction(st, index, low)
    return index
