"""The sender's side of every packet: what it sent, what was acknowledged, and a row where a round trip ends; compiled.

A row covers the time since the one before it. It is written when the first data of the next round trip leaves, so
that the wait before it has been judged; when the congestion state changes; and around silences longer than the RTO.
"""
# mypy: disable-error-code="no-any-return"
# ruff: noqa: PLR0917 (compiled functions take their state by position)

from __future__ import annotations

from typing import Any

from netemu.packet.tcp import ACK, FIN, PSH, RST, SYN
from netemu.trace.compiled import compiled, entry
from netemu.trace.layout import flow_at, rtt_at, sack_at
from netemu.trace.memory import i64
from netemu.trace.observe.sender_limits import limit_of_silence, slack_ns, was_released, why_waited
from netemu.trace.observe.sender_pipe import (
    CA_CWR,
    CA_DISORDER,
    CA_LOSS,
    CA_OPEN,
    CA_RECOVERY,
    drop_below,
    pipe,
    release,
    take_range,
)
from netemu.trace.observe.sender_rows import spend, take_sample, write_row
from netemu.trace.observe.sender_state import (
    LIMIT_APPLICATION,
    LIMIT_CWND,
    LIMIT_RWND,
    PHASE_SLOW_START,
    REASON_END,
    REASON_ROUND,
    REASON_STATE,
    sender_flow_at,
    sender_state_at,
)
from netemu.trace.verdict import KIND_KEEPALIVE, KIND_NEW, KIND_TIMEOUT, KIND_WINDOW_PROBE

_ROWS_PER_PACKET = 4
_TIMESTAMP_BYTES = 12
_LONG_SILENCE_NS = 1_000_000_000
"""A silence with nothing outstanding gets a row of its own from one RTO on; from this where the RTO is not known."""


@compiled
def _on_handshake(own: Any, peer: Any, t_ns: int, flags: int) -> None:
    """How long each end takes from hearing to answering, at the place of capture."""
    if own.syn_ns < 0:
        own.syn_ns = t_ns
    if flags & ACK and peer.syn_ns >= 0:
        own.turn_ns = t_ns - peer.syn_ns
    if own.una < 0:
        own.una, own.nxt = i64(0), i64(1)


@compiled
def _take_rtt(st: Any, flow: int, f: Any, peer: Any, t_ns: int) -> None:
    """The estimates that the pass had after this packet, if it gave an RTT sample."""
    while st.rtt_next < st.rtt_count:
        row = rtt_at(st.rtt, st.rtt_next)
        if row.t_ns != t_ns or 2 * row.connection + row.direction != flow:
            return
        f.srtt_ns, f.rto_ns = row.srtt_ns, row.rto_ns
        peer.turn_ns = row.rtt_ns if peer.turn_ns < 0 else min(peer.turn_ns, row.rtt_ns)
        st.rtt_next += 1


@compiled
def _take_sacks(st: Any, f: Any, frame: int, dsack: int) -> None:
    first = True
    while st.sack_next < st.sack_count:
        row = sack_at(st.sacks, st.sack_next)
        if row.frame != frame:
            return
        if not (first and dsack) and row.end > row.start >= f.una and row.end <= f.nxt:
            take_range(st, f, row.start, row.end)
        first = False
        st.sack_next += 1


@compiled
def _on_ack(st: Any, flow: int, f: Any, c: Any) -> None:
    """An acknowledgement for ``f`` arrives."""
    ack, t_ns = c.ack_offset_bytes, c.t_ns
    syn = c.flags & SYN
    if f.una < 0:
        f.una = f.nxt = ack
    f.nxt = max(f.nxt, ack)
    if f.fresh_ack and t_ns - f.ack_ns > slack_ns(f):
        f.unanswered += f.freed
    f.pipe_before, f.una_before = pipe(st, f), f.una
    f.edge_before = f.edge
    if ack >= f.una and not syn:
        f.edge = ack + c.window_bytes
    f.small_acked = 1 if f.una < f.small_end <= ack else 0
    f.fresh_ack, f.ack_ns, f.ack_pure = 1, t_ns, 1 if c.payload_bytes == 0 else 0
    if ack > f.una:
        f.acked += ack - f.una if f.una > 0 else 0
        was_out = f.nxt > f.una > 0
        f.una = ack
        drop_below(st, f, ack)
        if was_out and ack >= f.nxt:
            f.busy_ns += t_ns - f.idle_ns
            f.idle_ns = t_ns
    if c.sack_blocks:
        _take_sacks(st, f, c.frame, c.dsack)
    f.freed = max(f.pipe_before - pipe(st, f), 0)
    if f.ca_state != CA_OPEN and f.recovered_ns < 0 and f.una >= f.high_seq:
        f.recovered_ns = t_ns


@compiled
def _change_state(st: Any, flow: int, f: Any, state: int, t_ns: int) -> None:
    """The congestion state that the pass rebuilt is another than at the last packet; its end was an ACK."""
    recovered = f.ca_state != CA_OPEN and f.recovered_ns >= 0
    write_row(st, flow, f, f.recovered_ns if recovered else t_ns, REASON_STATE)
    if state == CA_OPEN:
        f.left_recovery = 1 if recovered and f.ca_state in (CA_RECOVERY, CA_CWR) else 0
    else:
        if f.ca_state == CA_OPEN:
            f.cwnd_at_loss = f.cwnd
        f.high_seq, f.loss_edge, f.ssthresh, f.left_recovery = f.nxt, f.nxt, i64(-1), 0
    f.ca_state, f.high_retransmitted, f.recovered_ns = state, i64(0), i64(-1)
    f.pipe_before = i64(0)  # what this ACK released tells of the state that ended


@compiled
def _note_sent(f: Any, end: int, payload: int, push: bool, full: bool, t_ns: int) -> None:
    """Remember the packet that the next wait begins with."""
    if f.nxt <= f.una:
        f.idle_ns = t_ns
    f.nxt = max(f.nxt, end)
    f.send_ns, f.fresh_ack, f.unanswered = t_ns, 0, i64(0)
    f.last_push, f.last_full = 1 if push else 0, 1 if full else 0
    if payload and not full:
        f.small_end = end
    f.max_flight = max(f.max_flight, f.nxt - f.una)


@compiled
def _segment_bytes(st: Any, flow: int, stamped: bool) -> int:
    """Payload of a full segment by what both SYNs announced, less the timestamp option; 0 where they were not seen."""
    announced = flow_at(st.announced, flow).mss_announced
    other = flow_at(st.announced, flow ^ 1).mss_announced
    if announced <= 0 or other <= 0:
        return 0
    return max(min(announced, other) - (_TIMESTAMP_BYTES if stamped else 0), 1)


@compiled
def _segments(f: Any, payload: int) -> int:
    """How many segments a packet is: more than one for a super-segment."""
    return max((payload + f.mss - 1) // f.mss, 1) if f.mss > 0 else 1


@compiled
def _is_full(f: Any, payload: int, push: bool) -> bool:
    """Whether a packet is of full-size segments: cut by the MSS, not by the end of what there was to send.

    The MSS is what both SYNs announced or, on a path that carries less, the size of segments sent without the push
    flag in this round trip or the last. A super-segment is full when its last segment is.
    """
    if not push:
        f.full_next = max(f.full_next, payload)
    if f.mss > 0 and payload >= f.mss:
        f.super_segments = f.super_segments or payload > f.mss
        return payload % f.mss == 0
    cut = max(f.full_bytes, f.full_next)
    return 0 < cut <= payload


@compiled
def _begin_round(st: Any, flow: int, f: Any, end: int, t_ns: int) -> None:
    """A packet that ends at ``end`` begins a round trip; the round trip ends when it is acknowledged."""
    write_row(st, flow, f, t_ns, REASON_ROUND)
    f.round += 1
    f.round_end = end
    f.full_bytes, f.full_next = f.full_next, i64(0)


@compiled
def _wait_ends(st: Any, flow: int, f: Any, start: int, payload: int, full: bool, t_ns: int) -> None:
    """New data leaves: say what it waited for, and give a long silence its own row."""
    if f.send_ns < 0:
        return
    silent = f.una >= f.nxt and f.nxt > 0
    limit = why_waited(f, t_ns, start, payload, full)
    threshold = f.rto_ns if f.rto_ns > 0 else _LONG_SILENCE_NS
    if silent and limit == LIMIT_RWND:
        f.busy_ns += t_ns - f.idle_ns
    if silent and t_ns - f.send_ns > threshold:  # tcp_slow_start_after_idle_check: the window begins anew
        f.cwnd, f.phase = i64(0), i64(PHASE_SLOW_START)
    if silent and limit == LIMIT_APPLICATION and t_ns - f.idle_ns > threshold and f.idle_ns > f.send_ns:
        spend(f, limit, f.idle_ns - f.send_ns)
        write_row(st, flow, f, f.idle_ns, REASON_STATE)
        spend(f, limit, t_ns - f.idle_ns)
        write_row(st, flow, f, t_ns, REASON_STATE)
        f.round_end = f.nxt
        return
    spend(f, limit, t_ns - f.send_ns)
    if limit == LIMIT_CWND and f.fresh_ack:
        take_sample(f)


@compiled
def _sent_again(f: Any, start: int, kind: int, t_ns: int) -> None:
    """Account for the wait before a retransmission; a second timeout in Loss takes all that is out for lost again."""
    if f.send_ns >= 0:
        spend(f, LIMIT_CWND if was_released(f, t_ns) else limit_of_silence(f), t_ns - f.send_ns)
    if kind == KIND_TIMEOUT and f.ca_state == CA_LOSS and start < f.high_retransmitted and start <= f.una:
        f.high_retransmitted, f.loss_edge = i64(0), f.nxt


@compiled
def _on_data(st: Any, flow: int, f: Any, c: Any) -> None:
    """``f`` sends data, or asks for a window."""
    kind, t_ns = c.kind, c.t_ns
    payload, start = i64(c.payload_bytes), c.seq_offset_bytes
    fin = 1 if c.flags & FIN else 0
    if kind in (KIND_WINDOW_PROBE, KIND_KEEPALIVE):
        if f.send_ns >= 0 and kind == KIND_WINDOW_PROBE:
            spend(f, LIMIT_RWND, t_ns - f.send_ns)
            f.send_ns = t_ns
        return
    if f.una < 0:
        f.una = f.nxt = start
    if f.since_ns < 0:
        if payload == 0:  # a FIN alone makes no sender
            f.nxt = max(f.nxt, start + fin)
            return
        f.since_ns = f.idle_ns = t_ns
        f.mss = _segment_bytes(st, flow, c.ts_val >= 0)
        f.round_end = start + payload
    push = bool(c.flags & PSH) or fin == 1
    full = _is_full(f, payload, push)
    state = i64(c.ca_state)
    state = i64(CA_OPEN) if state == CA_DISORDER else state
    if state == CA_OPEN and f.ca_state != CA_OPEN and f.nxt <= f.una:  # a silence after the end of an episode
        _change_state(st, flow, f, state, t_ns)
    if kind == KIND_NEW:
        _wait_ends(st, flow, f, start, payload, full, t_ns)
    else:
        _sent_again(f, start, kind, t_ns)
    if state != f.ca_state:
        _change_state(st, flow, f, state, t_ns)
    if kind == KIND_NEW:
        if f.una >= f.round_end and payload:
            _begin_round(st, flow, f, start + payload, t_ns)
    else:
        f.retransmitted += _segments(f, payload)
        f.high_retransmitted = max(f.high_retransmitted, start + payload)
    f.sent += _segments(f, payload)
    _note_sent(f, start + payload + fin, payload, push, full, t_ns)


@compiled
def is_full(st: Any) -> bool:
    """Whether the rows or scoreboards that a packet may take could be too many."""
    return bool(st.row_count + _ROWS_PER_PACKET > st.row_capacity or st.slot_count + 1 > st.slot_capacity)


@compiled
def on_packet(st: Any, c: Any) -> None:
    """Take the packet ``c`` in; not while :func:`is_full`."""
    flow, flags = i64(c.flow), c.flags
    if flags & RST:
        return
    own, peer = sender_flow_at(st.flows, flow), sender_flow_at(st.flows, flow ^ 1)
    if flags & SYN:
        _on_handshake(own, peer, c.t_ns, flags)
    elif own.turn_ns < 0 and own.syn_ns >= 0 and peer.syn_ns >= 0:
        own.turn_ns = c.t_ns - peer.syn_ns
    if flags & ACK:
        _on_ack(st, flow ^ 1, peer, c)
        _take_rtt(st, flow ^ 1, peer, own, c.t_ns)
    if c.kind and not flags & SYN:
        _on_data(st, flow, own, c)


@entry
def finish(state: int, flow: int, flows: int) -> int:
    """The last row of each flow that sent data, from number ``flow`` on; returns the next flow to end."""
    st = sender_state_at(state, 0)
    while flow < flows:
        if st.row_count + _ROWS_PER_PACKET > st.row_capacity:
            return flow
        f = sender_flow_at(st.flows, flow)
        if f.since_ns >= 0:
            t_ns = max(f.send_ns, f.ack_ns)
            spend(f, limit_of_silence(f), t_ns - f.send_ns)
            if f.ca_state != CA_OPEN and f.recovered_ns >= 0:
                _change_state(st, flow, f, i64(CA_OPEN), t_ns)
            write_row(st, flow, f, t_ns, REASON_END)
        release(st, f)
        flow += 1
    return flow
