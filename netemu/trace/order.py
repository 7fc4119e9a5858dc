"""In which order packets of one sender were sent, told by timestamps, IP identifications and time; compiled."""
# mypy: disable-error-code="no-any-return"

from __future__ import annotations

from typing import Any

from netemu.packet.tcp import FIN
from netemu.trace.compiled import compiled

_DEFAULT_RTT_NS = 3_000_000
"""Where the capture gives no RTT: what Wireshark takes as the longest time of a reordering."""
TICK_NS = 1_000_000
"""One step of Linux's TCP timestamps."""
_COUNTED = 4
"""So many IP identifications that count up show that the stack counts."""
COPY_NS = 500_000_000
"""A copy comes within this time: a SYN is sent again after a second, and some stacks number every packet alike."""


@compiled
def note_order(f: Any, p: Any, new_from: int) -> None:
    """Follow what tells the order of sending: the newest timestamp, and whether IP identifications count up.

    What lies at ``new_from`` or above was not sent before ``p``. Linux counts identifications per socket; a stack that
    does not is left out once it shows.
    """
    if p.ts_val >= 0 and (f.ts_val < 0 or 0 < ((p.ts_val - f.ts_val) & 0xFFFFFFFF) < 0x80000000):
        f.ts_val, f.ts_start = p.ts_val, new_from
    if p.ip_version != 4 or p.ip_id <= 0 or p.network_duplicate:
        return
    step = (p.ip_id - f.ip_id) & 0xFFFF if f.ip_id >= 0 else 1
    if 0 < step <= 64:
        f.ip_ids_counted += 1
    elif step < 0xFFFF - 2000:
        f.ip_ids_other += 1
    if 0 < step < 0x8000:
        f.ip_id = p.ip_id


@compiled
def _sent_after(f: Any, ts_val: int, ip_id: int, p: Any) -> int:
    """1 when ``p`` was sent after a packet with this timestamp and IP identification, -1 when not, 0 unknown."""
    if p.ts_val >= 0 and ts_val >= 0 and p.ts_val != ts_val:
        return 1 if ((p.ts_val - ts_val) & 0xFFFFFFFF) < 0x80000000 else -1
    if p.ip_version != 4 or p.ip_id <= 0 or ip_id <= 0 or 4 * f.ip_ids_other > f.ip_ids_counted:
        return 0
    step = (p.ip_id - ip_id) & 0xFFFF
    if step == 0:
        return -1 if f.ip_ids_counted >= _COUNTED or p.t_ns - f.last_send_ns < COPY_NS else 0
    if step < 2000:
        return 1
    return -1 if step > 0xFFFF - 2000 else 0


@compiled
def _round_trip_ns(f: Any, peer: Any) -> int:
    """The path's smallest RTT as seen from this capture, handshake included; 0 where it is not known."""
    return max(f.min_rtt_ns, 0) + max(peer.min_rtt_ns, 0)


@compiled
def fills_late(f: Any, peer: Any, s: Any, p: Any) -> bool:
    """Whether a segment in a gap was sent after the gap was seen, so that it is a retransmission; else it is late.

    ``s`` is the gap, stamped by the segment that revealed it. Where neither timestamp nor IP identification tells,
    time does: a retransmission takes at least the path's RTT.
    """
    order = _sent_after(f, s.ts_val, s.ip_id, p)
    if order:
        return order > 0
    rtt = _round_trip_ns(f, peer)
    if rtt <= 0:
        rtt = _DEFAULT_RTT_NS
    return p.t_ns - s.first_ns >= rtt - rtt // 8


@compiled
def was_sent_before(f: Any, peer: Any, s: Any, p: Any) -> bool:
    """Whether ``p`` was sent no later than the segment ``s`` of the same bytes.

    A retransmission takes a round trip at least. So where neither timestamp nor IP identification tells: one of the
    same tick is none, if the round trip takes longer; without timestamps, neither is one that comes sooner than that.
    A copy is of the same size; a segment cut anew is none.
    """
    order = _sent_after(f, s.ts_val, s.ip_id, p)
    if order or not s.start <= p.seq_offset:
        return order < 0 and s.start <= p.seq_offset
    if s.start != p.seq_offset or s.end - s.start != p.payload + (1 if p.flags & FIN else 0):
        return False
    rtt = _round_trip_ns(f, peer)
    if p.ts_val >= 0:
        return s.ts_val == p.ts_val and rtt > 2 * TICK_NS
    return p.ip_version == 6 and p.t_ns - s.sent_ns < rtt - rtt // 8


@compiled
def was_sent_with_latest(f: Any, peer: Any, start: int, p: Any) -> bool:
    """Whether acknowledged bytes from ``start`` on come again from a time before they can have been sent twice."""
    order = _sent_after(f, f.ts_val, f.ip_id, p)
    if order:
        return order < 0
    same_tick = p.ts_val >= 0 and p.ts_val == f.ts_val and start >= f.ts_start
    return same_tick and _round_trip_ns(f, peer) > 2 * TICK_NS
