"""One packet through the state of its connection, and the loop over a window of the file; compiled."""
# mypy: disable-error-code="no-any-return"
# ruff: noqa: PLR0917 (compiled functions take their state by position)

from __future__ import annotations

from typing import Any

from netemu.packet.tcp import ACK, FIN, RST, SYN
from netemu.trace.ack_kinds import ACK_CHALLENGE, ACK_KEEPALIVE, ACK_NONE, ACK_RESET, ACK_WINDOW_PROBE, note_provocation
from netemu.trace.acks import on_ack
from netemu.trace.compiled import compiled, entry
from netemu.trace.connect import await_connection, await_segments, find_connection, find_quoted, set_key
from netemu.trace.evidence import shown_state
from netemu.trace.fragments import reassemble
from netemu.trace.layout import (
    BATCH,
    FIELDS,
    LINE_BYTES,
    MAX_SACK_BLOCKS,
    PACKET,
    column_at,
    connection_at,
    flow_at,
    icmp_at,
    packet_at,
    scan_at,
    state_at,
)
from netemu.trace.lifetime import is_unacceptable_syn, note_end, on_reset
from netemu.trace.memory import (
    eight_to_8,
    eight_to_16,
    eight_to_32,
    eight_to_64,
    i64,
    prefetch,
    prefetch_to_write,
    put8,
    put16,
    put32,
    put64,
    word,
)
from netemu.trace.others import note_other
from netemu.trace.records import RECORD, next_record
from netemu.trace.segments import pool_is_crowded, pool_is_low, unwrap
from netemu.trace.sender import on_data, on_sequence, on_syn
from netemu.trace.transport_layer import (
    PROTOCOL_ICMP,
    PROTOCOL_ICMPV6,
    PROTOCOL_TCP,
    clear,
    decode_frame,
)
from netemu.trace.verdict import CA_LOSS, CA_MTU, KIND_KEEPALIVE, KIND_NEW, KIND_WINDOW_PROBE

COLUMNS = len(FIELDS)
_COLUMN_BYTES = 8 * PACKET.column_words

FULL, GROW, CROWDED = 10, 11, 12
"""Why :func:`run` returned, beside the statuses of :mod:`netemu.trace.records`: columns full; a table must grow; there
are as many connections, or segments of theirs, as are followed at once."""


@compiled
def _scaled_window(f: Any, peer: Any, p: Any) -> int:
    """RFC 7323 section 2.3: both SYNs must have offered it, and a SYN's own window is never scaled."""
    if p.flags & SYN or f.wscale < 0 or peer.wscale < 0:
        return p.window
    return p.window << f.wscale


@compiled
def _note_window(f: Any, p: Any) -> None:
    if p.flags & RST or not p.flags & ACK:
        return
    f.last_window = p.window_bytes
    if not p.flags & SYN:
        f.max_window_bytes = max(f.max_window_bytes, p.window_bytes)
        if p.window_bytes == 0:
            f.zero_windows += 1
            p.zero_window = 1 if not p.flags & FIN else 0


@compiled
def _fills_window(f: Any, peer: Any, p: Any) -> int:
    """Whether the payload of ``p`` ends where the window that ``peer`` announced last ends; 0 where it is unknown."""
    known = f.syn_sent + f.syn_ack_sent > 0 and peer.syn_sent + peer.syn_ack_sent > 0
    return 1 if known and p.payload and p.seq_offset + p.payload == f.una + peer.last_window else 0


@compiled
def _probe_answer(kind: int) -> int:
    """The code of ACK_KINDS of the answer that a probe asks for; 0 for any other packet."""
    if kind == KIND_WINDOW_PROBE:
        return ACK_WINDOW_PROBE
    return ACK_KEEPALIVE if kind == KIND_KEEPALIVE else ACK_NONE


@compiled
def _on_tcp(st: Any, p: Any) -> None:
    index = find_connection(st, p)
    flow = 2 * index + p.direction
    p.connection, p.number, p.flow = index, connection_at(st.connections, index).index, flow
    f, peer = flow_at(st.flows, flow), flow_at(st.flows, 2 * index + 1 - p.direction)
    f.packets += 1
    f.sack_blocks += p.sack_count
    f.tcp_options |= p.tcp_options
    p.window_bytes = _scaled_window(f, peer, p)
    if p.flags & RST:
        on_reset(st, f, peer, p)
    unacceptable = is_unacceptable_syn(f, p)
    if p.flags & SYN and not p.flags & RST:
        on_syn(st, f, flow, p)
        p.window_bytes = p.window
        start, more = i64(1), bool(p.payload and p.kind == KIND_NEW)  # TCP Fast Open: data behind the SYN
    else:
        more = on_sequence(st, f, peer, p)
        start = p.seq_offset
    if more:
        on_data(st, f, peer, flow, start, p)
    if p.flags & SYN and not p.flags & RST:
        p.kind = KIND_NEW if more else p.kind
    else:
        p.window_full = _fills_window(f, peer, p)
    note_provocation(f, p, ACK_CHALLENGE if unacceptable else _probe_answer(p.kind))
    if p.flags & RST:
        p.ack_kind = ACK_RESET if p.flags & ACK else ACK_NONE
    elif p.flags & ACK:
        on_ack(st, peer, f, p)
    note_end(st, f, peer, p)
    _note_window(f, p)
    p.flight = f.nxt - f.una
    p.ca_state = shown_state(f)


@compiled
def _on_mtu_report(st: Any, flow: int, p: Any) -> None:
    """A router says how much it can carry: the kernel cuts what is outstanding anew and sends it at once."""
    f = flow_at(st.flows, flow)
    known = f.pmtu_icmp
    f.pmtu_icmp = p.icmp_mtu
    quoted = unwrap(f, p.q_seq, f.una)
    if known and p.icmp_mtu >= known:
        return
    if f.una <= quoted < f.nxt and f.ca_state != CA_LOSS:
        f.ca_state, f.loss_ns, f.high_seq, f.retrans_stamp = CA_MTU, p.t_ns, f.nxt, -1
        f.frto = 0


@compiled
def _on_icmp(st: Any, p: Any) -> None:
    index = -1
    if p.quoted_protocol == PROTOCOL_TCP:
        index = find_quoted(st, p)
    row = icmp_at(st.icmp, st.icmp_count)
    st.icmp_count += 1
    row.capture, row.frame, row.t_ns, row.version = p.capture, p.frame, p.t_ns, p.ip_version
    row.type, row.code, row.mtu = p.icmp_type, p.icmp_code, p.icmp_mtu if p.icmp_mtu else -1
    row.src_hi, row.src_lo, row.connection, row.direction = p.src_hi, p.src_lo, index, p.direction
    reports_mtu = p.icmp_type == (3 if p.ip_version == 4 else 2) and (p.ip_version == 6 or p.icmp_code == 4)
    if index >= 0 and reports_mtu:
        _on_mtu_report(st, 2 * index + p.direction, p)
    p.direction = -1


@compiled
def _classify(st: Any, p: Any) -> None:
    if p.malformed or p.transport < 0:
        return
    if p.protocol == PROTOCOL_TCP:
        if p.fragment and not reassemble(st.fragments, p):
            p.sport = p.dport = p.flags = p.seq = p.ack = p.payload = p.sack_count = p.tcp_options = 0
            p.ts_val = p.ts_ecr = -1
            return
        if p.fragment:
            set_key(p)  # the header came with another fragment
        _on_tcp(st, p)
    elif p.protocol in (PROTOCOL_ICMP, PROTOCOL_ICMPV6) and p.icmp_error:
        _on_icmp(st, p)


@compiled
def _read(data: int, end: int, scan: Any, interfaces: int, st: Any, limit: int) -> int:
    """Dissect the next packets, ``limit`` at most, into the batch; returns why it read no more."""
    status = RECORD
    clear(st.packet)
    while st.batch_count < limit:
        p = packet_at(st.packet, st.batch_count)
        p.t_ns = st.last_ns  # a simple packet block has no time of its own
        status = next_record(data, end, scan, interfaces, p)
        if status != RECORD:
            break
        st.frame_count += 1
        p.frame, p.row = st.frame_count, st.row_count
        st.row_count += 1
        decode_frame(data, p, p.sack)
        p.ipv4_id = p.ip_id if p.ip_version == 4 else 0
        if p.malformed | p.bad_options | p.truncated | p.tunnels or p.t_ns < st.last_ns:
            _note_oddities(st, p)
        st.last_ns = p.t_ns
        st.not_ip += 1 if p.ip_version == 0 else 0
        st.batch_count += 1
        if p.protocol == PROTOCOL_TCP and p.transport >= 0:
            set_key(p)
            prefetch(st.table + 8 * (p.hash & (st.table_size - 1)))
        if (p.protocol != PROTOCOL_TCP or p.fragment) and p.ip_version:
            note_other(st, p)
    for k in range(st.batch_count):
        p = packet_at(st.packet, k)
        if p.protocol == PROTOCOL_TCP and p.transport >= 0:
            await_connection(st, p)
    for k in range(st.batch_count):
        p = packet_at(st.packet, k)
        if p.protocol == PROTOCOL_TCP and p.transport >= 0:
            await_segments(st, p)
    return status


@compiled
def _put(target: int, size: int, i: int, value: int) -> None:
    if size == 8:
        put64(target, 8 * i, value)
    elif size == 4:
        put32(target, 4 * i, value)
    elif size == 2:
        put16(target, 2 * i, value)
    else:
        put8(target, i, value)


@compiled
def _store_column(target: int, size: int, source: int, count: int) -> None:
    """Put ``count`` words at ``source`` into a column of values of ``size`` bytes: eight at a time, then the rest."""
    eights = count & ~7
    for i in range(0, eights, 8):
        to, at = target + size * i, source + 8 * i
        if size == 8:
            eight_to_64(to, at)
        elif size == 4:
            eight_to_32(to, at)
        elif size == 2:
            eight_to_16(to, at)
        else:
            eight_to_8(to, at)
    for i in range(eights, count):
        _put(target, size, i, word(source, i))


@compiled
def _store(st: Any, columns: int, row: int) -> None:
    """Put the batch into the columns from ``row`` on, one column after the other."""
    for k in range(COLUMNS):
        column = column_at(columns, k)
        target, source = column.address + row * column.bytes, st.packet + _COLUMN_BYTES * column.word
        _store_column(target, column.bytes, source, st.batch_count)


@compiled
def _await_columns(columns: int, row: int, count: int) -> None:
    """Have what a batch of ``count`` packets from ``row`` on will be put into on its way."""
    for k in range(COLUMNS):
        column = column_at(columns, k)
        first = column.address + row * column.bytes
        for at in range(first, first + count * column.bytes, LINE_BYTES):
            prefetch_to_write(at)


@compiled
def _must_grow(st: Any) -> bool:
    return bool(
        pool_is_low(st)
        or st.connection_count + 1 > st.connection_capacity
        or 2 * (st.connection_count + 1) > st.table_size
        or st.event_count + 1 > st.event_capacity
    )


@compiled
def _lists_are_full(st: Any) -> bool:
    return bool(
        st.rtt_count + BATCH > st.rtt_capacity
        or st.sack_count + BATCH * MAX_SACK_BLOCKS > st.sack_capacity
        or st.icmp_count + BATCH > st.icmp_capacity
    )


@compiled
def _note_oddities(st: Any, p: Any) -> None:
    """Count what the reader of a summary should know of ``p``, and keep where its first case is."""
    if p.malformed | p.bad_options:
        st.malformed_at = st.malformed_at if st.malformed else p.at
        st.malformed += 1
    if p.truncated:
        st.truncated_at = st.truncated_at if st.truncated else p.at
        st.truncated += 1
    if p.t_ns < st.last_ns:
        st.clock_backwards_at = st.clock_backwards_at if st.clock_backwards else p.at
        st.clock_backwards += 1
    if p.tunnels and not p.inner:
        st.tunnelled += 1


@entry
def run(
    data: int, end: int, scan_address: int, interfaces: int, state: int, columns: int, rows: int, row: int
) -> tuple[int, int]:
    """Take packets from the window ``data[:end]`` until it, the ``rows`` of the columns or a table ends.

    Returns why, and the next row. A table may end within a batch: the rest of it is taken by the next call.
    """
    st, scan = state_at(state, 0), scan_at(scan_address, 0)
    while True:
        if st.batch_next == st.batch_count:
            if row >= rows or _lists_are_full(st):
                return FULL, row
            if st.connection_count + BATCH > st.connection_limit or pool_is_crowded(st):
                return CROWDED, row
            st.batch_count = st.batch_next = 0
            status = _read(data, end, scan, interfaces, st, min(i64(BATCH), rows - row))
            if st.batch_count == 0:
                return status, row
            _await_columns(columns, row, st.batch_count)
        while st.batch_next < st.batch_count:
            if _must_grow(st):
                return GROW, row
            _classify(st, packet_at(st.packet, st.batch_next))
            st.batch_next += 1
        _store(st, columns, row)
        row += st.batch_count
