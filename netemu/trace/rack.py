"""RACK as a sender keeps it (net/ipv4/tcp_recovery.c): what was delivered last, and how long to wait for the overtaken.

``f`` is the flow whose data is acknowledged. Its window for reordering has ``reo_steps`` steps more than one.
"""

# mypy: disable-error-code="no-any-return"

from __future__ import annotations

from typing import Any

from netemu.trace.compiled import compiled
from netemu.trace.memory import i64

_TAP_NS = 20_000
"""How much longer the kernel may see a round trip than the tap, which is behind it."""
_MOST_STEPS = 254
_PERSIST = 16
"""TCP_RACK_RECOVERY_THRESH: recoveries without a D-SACK until the window is as before."""


@compiled
def rack_sent_after(f: Any, sent_ns: int, end: int) -> bool:
    """Whether something sent later than a segment has been delivered (``tcp_skb_sent_after``)."""
    return f.rack_ns > sent_ns or (f.rack_ns == sent_ns and f.rack_end > end)


@compiled
def rack_advance(f: Any, s: Any, t_ns: int) -> None:
    """``tcp_rack_advance``: a retransmission answered sooner than the smallest RTT was answered by its original.

    The RTT is that of what was delivered last, though something sent later may have been delivered before.
    """
    if f.reordered:
        f.reo_newest_ns = max(f.reo_newest_ns, s.sent_ns)
    rtt = t_ns - s.sent_ns
    if s.retransmitted and rtt < f.min_rtt_ns - min(f.min_rtt_ns >> 4, i64(_TAP_NS)):
        return
    f.rack_rtt_ns = rtt
    if f.rack_ns < s.sent_ns or (f.rack_ns == s.sent_ns and f.rack_end < s.end):
        f.rack_ns, f.rack_end = s.sent_ns, s.end


@compiled
def reordering_window_ns(f: Any) -> int:
    """``tcp_rack_reo_wnd`` once reordering was seen: quarters of the smallest RTT, the smoothed one at most."""
    return min(max(f.min_rtt_ns >> 2, 0) * (1 + f.reo_steps), f.srtt_ns >> 3)


@compiled
def rack_is_due_ns(f: Any, sent_ns: int) -> int:
    """When RACK finds lost what was sent at ``sent_ns`` (``tcp_rack_skb_timeout``): an ACK after that waits no more."""
    return sent_ns + f.rack_rtt_ns + reordering_window_ns(f)


@compiled
def rack_on_dsack(f: Any) -> None:
    """``tcp_dsack_seen``: what was reordered may have been sent again too soon, unless it was a loss probe."""
    if f.reordered and not f.tlp_high:
        f.reo_dsack = 1


@compiled
def widen_window(f: Any, t_ns: int) -> None:
    """``tcp_rack_update_reo_wnd``: a step more for D-SACKs, once per round trip."""
    if not f.reordered or f.reo_newest_ns == 0:
        return
    newest = f.reo_newest_ns
    f.reo_newest_ns = i64(0)
    if newest < f.reo_since_ns:
        f.reo_dsack = 0
    if f.reo_dsack:
        f.reo_steps = min(f.reo_steps + 1, i64(_MOST_STEPS))
        f.reo_dsack, f.reo_since_ns, f.reo_persist = 0, t_ns, _PERSIST
    elif not f.reo_persist:
        f.reo_steps = 0


@compiled
def recovery_was_needed(f: Any) -> None:
    """``tcp_try_undo_recovery`` where nothing is undone: one recovery less until the window is as before."""
    if f.reo_persist:
        f.reo_persist -= 1
