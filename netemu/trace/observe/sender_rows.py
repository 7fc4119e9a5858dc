"""From what a flow has gathered since its last row to the next: estimates, phase and limit; compiled."""
# mypy: disable-error-code="no-any-return"

from __future__ import annotations

from typing import Any

from netemu.trace.compiled import compiled
from netemu.trace.memory import i64
from netemu.trace.observe.sender_limits import is_near_sender
from netemu.trace.observe.sender_pipe import CA_CWR, CA_LOSS, CA_OPEN, CA_RECOVERY, pipe
from netemu.trace.observe.sender_state import (
    LIMIT_APPLICATION,
    LIMIT_CWND,
    LIMIT_NAGLE,
    LIMIT_NONE,
    LIMIT_PACING,
    LIMIT_RWND,
    LIMIT_SNDBUF,
    PHASE_APPLICATION_LIMITED,
    PHASE_CONGESTION_AVOIDANCE,
    PHASE_IDLE,
    PHASE_LOSS,
    PHASE_PACED,
    PHASE_RECEIVER_LIMITED,
    PHASE_RECOVERY,
    PHASE_SLOW_START,
    REASON_END,
    sender_row_at,
)


@compiled
def spend(f: Any, limit: int, wait_ns: int) -> None:
    """Account ``wait_ns`` to a limit."""
    if wait_ns <= 0:
        return
    if limit == LIMIT_NONE:
        f.limited_0 += wait_ns
    elif limit == LIMIT_CWND:
        f.limited_1 += wait_ns
    elif limit == LIMIT_RWND:
        f.limited_2 += wait_ns
    elif limit == LIMIT_NAGLE:
        f.limited_3 += wait_ns
    elif limit == LIMIT_APPLICATION:
        f.limited_4 += wait_ns
    elif limit == LIMIT_SNDBUF:
        f.limited_5 += wait_ns
    elif limit == LIMIT_PACING:
        f.limited_6 += wait_ns


@compiled
def take_sample(f: Any) -> None:
    """The sender had more to send, and sent it when an acknowledgement came: until then its pipe was the window.

    The congestion window grows outside Recovery, so there the largest of a row counts, and in Recovery the latest.
    """
    if f.pipe_before <= 0:
        return
    if f.left_recovery:
        f.left_recovery = 0
        if f.cwnd_at_loss <= 0 or f.pipe_before < f.cwnd_at_loss - (f.cwnd_at_loss >> 4):
            f.ssthresh = f.pipe_before
    if f.ca_state != CA_OPEN or f.pipe_before >= f.sample:
        f.sample, f.sample_ns, f.sample_una = f.pipe_before, f.ack_ns, f.una_before


@compiled
def _dominant(f: Any) -> int:
    """The limit with most of the time since the last row; -1 when there was none."""
    best, limit = i64(0), i64(-1)
    spent = (
        f.limited_0 - f.before_0,
        f.limited_1 - f.before_1,
        f.limited_2 - f.before_2,
        f.limited_3 - f.before_3,
        f.limited_4 - f.before_4,
        f.limited_5 - f.before_5,
        f.limited_6 - f.before_6,
    )
    for code in range(7):
        if spent[code] > best:
            best, limit = spent[code], i64(code)
    return limit


@compiled
def _phase_by_growth(f: Any) -> int:
    """Slow start or avoidance, from how the window grew with what was acknowledged.

    In slow start it grows by what is acknowledged (RFC 5681 equation 2, ``tcp_slow_start``); in avoidance by at most
    half of that (``tcp_cong_avoid_ai``, where CUBIC's divisor is at least 2).
    """
    phase = f.phase
    if f.sample > 0 and f.cwnd > 0 and f.sample_una > f.cwnd_una:
        growth, acked = f.sample - f.cwnd, f.sample_una - f.cwnd_una
        if 5 * growth > 3 * acked:
            phase = i64(PHASE_SLOW_START)
        elif growth >= 0:
            if phase == PHASE_SLOW_START and f.ssthresh < 0:
                f.ssthresh = f.sample
            phase = i64(PHASE_CONGESTION_AVOIDANCE)
    if phase not in (PHASE_SLOW_START, PHASE_CONGESTION_AVOIDANCE):
        phase = i64(PHASE_CONGESTION_AVOIDANCE)
    return phase


@compiled
def _phase(f: Any, limit: int, busy_ns: int, span_ns: int) -> int:
    if f.ca_state == CA_LOSS:
        return PHASE_LOSS
    if f.ca_state in (CA_RECOVERY, CA_CWR):
        return PHASE_RECOVERY
    grown = _phase_by_growth(f)
    f.phase = grown
    if limit == LIMIT_RWND:
        return PHASE_RECEIVER_LIMITED
    if limit == LIMIT_PACING:
        return PHASE_PACED
    if limit in (LIMIT_APPLICATION, LIMIT_NAGLE, LIMIT_SNDBUF):
        return PHASE_IDLE if busy_ns == 0 and span_ns > 0 else PHASE_APPLICATION_LIMITED
    return grown


@compiled
def _write_account(f: Any, row: Any, near: bool) -> None:
    if not near:
        row.cwnd_limited_ns = row.rwnd_limited_ns = row.nagle_limited_ns = i64(-1)
        row.application_limited_ns = row.sndbuf_limited_ns = row.pacing_limited_ns = i64(-1)
        return
    row.cwnd_limited_ns, row.rwnd_limited_ns, row.nagle_limited_ns = f.limited_1, f.limited_2, f.limited_3
    row.application_limited_ns, row.sndbuf_limited_ns = f.limited_4, f.limited_5
    row.pacing_limited_ns = f.limited_6


@compiled
def _begin_row(f: Any, t_ns: int, busy_ns: int) -> None:
    if f.sample > 0:
        f.cwnd, f.cwnd_una = f.sample, f.sample_una
    f.sample = i64(0)
    f.since_ns, f.busy_before, f.max_flight = t_ns, busy_ns, f.nxt - f.una
    f.sent = f.retransmitted = f.acked = i64(0)
    f.before_0, f.before_1, f.before_2, f.before_3 = f.limited_0, f.limited_1, f.limited_2, f.limited_3
    f.before_4, f.before_5, f.before_6 = f.limited_4, f.limited_5, f.limited_6


@compiled
def write_row(st: Any, flow: int, f: Any, t_ns: int, reason: int) -> None:
    """A row for the time from the last one to ``t_ns``; none when no time has passed, unless it is the last."""
    if f.since_ns < 0 or (t_ns <= f.since_ns and not (reason == REASON_END and f.sent)):
        return
    near = is_near_sender(f)
    row = sender_row_at(st.rows, st.row_count)
    st.row_count += 1
    busy_ns = f.busy_ns + (t_ns - f.idle_ns if f.nxt > f.una else 0)
    limit = _dominant(f) if near else i64(-1)
    row.flow, row.start_ns, row.t_ns, row.round, row.reason = flow, f.since_ns, t_ns, f.round, reason
    row.flight_bytes, row.max_flight_bytes, row.pipe_bytes = f.nxt - f.una, f.max_flight, pipe(st, f)
    row.window_bytes = f.edge - f.una if f.edge >= 0 else -1
    row.phase = _phase(f, limit, busy_ns - f.busy_before, t_ns - f.since_ns)
    row.cwnd_estimated_bytes = row.cwnd_estimated_ns = row.ssthresh_estimated_bytes = i64(-1)
    if near:
        row.ssthresh_estimated_bytes = f.ssthresh
        if f.sample > 0:
            row.cwnd_estimated_bytes, row.cwnd_estimated_ns = f.sample, f.sample_ns
    row.srtt_ns, row.rto_estimated_ns, row.ca_state, row.limited_by = f.srtt_ns, f.rto_ns, f.ca_state, limit
    row.sent_segments, row.retransmitted_segments, row.acked_bytes = f.sent, f.retransmitted, f.acked
    row.busy_ns = busy_ns
    _write_account(f, row, near)
    _begin_row(f, t_ns, busy_ns)
