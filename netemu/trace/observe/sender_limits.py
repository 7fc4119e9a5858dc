"""What kept a sender from sending between two of its packets, from the packets alone; compiled.

Each wait is judged when it ends, by four questions. Had the sender more to send? (A partial segment, or the push
flag that Linux sets on the last of its queue, says no.) Did an acknowledgement release the next packet? Had the
receiver's window had room for it? Was a small segment unacknowledged? docs/analysis.md, "Sender state", has the
table of answers.
"""
# mypy: disable-error-code="no-any-return"

from __future__ import annotations

from typing import Any

from netemu.trace.compiled import compiled
from netemu.trace.memory import i64
from netemu.trace.observe.sender_state import (
    LIMIT_APPLICATION,
    LIMIT_CWND,
    LIMIT_NAGLE,
    LIMIT_NONE,
    LIMIT_PACING,
    LIMIT_RWND,
    LIMIT_SNDBUF,
)

_TURN_SLACK_NS = 200_000
"""How long after an acknowledgement a sender's answer may leave, beyond its turn in the handshake."""
_BACK_TO_BACK_NS = 20_000
"""Packets that follow each other within this time were not held by anything: 1,500 bytes take 12 us at 1 Gbit/s."""


@compiled
def was_released(f: Any, t_ns: int) -> bool:
    """Whether a packet at ``t_ns`` answers an acknowledgement that came since the last packet of ``f``."""
    if not f.fresh_ack:
        return False
    slack = 2 * f.turn_ns + _TURN_SLACK_NS
    if f.srtt_ns > 0:
        slack = min(slack, max(f.srtt_ns >> 2, f.turn_ns + 1000))
    return t_ns - f.ack_ns <= slack


@compiled
def is_near_sender(f: Any) -> bool:
    """Whether the capture is so close to the sender that what it shows is what the sender knew.

    Its turn (acknowledgement in, data out) must be short beside the round trip.
    """
    return f.turn_ns >= 0 and (f.srtt_ns < 0 or 4 * f.turn_ns <= f.srtt_ns)


@compiled
def _is_even(f: Any, wait_ns: int) -> bool:
    """Whether a wait is like the last one that no acknowledgement ended."""
    return f.gap_ns > 0 and f.gap_ns // 2 <= wait_ns <= 2 * f.gap_ns


@compiled
def _of_its_own(f: Any, wait_ns: int) -> int:
    """The limit where data was left, and left without an acknowledgement: a clock, or a timer's probe."""
    even = _is_even(f, wait_ns)
    f.gap_ns = wait_ns
    if f.srtt_ns > 0 and wait_ns > f.srtt_ns:
        return LIMIT_CWND
    return LIMIT_PACING if even else LIMIT_NONE


@compiled
def why_waited(f: Any, t_ns: int, start: int, payload: int, full: bool) -> int:
    """The limit between the last packet of ``f`` and new data ``[start, start + payload)`` sent at ``t_ns``."""
    wait_ns = t_ns - f.send_ns
    if f.edge_before >= 0 and start + payload > f.edge_before and f.fresh_ack:
        return LIMIT_RWND
    if not f.fresh_ack and wait_ns <= _BACK_TO_BACK_NS:
        return LIMIT_NONE
    emptied = f.last_push or not f.last_full
    if was_released(f, t_ns):
        if f.small_acked and not full and f.ack_pure:
            return LIMIT_NAGLE
        if emptied:
            return LIMIT_SNDBUF if f.ack_pure and full else LIMIT_APPLICATION
        return LIMIT_CWND
    return LIMIT_APPLICATION if emptied or f.nxt <= f.una else _of_its_own(f, wait_ns)


@compiled
def limit_of_silence(f: Any) -> int:
    """The limit after the last packet of ``f`` when nothing new follows: of what that packet and the window say."""
    if f.edge >= 0 and f.nxt >= f.edge:
        return LIMIT_RWND
    if f.last_push or not f.last_full:
        return LIMIT_APPLICATION
    return LIMIT_CWND if f.nxt > f.una else i64(LIMIT_APPLICATION)
