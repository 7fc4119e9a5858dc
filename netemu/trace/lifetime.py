"""How a connection ends: FINs and their acknowledgements, and what a RST does to the end that gets it; compiled."""
# mypy: disable-error-code="no-any-return"

from __future__ import annotations

from typing import Any

from netemu.packet.tcp import ACK, FIN, RST, SYN
from netemu.trace.ack_kinds import ACK_CHALLENGE
from netemu.trace.compiled import compiled
from netemu.trace.layout import connection_at
from netemu.trace.memory import i64
from netemu.trace.segments import unwrap

(
    RESET_NONE,
    RESET_REFUSED,
    RESET_IN_SEQUENCE,
    RESET_IN_WINDOW,
    RESET_OUT_OF_WINDOW,
    RESET_AFTER_CLOSE,
    RESET_UNPLACED,
) = range(7)
"""Codes of :data:`netemu.recording.tables.RESET_KINDS`."""

_SURVIVAL_NS = 200_000_000
"""What is under way when a RST is sent has arrived by then, beside two round trips."""


@compiled
def _closed(f: Any) -> bool:
    return bool(f.fin_end and f.una >= f.fin_end)


@compiled
def reset_kind(f: Any, peer: Any, p: Any) -> int:
    """What the RST ``p``, sent by ``f``, is to ``peer`` (RFC 9293 section 3.10.7, RFC 5961 section 3.2).

    The next byte that ``peer`` expects lies between the highest it acknowledged and the highest sent.
    """
    if _closed(f) and _closed(peer):
        return RESET_AFTER_CLOSE
    if peer.syn_sent and not f.syn_sent and not f.syn_ack_sent and peer.una == 0:
        answers = p.flags & ACK and 0 < unwrap(peer, p.ack, i64(0)) <= peer.nxt
        return RESET_REFUSED if answers else RESET_OUT_OF_WINDOW
    if not f.isn_known:
        return RESET_UNPLACED
    seq = unwrap(f, p.seq, f.nxt)
    if f.una <= seq <= f.nxt:
        return RESET_IN_SEQUENCE
    return RESET_IN_WINDOW if f.nxt < seq < f.una + peer.last_window else RESET_OUT_OF_WINDOW


@compiled
def on_reset(st: Any, f: Any, peer: Any, p: Any) -> None:
    """Count the RST ``p`` and end the connection where the other end must take it."""
    kind = reset_kind(f, peer, p)
    f.resets += 1
    f.reset_kind = kind if f.reset_kind == RESET_NONE else f.reset_kind
    c = connection_at(st.connections, p.connection)
    if kind == RESET_IN_WINDOW:
        f.provoked = ACK_CHALLENGE
    if kind in (RESET_REFUSED, RESET_IN_SEQUENCE, RESET_UNPLACED) and not c.reset_by:
        c.reset_by, c.reset_ns = p.direction + 1, p.t_ns


@compiled
def note_end(st: Any, f: Any, peer: Any, p: Any) -> None:
    """Note where a FIN ends the stream of ``f``; and that an end which goes on after a RST had not taken it."""
    if p.flags & FIN:
        f.fin_end = p.seq_offset + p.payload + (2 if p.flags & SYN else 1)
    c = connection_at(st.connections, p.connection)
    if c.reset_by == 2 - p.direction and p.acked:
        rtt = max(f.min_rtt_ns, 0) + max(peer.min_rtt_ns, 0)
        if p.t_ns - c.reset_ns > 2 * rtt + _SURVIVAL_NS:
            c.reset_by = 0


@compiled
def is_unacceptable_syn(f: Any, p: Any) -> bool:
    """Whether ``p`` is a SYN in a connection that is past it, which is answered by a challenge ACK (RFC 5961)."""
    return bool(p.flags & SYN and not p.flags & RST and f.una >= 1)
