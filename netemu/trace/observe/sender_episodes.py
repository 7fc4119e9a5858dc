"""Episodes of a sender: rows of ``sender`` of one phase that follow each other, as one; compiled."""
# mypy: disable-error-code="no-any-return"

from __future__ import annotations

from typing import Any

from netemu.recording.kinds import EPISODE_REASONS, SENDER_LIMITS
from netemu.trace.compiled import compiled, entry
from netemu.trace.layout import LINE_BYTES, words
from netemu.trace.memory import i64, prefetch, record_at, set_word, word
from netemu.trace.observe.sender_pipe import CA_CWR
from netemu.trace.observe.sender_state import (
    PHASE_CONGESTION_AVOIDANCE,
    PHASE_IDLE,
    PHASE_LOSS,
    PHASE_RECOVERY,
    PHASE_SLOW_START,
    SENDER_ROW,
    sender_row_at,
)

_START, _GROWTH, _RETRANSMISSION, _TIMEOUT, _ECN, _RECOVERED, _LIMIT, _SILENCE = range(len(EPISODE_REASONS))
_LIMITS = len(SENDER_LIMITS) - 1
"""Limits that have an account: all but ``none``."""

_FIGURES = """
start_ns end_ns rounds start_flight_bytes end_flight_bytes max_flight_bytes end_cwnd_estimated_bytes sent_segments
retransmitted_segments acked_bytes
"""
EPISODE = words("flow phase reason limited_by" + _FIGURES)
"""One row of the table ``episodes``, with codes for its closed lists; -1 stands for null."""
EPISODE_FLOW = words(
    "spent_1 spent_2 spent_3 spent_4 spent_5 spent_6 total_1 total_2 total_3 total_4 total_5 total_6 "
    "seen phase before ca_state limited" + _FIGURES
)
"""The episode of a flow that is not over: what its rows say so far.

``spent_N`` is the time in limit N, ``total_N`` that since the flow's beginning at its latest row, -1 where not known.
``seen`` is 1 from the flow's first row on; ``before`` is the phase of the episode before, -1 for none.
"""
_ROW_BYTES, _FLOW_BYTES = SENDER_ROW.itemsize, EPISODE_FLOW.itemsize
_ACCOUNTS = (SENDER_ROW.names or ()).index("cwnd_limited_ns")
_AHEAD = 8
"""Rows between asking for an episode and using it."""
_episode_at, _flow_at = record_at(EPISODE), record_at(EPISODE_FLOW)


@compiled
def _reason(s: Any) -> int:
    """What began an episode, from its phase and the one before it."""
    if s.phase == PHASE_LOSS:
        return _TIMEOUT
    if s.phase == PHASE_RECOVERY:
        return _ECN if s.ca_state == CA_CWR else _RETRANSMISSION
    if s.phase == PHASE_IDLE:
        return _SILENCE
    if s.before < 0:
        return _START
    if s.before in (PHASE_RECOVERY, PHASE_LOSS):
        return _RECOVERED
    return _GROWTH if s.before == PHASE_SLOW_START and s.phase == PHASE_CONGESTION_AVOIDANCE else _LIMIT


@compiled
def _dominant(spent: int) -> int:
    """The limit with most of an episode's time; ``none`` where none took any."""
    most, limit = i64(0), i64(0)
    for k in range(_LIMITS):
        if word(spent, k) > most:
            most, limit = word(spent, k), k + 1
    return limit


@compiled
def _give(state: int, flow: int, episodes: int, count: int) -> int:
    s, e = _flow_at(state, flow), _episode_at(episodes, count)
    e.flow, e.phase, e.reason = flow, s.phase, _reason(s)
    e.limited_by = _dominant(state + flow * _FLOW_BYTES) if s.limited else i64(-1)
    e.start_ns, e.end_ns, e.rounds, e.max_flight_bytes = s.start_ns, s.end_ns, s.rounds, s.max_flight_bytes
    e.start_flight_bytes, e.end_flight_bytes = s.start_flight_bytes, s.end_flight_bytes
    e.end_cwnd_estimated_bytes = s.end_cwnd_estimated_bytes
    e.sent_segments, e.retransmitted_segments, e.acked_bytes = s.sent_segments, s.retransmitted_segments, s.acked_bytes
    return count + 1


@compiled
def _begin(s: Any, r: Any, spent: int) -> None:
    s.before = s.phase if s.seen else i64(-1)
    s.start_flight_bytes = s.end_flight_bytes
    s.phase, s.start_ns, s.end_cwnd_estimated_bytes = r.phase, r.start_ns, i64(-1)
    s.rounds = s.max_flight_bytes = s.sent_segments = s.retransmitted_segments = s.acked_bytes = s.limited = i64(0)
    for k in range(_LIMITS):
        set_word(spent, k, i64(0))


@compiled
def _add(s: Any, r: Any, spent: int, accounts: int) -> None:
    for k in range(_LIMITS):
        now, before = word(accounts, k), word(spent, _LIMITS + k) if s.seen else i64(0)
        if now >= 0 and before >= 0:
            set_word(spent, k, word(spent, k) + now - before)
        set_word(spent, _LIMITS + k, now)
    s.seen, s.ca_state, s.end_ns, s.end_flight_bytes = i64(1), r.ca_state, r.t_ns, r.flight_bytes
    s.rounds += 1
    s.max_flight_bytes = max(s.max_flight_bytes, r.max_flight_bytes)
    if r.cwnd_estimated_bytes != -1:
        s.end_cwnd_estimated_bytes = r.cwnd_estimated_bytes
    s.sent_segments += r.sent_segments
    s.retransmitted_segments += r.retransmitted_segments
    s.acked_bytes += r.acked_bytes
    if r.limited_by >= 0:
        s.limited = i64(1)


@entry
def join_rows(rows: int, count: int, state: int, episodes: int) -> int:
    """Take ``count`` rows of ``sender`` in; returns how many episodes ended with them, one for a row at most."""
    ended = i64(0)
    for i in range(count):
        if i + _AHEAD < count:
            later = state + sender_row_at(rows, i + _AHEAD).flow * _FLOW_BYTES
            for line in range(0, _FLOW_BYTES, LINE_BYTES):
                prefetch(later + line)
        r = sender_row_at(rows, i)
        s, spent = _flow_at(state, r.flow), state + r.flow * _FLOW_BYTES
        if not s.seen or r.phase != s.phase:
            if s.seen:
                ended = _give(state, r.flow, episodes, ended)
            _begin(s, r, spent)
        _add(s, r, spent, rows + i * _ROW_BYTES + 8 * _ACCOUNTS)
    return ended


@entry
def end_episodes(state: int, flows: int, episodes: int) -> int:
    """The episodes that the end of the file ends; returns how many, one for a flow at most."""
    ended = i64(0)
    for flow in range(flows):
        if _flow_at(state, flow).seen:
            ended = _give(state, flow, episodes, ended)
    return ended
