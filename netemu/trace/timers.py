"""The sender's clocks as Linux keeps them, rebuilt from packets: RTT estimate, RTO and probe timeout.

Sources (Linux 6.12): ``tcp_rtt_estimator`` in net/ipv4/tcp_input.c, ``__tcp_set_rto`` in include/net/tcp.h,
``tcp_schedule_loss_probe`` in net/ipv4/tcp_output.c. Times are nanoseconds; ``srtt_ns`` is eight times and
``mdev_ns`` four times the value, as in the kernel.
"""
# mypy: disable-error-code="no-any-return"

from __future__ import annotations

from typing import Any

from netemu.trace.compiled import compiled

TCP_RTO_MIN_NS = 200_000_000
TCP_RTO_MAX_NS = 120_000_000_000
TCP_TIMEOUT_INIT_NS = 1_000_000_000
TCP_TIMEOUT_MIN_NS = 8_000_000
"""Two jiffies at HZ=250, the coarsest common clock of servers; the kernel adds them to a loss probe's timeout."""


@compiled
def rtt_sample(f: Any, rtt_ns: int) -> None:
    """Take one RTT measurement into the estimator of sender ``f`` (RFC 6298, as tcp_rtt_estimator departs from it)."""
    if rtt_ns < 0:
        return
    m = rtt_ns
    if f.srtt_ns == 0:
        f.srtt_ns = max(m << 3, 1)
        f.mdev_ns = m << 1
        f.rttvar_ns = max(f.mdev_ns, TCP_RTO_MIN_NS)
        f.mdev_max_ns = f.rttvar_ns
        f.rtt_seq = f.nxt
        return
    m -= f.srtt_ns >> 3
    f.srtt_ns = max(f.srtt_ns + m, 1)
    if m < 0:
        m = -m - (f.mdev_ns >> 2)
        if m > 0:  # a falling RTT moves the deviation by 1/32 only
            m >>= 3
    else:
        m -= f.mdev_ns >> 2
    f.mdev_ns += m
    if f.mdev_ns > f.mdev_max_ns:
        f.mdev_max_ns = f.mdev_ns
        f.rttvar_ns = max(f.rttvar_ns, f.mdev_max_ns)
    if f.una > f.rtt_seq:
        if f.mdev_max_ns < f.rttvar_ns:
            f.rttvar_ns -= (f.rttvar_ns - f.mdev_max_ns) >> 2
        f.rtt_seq = f.nxt
        f.mdev_max_ns = TCP_RTO_MIN_NS


@compiled
def note_min_rtt(f: Any, rtt_ns: int) -> None:
    """Keep the smallest RTT of sender ``f`` (``tcp_update_rtt_min``, taken from the newest segment acknowledged)."""
    if rtt_ns >= 0:
        f.min_rtt_ns = rtt_ns if f.min_rtt_ns < 0 else min(f.min_rtt_ns, rtt_ns)


@compiled
def rto_ns(f: Any) -> int:
    """The retransmission timeout without back-off: srtt + max(200 ms, 4 * rttvar); 1 s before any sample."""
    if f.srtt_ns == 0:
        return TCP_TIMEOUT_INIT_NS
    return min((f.srtt_ns >> 3) + f.rttvar_ns, TCP_RTO_MAX_NS)


@compiled
def pto_ns(f: Any, packets_out: int) -> int:
    """The loss probe's timeout: 2 * srtt, and the receiver's longest ACK delay when a single packet is out."""
    if f.srtt_ns == 0:
        return min(TCP_TIMEOUT_INIT_NS, rto_ns(f))
    extra = TCP_RTO_MIN_NS if packets_out == 1 else TCP_TIMEOUT_MIN_NS
    return min((f.srtt_ns >> 2) + extra, rto_ns(f))
