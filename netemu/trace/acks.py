"""What an acknowledgement tells about the sender it is addressed to: delivery, RTT, state, undo; compiled.

``f`` is the flow whose data is acknowledged, ``p`` the packet that carries the acknowledgement.
"""
# mypy: disable-error-code="no-any-return"
# ruff: noqa: PLR0917 (compiled functions take their state by position)

from __future__ import annotations

from typing import Any

from netemu.packet.tcp import SYN
from netemu.trace.ack_kinds import ACK_CHALLENGE, ACK_OLD, ACK_UNSEEN, ack_kind, is_duplicate_ack
from netemu.trace.compiled import compiled
from netemu.trace.evidence import note_congestion_echo
from netemu.trace.layout import event_at, rtt_at
from netemu.trace.memory import i64
from netemu.trace.order import TICK_NS
from netemu.trace.rack import (
    rack_advance,
    rack_is_due_ns,
    rack_sent_after,
    recovery_was_needed,
    reordering_window_ns,
    widen_window,
)
from netemu.trace.sack_blocks import flag_spurious, on_sack
from netemu.trace.segments import outstanding, pop_front, unwrap
from netemu.trace.timers import note_min_rtt, rto_ns, rtt_sample
from netemu.trace.verdict import (
    CA_LOSS,
    CA_OPEN,
    SPURIOUS_EIFEL,
    SPURIOUS_FRTO,
    enter_recovery,
)

_SCAN = 256
"""Segments looked at from the head for a lost retransmission, so that no input makes an ACK cost more."""


@compiled
def _eifel(st: Any, f: Any, s: Any, head: bool, p: Any) -> None:
    """RFC 3522: the ACK echoes a time before the retransmission, so the original had arrived."""
    if s.event < 0 or p.ts_ecr <= 0:
        return
    e = event_at(st.events, s.event)
    if e.ts_val < 0 or ((p.ts_ecr - e.ts_val) & 0xFFFFFFFF) < 0x80000000:
        return
    if head or (f.retrans_stamp >= 0 and ((p.ts_ecr - f.retrans_stamp) & 0xFFFFFFFF) >= 0x80000000):
        flag_spurious(st, f, s.event, SPURIOUS_EIFEL)


@compiled
def _flag_timeout(st: Any, f: Any) -> None:
    """RFC 5682: what was sent before the timeout is acknowledged by itself, so what the timeout sent was needless."""
    event = f.retrans_last
    while event >= 0 and event_at(st.events, event).sent_ns >= f.loss_ns:
        flag_spurious(st, f, event, SPURIOUS_FRTO)
        event = event_at(st.events, event).previous


@compiled
def _timestamp_rtt(s: Any, p: Any) -> int:
    """The RTT that the echoed timestamp gives where ``s`` was sent at that time or since, or -1 (``tcp_rtt_tsopt_us``).

    The kernel's timestamps count milliseconds, and it takes none for one: RTTs below that are seen as 1 ms.
    """
    if p.ts_ecr <= 0 or s.ts_val < 0:
        return -1
    sent_ns, later = s.sent_ns, (s.ts_val - p.ts_ecr) & 0xFFFFFFFF
    if later:  # what was sent before this retransmission was answered: its original, or another segment
        sent_ns -= later * TICK_NS
        if not s.retransmitted or later >= 0x80000000 or sent_ns < s.first_ns - TICK_NS:
            return -1
    return max((p.t_ns - sent_ns) // TICK_NS, 1) * TICK_NS


@compiled
def _take_rtt(st: Any, f: Any, p: Any, newest: int, oldest: int, other_ns: int, least: bool) -> None:
    """Take the RTT from when the ``newest`` and ``oldest`` segment left; where that is not known (-1), another.

    That is of the timestamps, or of SACK blocks, which tell no ``least`` one; -1 for none.
    """
    taken = newest >= 0
    shortest = p.t_ns - newest if taken else other_ns
    if taken or least:
        note_min_rtt(f, shortest)
    rtt_sample(f, p.t_ns - oldest if taken else other_ns)
    if not taken:
        return
    row = rtt_at(st.rtt, st.rtt_count)
    st.rtt_count += 1
    row.connection, row.direction, row.t_ns = p.connection, 1 - p.direction, p.t_ns
    row.capture, row.number = p.capture, p.number
    row.rtt_ns, row.srtt_ns, row.rto_ns = shortest, f.srtt_ns >> 3, rto_ns(f)


@compiled
def _take_acked(st: Any, f: Any, p: Any, acked: int, sack_rtt: int, sack: bool) -> int:
    """Remove what ``acked`` covers and take the RTT from it, never from retransmitted data (Karn).

    F-RTO step 3.b. Without ``sack`` originals beside a retransmission prove nothing: it may have filled their gap.

    Returns when the first of what it covers was sent last, or -1.
    """
    oldest, newest, stamped, ambiguous, head = i64(-1), i64(-1), i64(-1), False, True
    first, latest = i64(-1), i64(-1)
    while f.ring_count:
        s = outstanding(st, f, 0)
        if s.end > acked:
            s.start = max(s.start, acked)
            break
        if s.retransmitted:
            ambiguous = True
            if not s.sacked:
                _eifel(st, f, s, head, p)
        elif not s.sacked and not s.gap:
            oldest = s.sent_ns if oldest < 0 else oldest
            newest = s.sent_ns
            f.reordered |= 1 if s.end < f.highest_sacked else 0
            if f.frto and f.ca_state == CA_LOSS and s.end <= f.high_seq and (sack or not ambiguous):
                f.ca_state = CA_OPEN
                if not ambiguous and p.ts_ecr <= 0:
                    _flag_timeout(st, f)
        if not s.sacked and not s.gap:
            stamped = max(stamped, _timestamp_rtt(s, p))
            rack_advance(f, s, p.t_ns)
        if not s.gap:
            first = s.sent_ns if head else first
            latest = max(latest, s.sent_ns)
        pop_front(st, f)
        head = False
    p.ack_rtt_ns = p.t_ns - latest if latest >= 0 else -1
    _take_rtt(st, f, p, i64(-1) if ambiguous else newest, oldest, sack_rtt if sack_rtt >= 0 else stamped, sack_rtt < 0)
    return first


@compiled
def _may_undo(f: Any, p: Any) -> bool:
    """``tcp_may_undo``: every retransmission of the episode was reported needless, or an original was delayed.

    The latter (``tcp_packet_delayed``) is when the echoed time lies before the episode's first retransmission.
    """
    if f.undo_events == 0 and f.ca_state == CA_LOSS:
        return True
    if f.retrans_stamp < 0 or p.ts_ecr <= 0:
        return False
    return ((p.ts_ecr - f.retrans_stamp) & 0xFFFFFFFF) >= 0x80000000


@compiled
def _answer_to_probe(f: Any, p: Any, acked: int, advanced: bool) -> None:
    """Whether a tail loss probe that repeated data has its answer, so that another may be sent.

    ``tcp_process_tlp_ack``: a D-SACK or a pure duplicate says that both copies arrived, an ACK beyond the probe that
    one was lost. An ACK of just what was sent says neither; until then ``tcp_send_loss_probe`` sends no second probe.
    A packet that ends below what its receiver has acknowledged is not read (``tcp_sequence``), a keepalive for one.
    """
    if acked > f.tlp_high or (acked == f.tlp_high and (p.dsack or not (advanced or p.payload))):
        f.tlp_high = 0


@compiled
def _recover_again(st: Any, f: Any, p: Any, marked: bool) -> None:
    """What was found lost meanwhile takes the kernel back to Recovery at once, its first retransmission's time kept.

    ``tcp_fastretrans_alert`` goes on to its last case after ``tcp_try_undo_recovery``. What was sent again is still
    ``marked`` as lost, unless a timeout was undone (``tcp_undo_cwnd_reduction``).
    """
    if f.ring_count == 0:
        return
    s = outstanding(st, f, 0)
    lost = rack_sent_after(f, s.sent_ns, s.end) and p.t_ns > rack_is_due_ns(f, s.sent_ns)
    if (lost or (marked and s.retransmitted and s.sent_ns >= f.loss_ns)) and not s.sacked:
        enter_recovery(st, f, p)


@compiled
def _leave_state(st: Any, f: Any, p: Any, sack: bool) -> None:
    """The cumulative ACK moved: where does that leave the sender's congestion state?

    Without SACK the state is held until something above ``high_seq`` is acknowledged (RFC 6582, as Linux does).
    """
    if f.ca_state == CA_OPEN:
        return
    recovered = f.una >= f.high_seq if sack else f.una > f.high_seq
    undone = _may_undo(f, p)
    if recovered or undone:
        if not undone:
            recovery_was_needed(f)
        marked = not (undone and f.ca_state == CA_LOSS)
        f.ca_state = CA_OPEN
        if sack:
            _recover_again(st, f, p, marked)
    elif f.ca_state == CA_LOSS and f.frto:
        if f.nxt > f.high_seq:
            f.frto = 0
        else:
            f.high_seq = f.nxt  # F-RTO step 2.b


@compiled
def _find_lost_retransmission(st: Any, f: Any, p: Any) -> None:
    """In Loss, a retransmission that RACK proves lost takes the kernel to Recovery (FLAG_LOST_RETRANS).

    One from before the timeout is none any more, unless it was too young to be lost then (``tcp_timeout_mark_lost``).
    """
    window = reordering_window_ns(f) if f.reordered else i64(0)
    for k in range(min(f.ring_count, _SCAN)):
        s = outstanding(st, f, k)
        if not s.retransmitted or s.sacked or s.sent_ns + f.rack_rtt_ns + window <= f.loss_ns:
            continue
        if rack_sent_after(f, s.sent_ns, s.end) and p.t_ns - s.sent_ns > f.rack_rtt_ns + window:
            enter_recovery(st, f, p)
            return


@compiled
def _handshake_rtt(f: Any, p: Any) -> None:
    answered = f.syn_ts_val == p.ts_ecr > 0 and not f.syn_ack_sent  # a server takes none (tcp_synack_rtt_meas)
    if f.syn_ns >= 0 and (answered or not f.syn_retransmitted):
        note_min_rtt(f, p.t_ns - f.syn_ns)
        rtt_sample(f, p.t_ns - f.syn_ns)


@compiled
def on_ack(st: Any, f: Any, receiver: Any, p: Any) -> None:
    """Take the acknowledgement number and SACK blocks of ``p``, sent by ``receiver``, into sender ``f``."""
    if not f.isn_known:
        f.isn, f.isn_known = (p.ack - 1) & 0xFFFFFFFF, 1
        f.nxt = f.una = 1
        f.synced = 1 if p.flags & SYN else 0
    acked = unwrap(f, p.ack, f.una)
    p.ack_offset = acked
    if acked < f.una - max(receiver.max_window_bytes, 0):  # tcp_ack: too old an ACK (RFC 5961 section 5.2)
        receiver.provoked = ACK_CHALLENGE
    if not -(1 << 30) < acked - f.nxt < 1 << 30:
        p.ack_kind = ACK_OLD if acked < f.nxt else ACK_UNSEEN
        return
    if f.ca_state == CA_OPEN:
        f.retrans_stamp = -1
    una, sacked, first_ns, idle_until = f.una, f.sacked_count, i64(-1), f.timer_base_ns
    sack = bool(f.sack_permitted and receiver.sack_permitted)
    gap = sacked > 0 if sack else f.dupacks > 0
    unseen = acked > f.nxt or (not f.ack_seen and una > 0)
    sack_rtt = on_sack(st, f, p, acked) if p.sack_count else i64(-1)
    news = f.sacked_count > sacked
    if acked > f.nxt:  # this capture did not show what was acknowledged
        st.unseen += 1
        f.unseen_from, f.unseen_ns, f.nxt = f.nxt, p.t_ns, acked
    if f.tlp_high and not p.seq_offset + p.payload < receiver.una:
        _answer_to_probe(f, p, acked, acked > f.una)
    if acked > f.una:
        if f.una == 0:
            _handshake_rtt(f, p)
        p.acked = acked - f.una
        f.una = acked
        f.dupacks = f.backoff = 0
        f.timer_base_ns = p.t_ns
        first_ns = _take_acked(st, f, p, acked, sack_rtt, sack)
        _leave_state(st, f, p, sack)
    elif is_duplicate_ack(f, receiver, p, acked):
        p.duplicate_ack = 1
        receiver.duplicate_acks += 1
        f.dupacks += 1
    p.ack_kind = ack_kind(st, f, receiver, p, una, unseen, gap, news, first_ns, first_ns == idle_until)
    note_congestion_echo(f, p)
    f.provoked = 0
    f.last_ack_ns = p.t_ns
    widen_window(f, p.t_ns)
    f.ack_seen = 1
    if f.ca_state == CA_LOSS:
        _find_lost_retransmission(st, f, p)
