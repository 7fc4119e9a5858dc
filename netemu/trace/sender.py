"""What a packet's own sequence space is to its sender: new, sent again and why, late, a probe; compiled."""
# mypy: disable-error-code="no-any-return"
# ruff: noqa: PLR0917 (compiled functions take their state by position)

from __future__ import annotations

from typing import Any

from netemu.packet.tcp import ACK, FIN, RST, SYN
from netemu.trace.compiled import compiled
from netemu.trace.evidence import take, take_syn
from netemu.trace.layout import event_at, flow_at, segment_at
from netemu.trace.order import COPY_NS, fills_late, note_order, was_sent_before, was_sent_with_latest
from netemu.trace.segments import at, find, insert, outstanding, unwrap
from netemu.trace.verdict import (
    KIND_FAST,
    KIND_FIN,
    KIND_KEEPALIVE,
    KIND_NEW,
    KIND_SYN,
    KIND_SYN_ACK,
    KIND_TAIL_LOSS_PROBE,
    KIND_TIMEOUT,
    KIND_WINDOW_PROBE,
    SPURIOUS_ALREADY_ACKED,
    SPURIOUS_ALREADY_SACKED,
    SPURIOUS_NONE,
    add_event,
    enter_state,
    why_sent_again,
)

_ETHERNET_MTU = 1500
_EVENT_SCAN = 1024
"""Retransmissions looked back at for one of the same bytes."""
_INSTANT_NS = 2_000
"""No stack sends the same bytes twice so fast: the capture saw the packet twice."""
_CROSSED_NS = 10_000_000
"""How much later than the ACK of it a packet may be captured, where two processors put packets into a capture."""


@compiled
def _segments_of(f: Any, peer: Any, p: Any) -> int:
    """How many segments the kernel counts this packet as: more than one for a super-segment (TSO, GRO)."""
    if peer.mss_announced <= 0 or p.payload <= peer.mss_announced:
        return 1
    unit = max(peer.mss_announced - p.options_bytes, 1)
    return (p.payload + unit - 1) // unit


@compiled
def _count(f: Any, kind: int, segments: int) -> None:
    if kind == KIND_TIMEOUT:
        f.retransmits_timeout += segments
    elif kind == KIND_FAST:
        f.retransmits_fast += segments
    elif kind == KIND_TAIL_LOSS_PROBE:
        f.retransmits_tail_loss_probe += segments
    elif kind == KIND_SYN:
        f.retransmits_syn += segments
    elif kind == KIND_SYN_ACK:
        f.retransmits_syn_ack += segments
    elif kind == KIND_FIN:
        f.retransmits_fin += segments
    elif kind == KIND_WINDOW_PROBE:
        f.window_probes += 1
    elif kind == KIND_KEEPALIVE:
        f.keepalives += 1


@compiled
def on_syn(st: Any, f: Any, flow: int, p: Any) -> None:
    """A SYN or SYN-ACK: the first of its kind is new, a later one is a retransmission."""
    if not f.isn_known:
        f.isn, f.isn_known = p.seq, 1
    p.seq_offset = unwrap(f, p.seq, 0)
    answer = p.flags & ACK
    repeated = f.syn_ack_sent if answer else f.syn_sent
    since_ns = p.t_ns - f.syn_ns
    same = p.ip_id == f.syn_ip_id and p.ts_val == f.syn_ts_val
    if not answer:
        flow_at(st.flows, flow ^ 1).syn_asked = 1
    elif f.syn_asked:  # by a SYN that came again, be it a copy: this is no copy (tcp_check_req)
        same = False
    if repeated and same and since_ns < (COPY_NS if p.ip_id > 0 else _INSTANT_NS):
        p.network_duplicate = 1
        return
    p.kind = KIND_NEW
    if repeated:
        p.kind = KIND_SYN_ACK if answer else KIND_SYN
        f.syn_retransmitted = 1
        take_syn(f, p)
        add_event(st, f, flow, 0, 1, p.kind, p)
        _count(f, p.kind, 1)
    if answer:
        f.syn_ack_sent, f.syn_asked = 1, 0
    else:
        f.syn_sent = 1
    f.mss_announced, f.wscale, f.sack_permitted = p.mss, p.wscale, p.sack_permitted
    f.syn_ns, f.syn_ts_val, f.syn_ip_id, f.syn_row = p.t_ns, p.ts_val, p.ip_id, p.row
    f.nxt = max(f.nxt, 1)


@compiled
def _is_probe(f: Any, peer: Any, p: Any, start: int) -> int:
    """KIND_WINDOW_PROBE or KIND_KEEPALIVE when ``p`` is one, else 0.

    Linux sends both without payload from one below the next byte, when nothing is outstanding
    (``tcp_xmit_probe_skb``); other stacks add one byte, or send one byte beyond a closed window.
    """
    if p.payload > 1 or p.flags & (SYN | FIN | RST) or not p.flags & ACK:
        return 0
    closed = peer.last_window == 0
    if start == f.nxt - 1 and f.una == f.nxt:
        again = f.last_probe_kind == KIND_WINDOW_PROBE
        return KIND_WINDOW_PROBE if closed or again else KIND_KEEPALIVE
    if p.payload == 1 and closed and start == f.nxt and f.una == f.nxt:
        return KIND_WINDOW_PROBE
    return 0


@compiled
def _fill(st: Any, f: Any, index: int, start: int, end: int, p: Any) -> None:
    s = segment_at(st.segments, index)
    s.start, s.end, s.first_ns, s.sent_ns = start, end, p.t_ns, p.t_ns
    s.ts_val, s.ip_id, s.row = p.ts_val, p.ip_id, p.row


@compiled
def _on_new(st: Any, f: Any, peer: Any, start: int, end: int, p: Any) -> None:
    if f.una >= f.nxt:
        f.timer_base_ns = p.t_ns
    if start > f.nxt:
        gap = insert(st, f, f.ring_count)
        _fill(st, f, gap, f.nxt, start, p)
        segment_at(st.segments, gap).gap = 1
    index = insert(st, f, f.ring_count)
    _fill(st, f, index, start, end, p)
    f.nxt = max(f.nxt, end)
    f.unique_payload_bytes += p.payload
    f.last_send_ns = p.t_ns
    f.last_probe_kind = 0
    p.kind = KIND_NEW


@compiled
def _was_sent_again(st: Any, f: Any, start: int, end: int) -> bool:
    event = f.retrans_last
    for _ in range(_EVENT_SCAN):
        if event < 0:
            return False
        e = event_at(st.events, event)
        if e.start < end and start < e.end:
            return True
        event = e.previous
    return False


@compiled
def _came_late(st: Any, f: Any, peer: Any, k: int, start: int, end: int, p: Any) -> bool:
    """Whether bytes seen before came again by the network's doing: a copy of a packet, or an overtaken original."""
    if k < f.ring_count:
        s = outstanding(st, f, k)
        same = end == s.end and p.ip_id == s.ip_id and p.ts_val == s.ts_val
        instant = same and s.start == start and 0 <= p.t_ns - s.sent_ns < _INSTANT_NS
        late = was_sent_before(f, peer, s, p) or instant
        copy = instant or not s.retransmitted or (p.ip_id > 0 and p.ip_id == s.ip_id)
    else:
        late = was_sent_with_latest(f, peer, start, p)
        copy = not _was_sent_again(st, f, start, end)
    if late and copy:
        p.network_duplicate = 1
    elif late:
        p.out_of_order = 1
        f.out_of_order_segments += 1
    return late


@compiled
def _crossed_its_ack(st: Any, f: Any, k: int, start: int, end: int, p: Any) -> bool:
    """Whether ``p`` is what an ACK captured just before it covers: two processors put packets into one capture."""
    if k < f.ring_count or f.unseen_from < 0 or start < f.unseen_from or p.t_ns - f.unseen_ns > _CROSSED_NS:
        return False
    p.kind = KIND_NEW
    f.unique_payload_bytes += min(p.payload, f.nxt - start)
    f.unseen_from = end
    if end >= f.una:
        f.unseen_from = -1
        st.unseen -= 1
    return True


@compiled
def _unseen(s: Any, start: int, end: int, sacked: int, first_ns: int, ts_val: int, ip_id: int) -> None:
    s.start, s.end, s.gap, s.sacked = start, end, 1, sacked
    s.first_ns = s.sent_ns = first_ns
    s.ts_val, s.ip_id = ts_val, ip_id


@compiled
def _split_gap(st: Any, f: Any, k: int, start: int, end: int, p: Any) -> int:
    """Put ``[start, end)`` into the gap at position ``k``; returns the position of what was put in."""
    s = outstanding(st, f, k)
    first_ns, ts_val, ip_id, sacked = s.first_ns, s.ts_val, s.ip_id, s.sacked
    gap_start, gap_end = s.start, s.end
    start, end = max(start, gap_start), min(end, gap_end)
    s.gap = 0
    _fill(st, f, at(f, k), start, end, p)
    if end < gap_end:
        rest = segment_at(st.segments, insert(st, f, k + 1))
        _unseen(rest, end, gap_end, sacked, first_ns, ts_val, ip_id)
        f.sacked_count += sacked
    if start > gap_start:
        rest = segment_at(st.segments, insert(st, f, k))
        _unseen(rest, gap_start, start, sacked, first_ns, ts_val, ip_id)
        f.sacked_count += sacked
        k += 1
    return k


@compiled
def _mark_again(st: Any, f: Any, k: int, end: int, event: int, p: Any) -> None:
    while k < f.ring_count:
        s = outstanding(st, f, k)
        if s.start >= end:
            return
        if not s.gap:
            s.retransmitted, s.sent_ns, s.event = s.retransmitted + 1, p.t_ns, event
            s.ts_val, s.ip_id, s.row = p.ts_val, p.ip_id, p.row
        k += 1


@compiled
def _on_again(st: Any, f: Any, peer: Any, flow: int, k: int, start: int, end: int, p: Any) -> None:
    """A retransmission: find its trigger, count it as the kernel does, remember it for D-SACK and Eifel."""
    sack = f.sack_permitted and peer.sack_permitted
    head = start <= f.una
    again, arrived = False, SPURIOUS_ALREADY_ACKED if end <= f.una else SPURIOUS_NONE
    take(st, f, k, p)
    if k < f.ring_count:
        s = outstanding(st, f, k)
        again = s.retransmitted and s.sent_ns >= f.loss_ns
        if not arrived and s.sacked and end <= s.end:
            arrived = SPURIOUS_ALREADY_SACKED
    f.turn_ns = peer.min_rtt_ns
    trigger = why_sent_again(st, f, k, start, end, p, sack)
    p.kind = KIND_FIN if p.payload == 0 else trigger
    enter_state(st, f, trigger, head, again, p)
    event = add_event(st, f, flow, start, end, p.kind, p)
    _count(f, p.kind, _segments_of(f, peer, p))
    if arrived:
        event_at(st.events, event).spurious = arrived
        f.spurious_retransmits += 1
        p.spurious = arrived
    _mark_again(st, f, k, end, event, p)


@compiled
def _take_filled(st: Any, f: Any, k: int, start: int, end: int, late: bool, p: Any) -> None:
    """``p`` fills the gap at position ``k``, or a part of it: ``late``, or as a retransmission."""
    k = _split_gap(st, f, k, start, end, p)
    filled = outstanding(st, f, k)
    if late:
        p.out_of_order, p.kind = 1, KIND_NEW
        f.out_of_order_segments += 1
    else:
        filled.retransmitted, filled.event = 1, f.retrans_last
    f.unique_payload_bytes += min(filled.end - filled.start, p.payload)


@compiled
def _on_old(st: Any, f: Any, peer: Any, flow: int, start: int, end: int, p: Any) -> None:
    """Sequence space that begins below the highest sent: late, copied by the network, or sent again."""
    k = find(st, f, start)
    gap, lower = False, start
    if k < f.ring_count:
        s = outstanding(st, f, k)
        gap, lower = bool(s.gap and end > s.start), max(start, s.start)
    elif start < 1 and not (f.syn_sent or f.syn_ack_sent):
        p.out_of_order, p.kind = 1, KIND_NEW  # sent before the capture's first packet of this direction
        f.out_of_order_segments += 1
        f.unique_payload_bytes += p.payload
        return
    if gap:
        late = not fills_late(f, peer, outstanding(st, f, k), p)
    else:
        late = _crossed_its_ack(st, f, k, start, end, p) or _came_late(st, f, peer, k, start, end, p)
    if not late:
        _on_again(st, f, peer, flow, k, start, end, p)
    if gap:
        _take_filled(st, f, k if late else find(st, f, lower), start, end, late, p)


@compiled
def on_sequence(st: Any, f: Any, peer: Any, p: Any) -> bool:
    """Place the sequence space of ``p`` (not a SYN) sent by ``f`` to ``peer``; whether it may be data or a FIN."""
    if not f.isn_known:
        f.isn, f.isn_known = (p.seq - 1) & 0xFFFFFFFF, 1
        f.nxt = f.una = 1
    start = unwrap(f, p.seq, f.nxt)
    p.seq_offset = start
    if p.flags & RST:
        return False
    if not -(1 << 30) < start - f.nxt < 1 << 30:
        st.stray += 1
        return False
    probe = _is_probe(f, peer, p, start)
    if probe:
        p.kind = probe
        f.last_probe_kind = probe
        _count(f, probe, 1)
    return not probe


@compiled
def on_data(st: Any, f: Any, peer: Any, flow: int, start: int, p: Any) -> None:
    """Classify payload and FIN of ``p``, whose first byte has the offset ``start``."""
    end = start + p.payload + (1 if p.flags & FIN else 0)
    if end == start:
        return
    if p.payload:
        f.data_segments += 1
        f.payload_bytes += p.payload
        if peer.mss_announced > 0 and p.payload > peer.mss_announced:
            f.super_segments += 1
            st.super_segments += 1
        else:
            if peer.mss_announced > 0 and p.ip_bytes > _ETHERNET_MTU:
                f.jumbo_segments += 1
            f.mss_used_bytes = max(f.mss_used_bytes, p.payload)
        if f.data_segments == 1:
            f.first_data_ns = p.t_ns
        f.last_data_ns = p.t_ns
    new_from = max(start, f.nxt)
    _classify(st, f, peer, flow, start, end, p)
    note_order(f, p, new_from)


@compiled
def _classify(st: Any, f: Any, peer: Any, flow: int, start: int, end: int, p: Any) -> None:
    if start >= f.nxt:
        _on_new(st, f, peer, start, end, p)
    else:
        before = f.nxt
        _on_old(st, f, peer, flow, start, end, p)
        if end > before and not p.network_duplicate:
            index = insert(st, f, f.ring_count)
            _fill(st, f, index, before, end, p)
            segment_at(st.segments, index).retransmitted = 0
            f.nxt = end
            f.unique_payload_bytes += min(end - before, p.payload)
