"""The evidence at the time of a retransmission, taken before its class is decided; compiled.

It stands in the scratch packet (``before_*``) until :func:`keep` copies it to the retransmission's record, which
:func:`netemu.trace.retransmissions.retransmissions_frame` turns into a row.
"""
# mypy: disable-error-code="no-any-return"

from __future__ import annotations

from typing import Any

from netemu.packet.tcp import ECE, SYN
from netemu.trace.compiled import compiled
from netemu.trace.rack import rack_sent_after
from netemu.trace.segments import outstanding
from netemu.trace.timers import rto_ns

_CA_OPEN, _DISORDER, _CWR, _CA_LOSS = 0, 1, 2, 4
_MAX_BACKOFF = 10


@compiled
def shown_state(f: Any) -> int:
    """The congestion state of sender ``f`` as a code of CA_STATES (``tcp_try_to_open`` for what is not yet loss)."""
    if f.ca_state != _CA_OPEN:
        return min(f.ca_state, _CA_LOSS)
    if f.cwr_high > 0 and f.una <= f.cwr_high:
        return _CWR
    return _DISORDER if f.sacked_count > 0 or (f.dupacks > 0 and not f.sack_permitted) else _CA_OPEN


@compiled
def note_congestion_echo(f: Any, p: Any) -> None:
    """ECN-Echo takes the sender to CWR, which is left when something beyond ``high_seq`` is acknowledged (RFC 3168)."""
    if p.flags & ECE and not p.flags & SYN and f.ca_state == _CA_OPEN and f.una > f.cwr_high:
        f.cwr_high = f.nxt


@compiled
def _take_flow(f: Any, p: Any) -> None:
    p.before_state, p.before_rto_ns = shown_state(f), rto_ns(f) << min(f.backoff, _MAX_BACKOFF)
    p.before_silence_ns = p.t_ns - f.last_ack_ns if f.ack_seen else -1
    p.before_backoff, p.before_dupacks, p.before_sacked = f.backoff, f.dupacks, f.sacked_count


@compiled
def take(st: Any, f: Any, k: int, p: Any) -> None:
    """Note what is known when ``p`` sends segment ``k`` of flow ``f`` again (beyond the ring: unknown)."""
    _take_flow(f, p)
    p.before_row = p.before_waited_ns = -1
    p.before_rack = 0
    if k >= f.ring_count:
        return
    s = outstanding(st, f, k)
    if not s.gap:
        p.before_row, p.before_waited_ns = s.row, p.t_ns - s.sent_ns
        p.before_rack = 1 if rack_sent_after(f, s.sent_ns, s.end) else 0


@compiled
def take_syn(f: Any, p: Any) -> None:
    """The same for a SYN or SYN-ACK sent again: there is no segment, and the timer is that of the handshake."""
    _take_flow(f, p)
    p.before_waited_ns, p.before_row, p.before_rack = p.t_ns - f.syn_ns, f.syn_row, 0


@compiled
def keep(e: Any, p: Any) -> None:
    """Copy the evidence to the retransmission's record ``e``."""
    e.state, e.rto_ns, e.waited_ns, e.last_row = p.before_state, p.before_rto_ns, p.before_waited_ns, p.before_row
    e.silence_ns, e.rack = p.before_silence_ns, p.before_rack
    e.backoff, e.dupacks, e.sacked_count = p.before_backoff, p.before_dupacks, p.before_sacked
