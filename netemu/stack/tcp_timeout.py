"""When a connection gives up: retries, user timeout, orphans, memory.

Mirrors the policy half of net/ipv4/tcp_timer.c (7.2). How often a segment is sent again is counted in time, not in
retransmissions: ``tcp_retries2 = 15`` means as long as fifteen doublings of 200 ms take (924.6 s), whatever the RTT.
"""

from __future__ import annotations

from errno import ETIMEDOUT
from typing import TYPE_CHECKING

from netemu.stack import tcp_close, tcp_fastopen_active, tcp_mss, tcp_send
from netemu.stack.jiffies import jiffies_to_msecs, msecs_to_jiffies
from netemu.stack.sock import TCP_SYN_RECV, TCP_SYN_SENT, tcp_time_stamp_ts

if TYPE_CHECKING:
    from netemu.stack.sock import TcpSock

TCP_TIMEWAIT_LEN_SEC = 60


def _since_retrans_ms(sk: TcpSock) -> int:
    """For how long the first segment has been sent again, as the timestamps' clock tells it."""
    return (tcp_time_stamp_ts(sk) - sk.retrans_stamp) * (sk.net.ts_tick_us // 1000)


def tcp_clamp_rto_to_user_timeout(sk: TcpSock) -> int:
    """The RTO in jiffies, or less when TCP_USER_TIMEOUT ends before it (since 4.19)."""
    if not sk.icsk_user_timeout:
        return sk.icsk_rto
    remaining_ms = sk.icsk_user_timeout - _since_retrans_ms(sk)
    if remaining_ms <= 0:
        return 1
    return min(sk.icsk_rto, msecs_to_jiffies(remaining_ms, sk.net.profile.hz))


def tcp_write_err(sk: TcpSock) -> None:
    """The connection ends with the last ICMP's error, or ETIMEDOUT."""
    tcp_close.tcp_done_with_error(sk, sk.sk_err_soft or ETIMEDOUT)
    sk.net.mib.inc("TCPAbortOnTimeout")


def tcp_model_timeout(sk: TcpSock, boundary: int, rto_base: int) -> int:
    """Milliseconds that ``boundary`` retransmissions take when the first waits ``rto_base`` jiffies (since 2.6.32)."""
    rto_max = sk.icsk_rto_max
    linear_backoff_thresh = (rto_max // rto_base).bit_length() - 1
    if boundary <= linear_backoff_thresh:
        timeout = ((2 << boundary) - 1) * rto_base
    else:
        timeout = ((2 << linear_backoff_thresh) - 1) * rto_base + (boundary - linear_backoff_thresh) * rto_max
    return jiffies_to_msecs(timeout, sk.net.profile.hz)


def retransmits_timed_out(sk: TcpSock, boundary: int, timeout_ms: int) -> bool:
    """Whether retransmissions have gone on for ``timeout_ms``, or if 0 for as long as ``boundary`` of them take."""
    if not sk.icsk_retransmits:
        return False
    if not timeout_ms:
        hz = sk.net.profile.hz
        handshake = sk.sk_state in (TCP_SYN_SENT, TCP_SYN_RECV)
        timeout_ms = tcp_model_timeout(sk, boundary, hz * sk.net.profile.timeout_init_s if handshake else hz // 5)
    return _since_retrans_ms(sk) - timeout_ms >= 0


def tcp_write_timeout(sk: TcpSock) -> bool:
    """Whether the connection has ended because nothing was acknowledged for too long."""
    sysctl = sk.net.sysctl
    expired = False
    if sk.sk_state in (TCP_SYN_SENT, TCP_SYN_RECV):
        retry_until = sk.icsk_syn_retries or sysctl.tcp_syn_retries
        linear = sysctl.tcp_syn_linear_timeouts if sk.sk_state == TCP_SYN_SENT else 0
        expired = sk.icsk_retransmits >= retry_until + linear
    else:
        if retransmits_timed_out(sk, sysctl.tcp_retries1, 0):
            tcp_mtu_probing(sk)
        retry_until = sysctl.tcp_retries2
        if sk.sk_dead:
            alive = sk.icsk_rto < sk.icsk_rto_max
            retry_until = tcp_orphan_retries(sk, alive)
            do_reset = alive or not retransmits_timed_out(sk, retry_until, 0)
            if tcp_out_of_resources(sk, do_reset):
                return True
    if not expired:
        expired = retransmits_timed_out(sk, retry_until, sk.icsk_user_timeout)
    tcp_fastopen_active.tcp_fastopen_active_detect_blackhole(sk, expired)
    if expired:
        tcp_write_err(sk)
    return expired


def tcp_mtu_probing(sk: TcpSock) -> None:
    """Black-hole detection: after tcp_retries1 take smaller segments, if tcp_mtu_probing asks for it (RFC 4821)."""
    sysctl = sk.net.sysctl
    if not sysctl.tcp_mtu_probing:
        return
    if not sk.mtup_enabled:
        sk.mtup_enabled = True
        sk.mtup_probe_timestamp = sk.net.jiffies
    else:
        mss = min(sysctl.tcp_base_mss, tcp_mss.tcp_mtu_to_mss(sk, sk.mtup_search_low) >> 1)
        mss = max(mss, sysctl.tcp_mtu_probe_floor, sysctl.tcp_min_snd_mss)
        sk.mtup_search_low = tcp_mss.tcp_mss_to_mtu(sk, mss)
    tcp_mss.tcp_sync_mss(sk, sk.icsk_pmtu_cookie)


def tcp_orphan_retries(sk: TcpSock, alive: bool) -> int:
    """How often a socket without a process tries: ``tcp_orphan_retries``, where 0 means 8 for one that sent lately."""
    retries = sk.net.sysctl.tcp_orphan_retries
    if sk.sk_err_soft and not alive:
        retries = 0
    return 8 if retries == 0 and alive else retries


def tcp_out_of_resources(sk: TcpSock, do_reset: bool) -> bool:
    """Whether an orphan was ended, since orphans are too many or memory is short (tcp_check_oom)."""
    shift = 0
    if sk.net.jiffies - sk.lsndtime > 2 * sk.icsk_rto_max or not do_reset:
        shift += 1
    if sk.sk_err_soft:
        shift += 1
    if not tcp_close.tcp_check_oom(sk, shift):
        return False
    recent = sk.net.jiffies - sk.lsndtime <= TCP_TIMEWAIT_LEN_SEC * sk.net.profile.hz
    if recent or (not sk.snd_wnd and not sk.packets_out):
        do_reset = True
    if do_reset:
        tcp_send.tcp_send_active_reset(sk)
    tcp_close.tcp_done(sk)
    sk.net.mib.inc("TCPAbortOnMemory")
    return True


def tcp_rtx_probe0_timed_out(sk: TcpSock, rtx_delta_ms: int) -> bool:
    """Whether a peer that shrank its window to nothing has been silent for too long (since 4.19, 6.6).

    ``rtx_delta_ms``: for how long the first segment has been waiting.
    """
    hz = sk.net.profile.hz
    timeout = sk.icsk_rto_max * 2
    if sk.icsk_user_timeout:
        if rtx_delta_ms > sk.icsk_user_timeout:
            return True
        timeout = min(timeout, msecs_to_jiffies(sk.icsk_user_timeout, hz))
    if sk.icsk_timeout - sk.rcv_tstamp <= timeout:
        return False
    return msecs_to_jiffies(rtx_delta_ms, hz) > timeout
