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
from netemu.trace.observe.sender_pipe import CA_OPEN
from netemu.trace.observe.sender_state import (
    LIMIT_APPLICATION,
    LIMIT_CWND,
    LIMIT_NAGLE,
    LIMIT_NONE,
    LIMIT_PACING,
    LIMIT_RWND,
    LIMIT_SNDBUF,
)

_TURN_SLACK_NS = 20_000
"""How long after an acknowledgement a sender's answer may leave, beyond twice its turn in the handshake."""
_SLACK_SHARE = 9
"""And this much of the RTT more, as a power of two: what is slow is jittery too."""
_BACK_TO_BACK_NS = 20_000
"""Packets that follow each other within this time were not held by anything: 1,500 bytes take 12 us at 1 Gbit/s."""
_PACED = 3
"""After so many even gaps a gap like them is the clock's, whatever acknowledgement came beside it."""


@compiled
def slack_ns(f: Any) -> int:
    """How soon after an acknowledgement a packet must leave to be taken for its answer."""
    return 2 * f.turn_ns + _TURN_SLACK_NS + (max(f.srtt_ns, 0) >> _SLACK_SHARE)


@compiled
def was_released(f: Any, t_ns: int) -> bool:
    """Whether a packet at ``t_ns`` answers an acknowledgement that came since the last packet of ``f``."""
    return bool(f.fresh_ack and t_ns - f.ack_ns <= slack_ns(f))


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
def _full_bytes(f: Any) -> int:
    """Payload of a full segment now."""
    cut = max(f.full_bytes, f.full_next)
    return min(cut, f.mss) if cut > 0 and f.mss > 0 else max(cut, f.mss)


@compiled
def _had_no_room(f: Any, end: int) -> bool:
    """Whether what ends at ``end`` did not fit the window announced while the sender waited."""
    edge = f.edge_before if f.fresh_ack else f.edge
    return bool(edge >= 0 and end > edge)


@compiled
def _unanswered(f: Any) -> bool:
    """Whether acknowledgements made room for a segment in the congestion window, and none was sent.

    Outside Recovery a sender with data left answers each of them. Super-segments are held back on purpose until there
    is a third of the window to send (``tcp_tso_should_defer``), so nothing is concluded where they are seen.
    """
    return bool(f.ca_state == CA_OPEN and not f.super_segments and f.unanswered >= _full_bytes(f) > 0)


@compiled
def _of_its_own(f: Any, wait_ns: int, even: bool) -> int:
    """The limit where data was left, and left without an acknowledgement: a clock, or a timer's probe."""
    if f.srtt_ns > 0 and wait_ns > f.srtt_ns:
        return LIMIT_CWND
    f.gap_ns = wait_ns
    f.even_gaps = f.even_gaps + 1 if even else f.even_gaps >> 1
    return LIMIT_PACING if even else LIMIT_NONE


@compiled
def _after_ack(f: Any, full: bool, even: bool) -> int:
    """The limit where an acknowledgement released the packet."""
    emptied = f.last_push or not f.last_full
    if f.small_acked and not full and f.ack_pure:
        return LIMIT_NAGLE
    if emptied and not (f.ack_pure and full):
        return LIMIT_APPLICATION
    if even and f.even_gaps >= _PACED:
        return LIMIT_PACING
    f.even_gaps >>= 1
    return LIMIT_SNDBUF if _unanswered(f) else LIMIT_CWND


@compiled
def why_waited(f: Any, t_ns: int, start: int, payload: int, full: bool) -> int:
    """The limit between the last packet of ``f`` and new data ``[start, start + payload)`` sent at ``t_ns``."""
    wait_ns = t_ns - f.send_ns
    emptied = f.last_push or not f.last_full
    if f.fresh_ack and _had_no_room(f, start + payload):
        return LIMIT_RWND
    if not f.fresh_ack and wait_ns <= _BACK_TO_BACK_NS:
        return LIMIT_NONE
    if not emptied and _had_no_room(f, start + _full_bytes(f)):
        return LIMIT_RWND
    even = _is_even(f, wait_ns)
    if was_released(f, t_ns):
        return _after_ack(f, full, even)
    return LIMIT_APPLICATION if emptied or f.nxt <= f.una else _of_its_own(f, wait_ns, even)


@compiled
def limit_of_silence(f: Any) -> int:
    """The limit after the last packet of ``f`` when nothing new follows: of what that packet and the window say."""
    emptied = f.last_push or not f.last_full
    if f.edge >= 0 and f.nxt + (0 if emptied else _full_bytes(f)) > f.edge:
        return LIMIT_RWND
    if emptied or f.nxt <= f.una:
        return LIMIT_APPLICATION
    return LIMIT_CWND
