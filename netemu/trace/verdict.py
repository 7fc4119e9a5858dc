"""What made the sender retransmit: the retransmission timer, the loss probe timer, or evidence of loss; compiled.

The sender's congestion state is rebuilt as Linux keeps it (``tcp_fastretrans_alert``, ``tcp_enter_loss``,
``tcp_process_loss``, net/ipv4/tcp_input.c; ``tcp_rack_detect_loss``, net/ipv4/tcp_recovery.c;
``tcp_send_loss_probe``, net/ipv4/tcp_output.c; Linux 6.12). docs/analysis.md explains the rules.
"""
# mypy: disable-error-code="no-any-return"
# ruff: noqa: PLR0917 (compiled functions take their state by position)

from __future__ import annotations

from typing import Any

from netemu.trace.compiled import compiled
from netemu.trace.evidence import keep
from netemu.trace.layout import event_at, segment_at
from netemu.trace.memory import i64
from netemu.trace.rack import rack_is_due_ns, rack_sent_after, reordering_window_ns
from netemu.trace.segments import outstanding
from netemu.trace.timers import TCP_RTO_MIN_NS, pto_ns, rto_ns

(
    KIND_NONE,
    KIND_NEW,
    KIND_TIMEOUT,
    KIND_FAST,
    KIND_TAIL_LOSS_PROBE,
    KIND_SYN,
    KIND_SYN_ACK,
    KIND_FIN,
    KIND_WINDOW_PROBE,
    KIND_KEEPALIVE,
) = range(10)
"""Codes of :data:`netemu.recording.tables.SEGMENT_KINDS`."""

(
    SPURIOUS_NONE,
    SPURIOUS_DSACK,
    SPURIOUS_EIFEL,
    SPURIOUS_FRTO,
    SPURIOUS_ALREADY_ACKED,
    SPURIOUS_ALREADY_SACKED,
) = range(6)
"""Codes of :data:`netemu.recording.tables.SPURIOUS_BY`."""

CA_OPEN, CA_RECOVERY, CA_LOSS, CA_MTU = 0, 3, 4, 5
"""Congestion states. CA_MTU is the kernel's CA_Loss entered by an ICMP report and not by a timer
(``tcp_simple_retransmit``): what is sent again in it was asked for by the network."""

_SCAN = 256
"""Segments looked at from the oldest, so that no input makes a packet cost more."""
_LATE_NS = 20_000_000
"""How late a timer may fire on a busy machine before its lateness is taken for another timer's."""
_ACTS_NS = 2_000_000
"""How long after an ACK a sender still acts on it: the stack takes microseconds, a process with the socket more."""


@compiled
def _answers_an_ack(f: Any, t_ns: int, within_ns: int) -> bool:
    """Whether an ACK passed so recently that it can have made the sender act; ``turn_ns`` is its way there and back."""
    allowed = _LATE_NS if f.turn_ns < 0 else within_ns + 2 * f.turn_ns
    return t_ns - f.last_ack_ns <= allowed


@compiled
def _rack_timer_may_run(f: Any, t_ns: int) -> bool:
    """Whether an ACK came so recently that RACK may still be waiting for what was reordered.

    It waits for its window, then two ticks and what a timer is late.
    """
    return t_ns - f.last_ack_ns <= reordering_window_ns(f) + _LATE_NS


@compiled
def _timer_was_due(f: Any, sent_ns: int, t_ns: int) -> bool:
    """Whether the retransmission timer had run out and no ACK came just before.

    It was restarted at ``timer_base_ns``, or runs from when the oldest segment was sent, if a probe's or RACK's timer
    had its place meanwhile (``tcp_rearm_rto``).
    """
    rto = rto_ns(f) << min(f.backoff, 10)
    base = min(f.timer_base_ns, sent_ns)
    return t_ns - base >= rto - rto // 20 and not _answers_an_ack(f, t_ns, _ACTS_NS)


@compiled
def _is_silent(f: Any, t_ns: int) -> bool:
    """Whether no ACK came for so long that nothing but the retransmission timer is left to make the sender act.

    Neither RACK's timer nor pacing holds anything back for half of that timer; its estimate may be that wrong. Before
    any sample the timeout may be that of an earlier connection (``tcp_init_metrics``), the shortest for one.
    """
    longest = rto_ns(f) >> 1 if f.srtt_ns else i64(TCP_RTO_MIN_NS)
    return t_ns - f.last_ack_ns > longest and not _rack_timer_may_run(f, t_ns)


@compiled
def _timer_is_likely(f: Any, sent_ns: int, t_ns: int) -> bool:
    """Whether a timer rather than an ACK made the sender send again what it had sent at ``sent_ns``.

    Either it waited for the retransmission timeout, or it was silent for longer than any ACK-driven step takes.
    """
    rto, srtt = rto_ns(f), f.srtt_ns >> 3
    if t_ns - sent_ns >= rto - rto // 10:
        return True
    return t_ns - f.last_ack_ns > 2 * srtt and t_ns - sent_ns > 2 * srtt


@compiled
def _probe_or_timeout(f: Any, t_ns: int) -> int:
    """The tail was sent again with no news from the receiver: by the probe timer, unless it waited for the RTO.

    The probe timer always runs first (PTO <= RTO), so only a stack without it, or a connection where it was not
    armed, waits clearly longer than the PTO.
    """
    base = max(f.last_send_ns, f.last_ack_ns)
    waited = t_ns - base
    rto, pto = rto_ns(f), pto_ns(f, f.ring_count)
    if waited >= rto - rto // 50 and rto - pto > 2 * _LATE_NS and waited > pto + (rto - pto) // 2 + _LATE_NS:
        return KIND_TIMEOUT
    return KIND_TAIL_LOSS_PROBE


@compiled
def _when_open(st: Any, f: Any, k: int, start: int, end: int, p: Any, sack: bool) -> int:
    known = k < f.ring_count
    s = outstanding(st, f, k) if known else segment_at(st.segments, 0)
    head, tail = start <= f.una, end >= f.nxt
    proven, late = known and sack and rack_sent_after(f, s.sent_ns, s.end), not _rack_timer_may_run(f, p.t_ns)
    if proven and not (late and (tail or (head and _is_silent(f, p.t_ns)))):  # else the sender had not seen it so
        return KIND_TIMEOUT if late and head and _timer_was_due(f, s.sent_ns, p.t_ns) else KIND_FAST
    if not sack and f.dupacks >= 3 and head:
        # No probe's timer has the place of the retransmission timer here; reordering may have made three too few.
        due = _timer_was_due(f, f.timer_base_ns, p.t_ns) or not _answers_an_ack(f, p.t_ns, _LATE_NS)
        return KIND_TIMEOUT if due else KIND_FAST
    if sack and tail and not f.tlp_high and f.una < f.nxt:
        return _probe_or_timeout(f, p.t_ns) if head else KIND_TAIL_LOSS_PROBE
    if head and _timer_is_likely(f, s.sent_ns if known else f.last_send_ns, p.t_ns):
        return KIND_TIMEOUT
    return KIND_FAST


@compiled
def _when_recovering(st: Any, f: Any, k: int, start: int, p: Any, sack: bool) -> int:
    if start > f.una or k >= f.ring_count:
        return KIND_FAST
    s = outstanding(st, f, k)
    proven = sack and rack_sent_after(f, s.sent_ns, s.end)
    began = s.sent_ns if sack else f.timer_base_ns  # without SACK no other timer takes its place
    waits = rack_is_due_ns(f, s.sent_ns) + _LATE_NS >= p.t_ns and _rack_timer_may_run(f, p.t_ns)
    if _timer_was_due(f, began, p.t_ns) and not (proven and waits):
        return KIND_TIMEOUT
    if _is_silent(f, p.t_ns) or not (sack or _answers_an_ack(f, p.t_ns, _LATE_NS)):
        return KIND_TIMEOUT
    if proven:
        return KIND_FAST
    if s.retransmitted and s.sent_ns >= f.loss_ns and _timer_is_likely(f, s.sent_ns, p.t_ns):
        return KIND_TIMEOUT  # sent again already, and nothing sent after it has arrived
    return KIND_FAST


@compiled
def _when_lost(st: Any, f: Any, k: int, start: int, p: Any, sack: bool) -> int:
    if k >= f.ring_count:
        return KIND_TIMEOUT
    s = outstanding(st, f, k)
    again = s.retransmitted and s.sent_ns >= f.loss_ns
    if sack and again and rack_sent_after(f, s.sent_ns, s.end):
        return KIND_FAST  # the retransmission was lost too, and RACK found it: the kernel goes to Recovery
    if f.ca_state == CA_LOSS:
        fresh = sack and start > f.una and not s.retransmitted and s.sent_ns + f.rack_rtt_ns > f.loss_ns
        if fresh and rack_sent_after(f, s.sent_ns, s.end) and not _answers_an_ack(f, p.t_ns, _ACTS_NS):
            return KIND_FAST  # too young to be lost at the timeout, found by RACK's own timer (tcp_rack_reo_timeout)
        return KIND_TIMEOUT
    return KIND_TIMEOUT if start <= f.una and (again or _timer_was_due(f, s.sent_ns, p.t_ns)) else KIND_FAST


@compiled
def why_sent_again(st: Any, f: Any, k: int, start: int, end: int, p: Any, sack: bool) -> int:
    """The trigger of a retransmission of ``[start, end)``; ``k`` is the place of its segment in the ring."""
    if f.ca_state == CA_OPEN:
        return _when_open(st, f, k, start, end, p, sack)
    if f.ca_state == CA_RECOVERY:
        return _when_recovering(st, f, k, start, p, sack)
    return _when_lost(st, f, k, start, p, sack)


@compiled
def _start_undo(f: Any, in_flight: int) -> None:
    """``tcp_init_undo``; ``in_flight`` retransmissions may be reported by D-SACK yet."""
    f.undo_events, f.undo_marker = in_flight, f.una


@compiled
def _retransmissions_out(st: Any, f: Any) -> int:
    """Retransmissions in flight and not proven lost (``retrans_out``), a tail loss probe included."""
    count = i64(0)
    for k in range(min(f.ring_count, _SCAN)):
        s = outstanding(st, f, k)
        if s.retransmitted and not s.sacked and not rack_sent_after(f, s.sent_ns, s.end):
            count += 1
    return count


@compiled
def enter_loss(f: Any, p: Any) -> None:
    """The retransmission timer fired (``tcp_enter_loss``); F-RTO is tried unless Recovery was under way."""
    f.frto = 1 if (f.ca_state == CA_OPEN or f.backoff) else 0
    if f.ca_state == CA_OPEN or f.una >= f.high_seq or (f.ca_state == CA_LOSS and not f.backoff):
        _start_undo(f, i64(1 if f.tlp_high else 0))
    f.backoff += 1
    f.ca_state, f.loss_ns, f.high_seq, f.tlp_high = CA_LOSS, p.t_ns, f.nxt, 0


@compiled
def enter_recovery(st: Any, f: Any, p: Any) -> None:
    """Loss was proven by what the receiver reported (``tcp_enter_recovery``)."""
    _start_undo(f, _retransmissions_out(st, f))
    f.ca_state, f.loss_ns, f.high_seq, f.tlp_high = CA_RECOVERY, p.t_ns, f.nxt, 0


@compiled
def enter_state(st: Any, f: Any, trigger: int, head: bool, again: bool, p: Any) -> None:
    """Move the sender's state as the kernel does when it retransmits for ``trigger``.

    ``head``: the oldest outstanding segment is sent; ``again``: it had been sent again since the state was entered.
    """
    if trigger == KIND_TIMEOUT:
        if f.ca_state != CA_LOSS or (head and (again or _timer_was_due(f, f.timer_base_ns, p.t_ns))):
            enter_loss(f, p)
        elif not f.backoff:
            f.frto = 0  # step 2.b without new data to send: what was sent before the timeout is sent again
    elif trigger == KIND_FAST:
        if f.ca_state in (CA_OPEN, CA_LOSS):
            enter_recovery(st, f, p)
    else:
        f.tlp_high = f.nxt
    if trigger != KIND_TAIL_LOSS_PROBE and f.retrans_stamp < 0:
        f.retrans_stamp = p.ts_val
    if head or trigger == KIND_TAIL_LOSS_PROBE:
        f.timer_base_ns = p.t_ns


@compiled
def add_event(st: Any, f: Any, flow: int, start: int, end: int, kind: int, p: Any) -> int:
    """Remember a retransmission, so that a later D-SACK can flag it; returns its number."""
    number = st.event_count
    st.event_count = number + 1
    e = event_at(st.events, number)
    e.flow, e.start, e.end, e.row, e.sent_ns, e.kind = flow, start, end, p.row, p.t_ns, kind
    e.ts_val, e.spurious, e.previous = p.ts_val, SPURIOUS_NONE, f.retrans_last
    keep(e, p)
    f.retrans_last, f.retrans_end = number, max(f.retrans_end, end)
    f.undo_events += 1
    return number
