"""What an acknowledgement tells about the sender it is addressed to: delivery, RTT, SACK, D-SACK, undo; compiled.

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
from netemu.trace.layout import MAX_SACK_BLOCKS, event_at, rtt_at, sack_at
from netemu.trace.memory import i64, set_word, word
from netemu.trace.segments import find, outstanding, pop_front
from netemu.trace.timers import note_min_rtt, rto_ns, rtt_sample
from netemu.trace.verdict import (
    CA_LOSS,
    CA_OPEN,
    SPURIOUS_DSACK,
    SPURIOUS_EIFEL,
    SPURIOUS_FRTO,
    enter_recovery,
    rack_sent_after,
)

_SCAN = 256
"""Segments looked at from the head for a lost retransmission, so that no input makes an ACK cost more."""
_EVENT_SCAN = 1024
"""Retransmissions looked back at for the one a D-SACK means."""


@compiled
def unwrap(f: Any, number: int, near: int) -> int:
    """A 32-bit sequence number of flow ``f`` as the offset closest to ``near``."""
    distance = (number - f.isn - near) & 0xFFFFFFFF
    return near + (distance if distance < 0x80000000 else distance - 0x100000000)


@compiled
def _flag_spurious(st: Any, f: Any, event: int, proof: int) -> None:
    e = event_at(st.events, event)
    if e.spurious:
        return
    e.spurious = proof
    f.spurious_retransmits += 1
    set_word(st.patches, st.patch_count, event)
    st.patch_count += 1


@compiled
def _rack_advance(f: Any, s: Any, t_ns: int) -> None:
    """``tcp_rack_advance``: a retransmission answered sooner than the smallest RTT was answered by its original."""
    if f.rack_ns >= 0 and not (s.sent_ns > f.rack_ns or (s.sent_ns == f.rack_ns and s.end > f.rack_end)):
        return
    rtt = t_ns - s.sent_ns
    if s.retransmitted and rtt < f.min_rtt_ns - (f.min_rtt_ns >> 4):  # the tap is not the kernel's clock
        return
    f.rack_ns, f.rack_end, f.rack_rtt_ns = s.sent_ns, s.end, rtt


@compiled
def _on_dsack(st: Any, f: Any, start: int, end: int) -> None:
    """One copy of ``[start, end)`` too many arrived: the latest retransmission of it not yet flagged was needless.

    If it reaches beyond the range it brought something new. A FIN behind the range is not reported with it.
    """
    if f.undo_marker < end and f.undo_events > 0:  # tcp_check_dsack, and tcp_sacktag_one for what is outstanding
        f.undo_events -= 1
    event = f.retrans_last
    for _ in range(_EVENT_SCAN):
        if event < 0:
            return
        e = event_at(st.events, event)
        if e.start < end and start < e.end and not e.spurious:
            if start <= e.start and e.end <= end + 1:
                _flag_spurious(st, f, event, SPURIOUS_DSACK)
            return
        event = e.previous


@compiled
def _sack_range(st: Any, f: Any, start: int, end: int, reported: int, t_ns: int) -> int:
    """Mark the segments within ``[start, end)``; returns the oldest never-retransmitted one's RTT, or -1.

    One that was never sent again and lies below ``reported``, the highest before this ACK, was overtaken
    (``tcp_check_sack_reordering``).
    """
    rtt = i64(-1)
    k = find(st, f, start)
    while k < f.ring_count:
        s = outstanding(st, f, k)
        if s.start >= end:
            break
        if not s.sacked and s.start >= start and s.end <= end:
            s.sacked = 1
            f.sacked_count += 1
            if not s.retransmitted and not s.gap:
                f.reordered |= 1 if s.end < reported else 0
                rtt = max(rtt, t_ns - s.sent_ns)
                note_min_rtt(f, t_ns - s.sent_ns)
                if s.end <= f.high_seq and f.frto and f.ca_state == CA_LOSS:
                    f.ca_state = CA_OPEN  # F-RTO step 3.b: an original sent before the timeout has arrived
            if not s.gap:
                _rack_advance(f, s, t_ns)
        k += 1
    f.highest_sacked = max(f.highest_sacked, end)
    return rtt


@compiled
def _cached_start(f: Any, start: int, end: int) -> int:
    """Where the unread part of a SACK block begins: blocks repeat, and grow at their end."""
    if start == f.sack_0_start and f.sack_0_end <= end:
        start = f.sack_0_end
    elif start == f.sack_1_start and f.sack_1_end <= end:
        start = f.sack_1_end
    elif start == f.sack_2_start and f.sack_2_end <= end:
        start = f.sack_2_end
    elif start == f.sack_3_start and f.sack_3_end <= end:
        start = f.sack_3_end
    return start


@compiled
def _remember_blocks(f: Any, blocks: int, count: int) -> None:
    f.sack_0_start, f.sack_0_end = word(blocks, 0), word(blocks, 1)
    if count > 1:
        f.sack_1_start, f.sack_1_end = word(blocks, 2), word(blocks, 3)
    if count > 2:
        f.sack_2_start, f.sack_2_end = word(blocks, 4), word(blocks, 5)
    if count > 3:
        f.sack_3_start, f.sack_3_end = word(blocks, 6), word(blocks, 7)


@compiled
def _is_dsack(blocks: int, count: int, acked: int) -> bool:
    """RFC 2883 section 4: the first block lies below the ACK, or within the second block."""
    if word(blocks, 1) <= acked:
        return True
    return bool(count > 1 and word(blocks, 0) >= word(blocks, 2) and word(blocks, 1) <= word(blocks, 3))


@compiled
def _on_sack(st: Any, f: Any, p: Any, acked: int) -> int:
    """Read the SACK blocks of ``p``; returns an RTT from them, or -1."""
    blocks, count, reported = st.blocks, min(p.sack_count, MAX_SACK_BLOCKS), f.highest_sacked
    for i in range(count):
        set_word(blocks, 2 * i, unwrap(f, word(p.sack, 2 * i), acked))
        set_word(
            blocks, 2 * i + 1, word(blocks, 2 * i) + ((word(p.sack, 2 * i + 1) - word(p.sack, 2 * i)) & 0xFFFFFFFF)
        )
        row = sack_at(st.sacks, st.sack_count)
        st.sack_count += 1
        row.frame, row.connection, row.direction, row.t_ns = p.frame, p.connection, p.direction, p.t_ns
        row.start, row.end = word(blocks, 2 * i), word(blocks, 2 * i + 1)
    first = 0
    if _is_dsack(blocks, count, acked):
        p.dsack = 1
        first = 1
        _on_dsack(st, f, word(blocks, 0), word(blocks, 1))
    rtt = i64(-1)
    for i in range(first, count):
        start, end = word(blocks, 2 * i), word(blocks, 2 * i + 1)
        if start < end <= f.nxt and end - start < 1 << 30:
            unread = _cached_start(f, start, end)
            if unread < end:
                rtt = max(rtt, _sack_range(st, f, unread, end, reported, p.t_ns))
    if first < count:
        _remember_blocks(f, blocks + 16 * first, count - first)
    return rtt


@compiled
def _learn_mtu(f: Any, s: Any) -> None:
    """A packet that must not be fragmented was delivered: the path carries its size (docs/analysis.md, Path MTU)."""
    if s.run == 0 or s.gap or s.ip_bytes <= 0:
        return
    if s.ip_bytes > f.pmtu and (f.pmtu_icmp_seen == 0 or s.sent_ns > f.pmtu_icmp_ns):
        f.pmtu = s.ip_bytes


@compiled
def _eifel(st: Any, f: Any, s: Any, head: bool, p: Any) -> None:
    """RFC 3522: the ACK echoes a time before the retransmission, so the original had arrived."""
    if s.event < 0 or p.ts_ecr <= 0:
        return
    e = event_at(st.events, s.event)
    if e.ts_val < 0 or ((p.ts_ecr - e.ts_val) & 0xFFFFFFFF) < 0x80000000:
        return
    if head or (f.retrans_stamp >= 0 and ((p.ts_ecr - f.retrans_stamp) & 0xFFFFFFFF) >= 0x80000000):
        _flag_spurious(st, f, s.event, SPURIOUS_EIFEL)


@compiled
def _flag_timeout(st: Any, f: Any) -> None:
    """RFC 5682: what was sent before the timeout is acknowledged by itself, so what the timeout sent was needless."""
    event = f.retrans_last
    while event >= 0 and event_at(st.events, event).sent_ns >= f.loss_ns:
        _flag_spurious(st, f, event, SPURIOUS_FRTO)
        event = event_at(st.events, event).previous


@compiled
def _timestamp_rtt(s: Any, p: Any) -> int:
    """The RTT that the echoed timestamp gives where ``s`` was sent at that time, or -1 (``tcp_rtt_tsopt_us``).

    The kernel's timestamps count milliseconds, and it takes none for one: RTTs below that are seen as 1 ms.
    """
    if p.ts_ecr <= 0 or s.ts_val < 0:
        return -1
    if s.ts_val == p.ts_ecr:
        sent_ns = s.sent_ns
    elif s.retransmitted == 1 and ((p.ts_ecr - s.ts_val) & 0xFFFFFFFF) >= 0x80000000:
        sent_ns = s.first_ns  # the original was answered
    else:
        return -1
    return max((p.t_ns - sent_ns) // 1_000_000, 1) * 1_000_000


@compiled
def _take_rtt(st: Any, f: Any, p: Any, newest: int, oldest: int) -> None:
    row = rtt_at(st.rtt, st.rtt_count)
    st.rtt_count += 1
    row.connection, row.direction, row.t_ns = p.connection, 1 - p.direction, p.t_ns
    note_min_rtt(f, p.t_ns - newest)
    rtt_sample(f, p.t_ns - oldest)
    row.rtt_ns, row.srtt_ns, row.rto_ns = p.t_ns - newest, f.srtt_ns >> 3, rto_ns(f)


@compiled
def _take_acked(st: Any, f: Any, p: Any, acked: int, sack_rtt: int) -> int:
    """Remove what ``acked`` covers and take the RTT from it, never from retransmitted data (Karn).

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
            if f.frto and f.ca_state == CA_LOSS and s.end <= f.high_seq:
                f.ca_state = CA_OPEN
                if not ambiguous and p.ts_ecr <= 0:
                    _flag_timeout(st, f)
        if not s.sacked and not s.gap:
            stamped = max(stamped, _timestamp_rtt(s, p))
            _rack_advance(f, s, p.t_ns)
        _learn_mtu(f, s)
        if not s.gap:
            first = s.sent_ns if head else first
            latest = max(latest, s.sent_ns)
        pop_front(st, f)
        head = False
    p.ack_rtt_ns = p.t_ns - latest if latest >= 0 else -1
    if not ambiguous and newest >= 0:
        _take_rtt(st, f, p, newest, oldest)
    elif sack_rtt >= 0:
        rtt_sample(f, sack_rtt)
    else:
        note_min_rtt(f, stamped)
        rtt_sample(f, stamped)
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
def _recover_again(st: Any, f: Any, p: Any) -> None:
    """What was found lost meanwhile takes the kernel back to Recovery at once, its first retransmission's time kept.

    ``tcp_fastretrans_alert`` goes on to its last case after ``tcp_try_undo_recovery``.
    """
    if f.ring_count == 0:
        return
    s = outstanding(st, f, 0)
    lost = rack_sent_after(f, s.sent_ns, s.end) and p.t_ns - s.sent_ns > f.rack_rtt_ns + max(f.min_rtt_ns >> 2, 0)
    if lost and not s.sacked:
        enter_recovery(st, f, p)


@compiled
def _leave_state(st: Any, f: Any, p: Any, sack: bool) -> None:
    """The cumulative ACK moved: where does that leave the sender's congestion state?

    Without SACK the state is held until something above ``high_seq`` is acknowledged (RFC 6582, as Linux does).
    """
    if f.ca_state == CA_OPEN:
        return
    recovered = f.una >= f.high_seq if sack else f.una > f.high_seq
    if recovered or _may_undo(f, p):
        f.ca_state = CA_OPEN
        if sack:
            _recover_again(st, f, p)
    elif f.ca_state == CA_LOSS and f.frto:
        if f.nxt > f.high_seq:
            f.frto = 0
        else:
            f.high_seq = f.nxt  # F-RTO step 2.b


@compiled
def _find_lost_retransmission(st: Any, f: Any, p: Any) -> None:
    """In Loss, a retransmission that RACK proves lost takes the kernel to Recovery (FLAG_LOST_RETRANS)."""
    window = max(f.min_rtt_ns >> 2, 0) if f.reordered else 0  # tcp_rack_reo_wnd
    for k in range(min(f.ring_count, _SCAN)):
        s = outstanding(st, f, k)
        if not s.retransmitted or s.sacked or s.sent_ns < f.loss_ns:
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
    sack_rtt = _on_sack(st, f, p, acked) if p.sack_count else i64(-1)
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
        first_ns = _take_acked(st, f, p, acked, sack_rtt)
        _leave_state(st, f, p, sack)
    elif is_duplicate_ack(f, receiver, p, acked):
        p.duplicate_ack = 1
        receiver.duplicate_acks += 1
        f.dupacks += 1
    p.ack_kind = ack_kind(st, f, receiver, p, una, unseen, gap, news, first_ns, first_ns == idle_until)
    note_congestion_echo(f, p)
    f.provoked = 0
    f.last_ack_ns = p.t_ns
    f.ack_seen = 1
    if f.ca_state == CA_LOSS:
        _find_lost_retransmission(st, f, p)
