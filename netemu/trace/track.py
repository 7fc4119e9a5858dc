"""One packet through the state of its connection, and the loop over a window of the file; compiled."""
# mypy: disable-error-code="no-any-return"
# ruff: noqa: PLR0917 (compiled functions take their state by position)

from __future__ import annotations

from typing import Any

from netemu.packet.tcp import ACK, FIN, RST, SYN
from netemu.trace.ack_kinds import ACK_CHALLENGE, ACK_KEEPALIVE, ACK_NONE, ACK_RESET, ACK_WINDOW_PROBE, note_provocation
from netemu.trace.acks import on_ack, unwrap
from netemu.trace.compiled import compiled, entry
from netemu.trace.connect import find_connection, find_quoted
from netemu.trace.evidence import shown_state
from netemu.trace.fragments import reassemble
from netemu.trace.layout import MAX_SACK_BLOCKS, connection_at, flow_at, icmp_at, packet_at, scan_at, state_at
from netemu.trace.lifetime import is_unacceptable_syn, note_end, on_reset
from netemu.trace.memory import i64
from netemu.trace.records import RECORD, next_record
from netemu.trace.segments import pool_is_low
from netemu.trace.sender import on_data, on_sequence, on_syn
from netemu.trace.transport_layer import (
    PROTOCOL_ICMP,
    PROTOCOL_ICMPV6,
    PROTOCOL_TCP,
    decode_frame,
)
from netemu.trace.verdict import CA_LOSS, CA_MTU, KIND_KEEPALIVE, KIND_NEW, KIND_WINDOW_PROBE

FULL, GROW = 10, 11
"""Why :func:`run` returned, beside the statuses of :mod:`netemu.trace.records`: columns full; a table must grow."""


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
    p.connection = index
    flow = 2 * index + p.direction
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
        if p.payload and p.kind == KIND_NEW:  # TCP Fast Open: data behind the SYN
            on_data(st, f, peer, flow, i64(1), p)
            p.kind = KIND_NEW
    else:
        on_sequence(st, f, peer, flow, p)
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
    f.pmtu = p.icmp_mtu if p.icmp_mtu else -1
    f.pmtu_icmp, f.pmtu_icmp_seen = p.icmp_mtu, 1
    f.pmtu_icmp_ns = p.t_ns
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
        _on_tcp(st, p)
    elif p.protocol in (PROTOCOL_ICMP, PROTOCOL_ICMPV6) and p.icmp_error:
        _on_icmp(st, p)


@compiled
def _store(st: Any, p: Any, out: Any, row: int) -> None:
    out.frame[row], out.capture[row], out.t_ns[row] = p.frame, p.capture, p.t_ns
    out.connection[row] = connection_at(st.connections, p.connection).index if p.connection >= 0 else -1
    out.flow[row] = 2 * p.connection + p.direction if p.connection >= 0 else -1
    out.direction[row], out.ip_version[row], out.protocol[row] = p.direction, p.ip_version, p.protocol
    out.ip_bytes[row], out.ttl[row], out.ecn[row] = p.ip_bytes, p.ttl, p.ecn
    out.ip_id[row] = p.ip_id if p.ip_version == 4 else 0
    out.dont_fragment[row], out.fragment[row], out.flags[row] = p.dont_fragment, p.fragment, p.flags
    out.seq[row], out.ack[row] = p.seq, p.ack
    out.seq_offset_bytes[row], out.ack_offset_bytes[row] = p.seq_offset, p.ack_offset
    out.payload_bytes[row], out.window_bytes[row] = p.payload, p.window_bytes
    out.ts_val[row], out.ts_ecr[row], out.sack_blocks[row] = p.ts_val, p.ts_ecr, p.sack_count
    out.dsack[row], out.kind[row], out.spurious_by[row] = p.dsack, p.kind, p.spurious
    out.out_of_order[row], out.ack_kind[row], out.duplicate_ack[row] = p.out_of_order, p.ack_kind, p.duplicate_ack
    out.acked_bytes[row], out.ack_rtt_ns[row] = p.acked, p.ack_rtt_ns
    out.zero_window[row], out.window_full[row], out.ca_state[row] = p.zero_window, p.window_full, p.ca_state
    out.tcp_options[row] = p.tcp_options
    out.flight_bytes[row], out.network_duplicate[row] = p.flight, p.network_duplicate


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
        st.rtt_count + 1 > st.rtt_capacity
        or st.sack_count + MAX_SACK_BLOCKS > st.sack_capacity
        or st.icmp_count + 1 > st.icmp_capacity
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
def run(data: int, end: int, scan_address: int, interfaces: int, state: int, out: Any, row: int) -> tuple[int, int]:
    """Take packets from the window ``data[:end]`` until it, the columns or a table ends; returns (why, next row)."""
    st, scan = state_at(state, 0), scan_at(scan_address, 0)
    p = packet_at(st.packet, 0)
    while True:
        if row >= out.t_ns.size or _lists_are_full(st):
            return FULL, row
        if _must_grow(st):
            return GROW, row
        status = next_record(data, end, scan, interfaces, p)
        if status != RECORD:
            return status, row
        st.frame_count += 1
        p.frame, p.row = st.frame_count, st.row_count
        st.row_count += 1
        decode_frame(data, p, st.sack)
        if p.malformed | p.bad_options | p.truncated | p.tunnels or p.t_ns < st.last_ns:
            _note_oddities(st, p)
        st.last_ns = p.t_ns
        st.not_ip += 1 if p.ip_version == 0 else 0
        _classify(st, p)
        _store(st, p, out, row)
        row += 1
