"""What an acknowledgement is and why it was sent, by what the capture shows before it; compiled.

docs/analysis.md gives the rules. ``f`` is the sender whose data is acknowledged, ``receiver`` the flow of the packet.
"""
# mypy: disable-error-code="no-any-return"
# ruff: noqa: PLR0917 (compiled functions take their state by position)

from __future__ import annotations

from typing import Any

from netemu.packet.tcp import ACK, FIN, RST, SYN
from netemu.trace.compiled import compiled
from netemu.trace.layout import connection_at
from netemu.trace.memory import i64

(
    ACK_NONE,
    ACK_HANDSHAKE,
    ACK_PIGGYBACK,
    ACK_QUICK,
    ACK_EVERY_SECOND,
    ACK_STRETCH,
    ACK_DELAYED,
    ACK_GAP_FILLED,
    ACK_FIN,
    ACK_DUPLICATE,
    ACK_DSACK,
    ACK_WINDOW_UPDATE,
    ACK_WINDOW_PROBE,
    ACK_KEEPALIVE,
    ACK_CHALLENGE,
    ACK_RESET,
    ACK_OLD,
    ACK_UNSEEN,
    ACK_REPEATED,
) = range(19)
"""Codes of :data:`netemu.recording.tables.ACK_KINDS`."""

TCP_MSS_DEFAULT = 536
DELAYED_NS = 30_000_000
"""The least wait for a delayed ACK: Linux's TCP_DELACK_MIN of 40 ms, less a tick of a kernel at HZ=100."""
AT_ONCE_NS = 4_000_000
"""An ACK later than this after the newest segment was not sent on its arrival: a tick of a kernel at HZ=250."""


@compiled
def full_sized(f: Any, receiver: Any) -> int:
    """The receiver's estimate of a full-sized segment (``icsk_ack.rcv_mss``): the largest it was sent, 536 at least."""
    known = f.mss_used_bytes if f.mss_used_bytes > 0 else receiver.mss_announced  # super-segments are no segments
    return max(known, i64(TCP_MSS_DEFAULT))


@compiled
def _was_delayed(f: Any, receiver: Any, p: Any, full: int, first_ns: int, onto_idle: bool) -> bool:
    """Whether the first segment acknowledged had to wait for the delayed-ACK timer, and the newest came before that.

    Waits are measured against the shortest way there and back. The timer is started by the first segment
    (``tcp_send_delayed_ack``); an ACK sent on the arrival of the newest is not the timer's.

    Away from the receiver a queue makes ACKs late too: there only a segment that found the line idle is compared
    with the shortest RTT, any other with the ACK before it; and more than a full-sized segment is no delayed ACK.
    """
    if p.ack_rtt_ns < 0 or first_ns < 0:
        return False
    shortest = max(f.min_rtt_ns, 0)
    near = f.min_rtt_ns < receiver.min_rtt_ns
    if p.acked > full and not near:
        return False
    prompt = shortest if near or onto_idle else max(shortest, f.prompt_rtt_ns)
    return p.t_ns - first_ns - prompt >= DELAYED_NS and p.ack_rtt_ns - prompt >= AT_ONCE_NS


@compiled
def _kind_of_progress(st: Any, f: Any, receiver: Any, p: Any, gap: bool, first_ns: int, onto_idle: bool) -> int:
    c = connection_at(st.connections, p.connection)
    if f.una >= f.nxt and c.fin_seen & (1 << (1 - p.direction)):
        return ACK_FIN
    if gap:
        return ACK_GAP_FILLED
    full = full_sized(f, receiver)
    if _was_delayed(f, receiver, p, full, first_ns, onto_idle):
        return ACK_DELAYED
    f.prompt_rtt_ns = p.ack_rtt_ns
    if p.acked <= full:
        return ACK_QUICK
    return ACK_EVERY_SECOND if p.acked <= 2 * full else ACK_STRETCH


@compiled
def _kind_without_progress(f: Any, receiver: Any, p: Any, news: bool) -> int:
    provoked = f.provoked
    if provoked and not (provoked == ACK_WINDOW_PROBE and p.window_bytes):
        return provoked
    if p.dsack:
        return ACK_DSACK
    if p.duplicate_ack or news:
        return ACK_DUPLICATE
    return ACK_WINDOW_UPDATE if p.window_bytes != receiver.last_window else ACK_REPEATED


@compiled
def ack_kind(
    st: Any,
    f: Any,
    receiver: Any,
    p: Any,
    una: int,
    unseen: bool,
    gap: bool,
    news: bool,
    first_ns: int,
    onto_idle: bool,
) -> int:
    """The code of ACK_KINDS of ``p``, which ``f`` has taken already; ``una`` is the highest ACK before it.

    ``unseen``: it acknowledges what the capture does not hold. ``gap``: one had been reported. ``news``: its SACK
    blocks report segments for the first time. ``first_ns``: when the first that it acknowledges was sent last, or -1;
    ``onto_idle``: with nothing outstanding then.
    """
    if p.flags & SYN or (una == 0 and p.ack_offset > 0):
        return ACK_HANDSHAKE
    if p.payload or p.flags & FIN or p.kind:
        return ACK_PIGGYBACK
    if unseen:
        return ACK_UNSEEN
    if p.ack_offset < una:
        return ACK_OLD
    if p.ack_offset > una:
        return _kind_of_progress(st, f, receiver, p, gap, first_ns, onto_idle)
    return _kind_without_progress(f, receiver, p, news)


@compiled
def note_provocation(f: Any, p: Any, probe: int) -> None:
    """Remember what ``p`` of flow ``f`` asks the other side to answer, as its code of ACK_KINDS; 0 for nothing."""
    if probe or (p.flags & ACK and not p.flags & RST):
        f.provoked = probe


@compiled
def is_duplicate_ack(f: Any, receiver: Any, p: Any, acked: int) -> bool:
    """RFC 5681 section 2: outstanding data, no payload, no SYN or FIN, the same ACK, the same window."""
    if f.una >= f.nxt or acked != f.una or p.payload or p.flags & 7:
        return False
    return bool(f.ack_seen and p.window_bytes == receiver.last_window)
