"""What a connection in TIME_WAIT, or in FIN_WAIT2 without a process, does about segments (net/ipv4/tcp_minisocks.c)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from netemu.packet.ip import Options
from netemu.packet.tcp import ACK, FIN, RST, SYN
from netemu.seq import seq_diff
from netemu.stack.inet_timewait_sock import TCP_TIMEWAIT_LEN_S, inet_twsk_deschedule_put, inet_twsk_reschedule
from netemu.stack.sock import TCP_FIN_WAIT2, TCP_TIME_WAIT

if TYPE_CHECKING:
    from netemu.stack.inet_timewait_sock import TimewaitSock
    from netemu.stack.skbuff import SkBuff
    from netemu.stack.stack import LinuxStack

TCP_TW_SUCCESS, TCP_TW_RST, TCP_TW_ACK, TCP_TW_SYN, TCP_TW_ACK_OOW = range(5)
TCP_PAWS_24DAYS, TCP_PAWS_MSL = 60 * 60 * 24 * 24, 60


def tcp_paws_reject(net: LinuxStack, ts_recent: int, ts_recent_stamp: int, rcv_tsval: int, *, rst: bool) -> bool:
    """Whether a segment is older than the last one accepted, by its timestamp (RFC 7323 section 5.3; tcp.h).

    ``ts_recent_stamp`` in seconds: a timestamp 24 days old proves nothing, nor does a reset's after a minute.
    """
    now_s = net.now_ns // 1_000_000_000
    if seq_diff(ts_recent, rcv_tsval) <= 0 or not ts_recent or now_s >= ts_recent_stamp + TCP_PAWS_24DAYS:
        return False
    return not (rst and now_s >= ts_recent_stamp + TCP_PAWS_MSL)


def tcp_in_window(seq: int, end_seq: int, s_win: int, e_win: int) -> bool:
    """Whether a segment has a byte in the window, or is empty at one of its edges."""
    return seq == s_win or (end_seq > s_win and seq < e_win) or (seq == e_win and seq == end_seq)


def oow_rate_limited(net: LinuxStack, skb: SkBuff, mib: str, holder: Any) -> bool:
    """tcp_oow_rate_limited: whether ``holder`` answered such a segment a moment ago; notes the time if not.

    ``holder``: what has ``last_oow_ack_time``. Data without SYN is always answered: it makes no loop.
    """
    if skb.seq != skb.end_seq and not skb.tcp_flags & SYN:
        return False
    now = net.jiffies
    limit = net.sysctl.tcp_invalid_ratelimit_ms * net.profile.hz // 1000
    if holder.last_oow_ack_time and 0 <= now - holder.last_oow_ack_time < limit:
        net.mib.inc(mib)
        return True
    holder.last_oow_ack_time = now
    return False


def tcp_timewait_state_process(tw: TimewaitSock, skb: SkBuff) -> tuple[int, int]:
    """What to do: a TCP_TW_*, and the initial sequence number of the connection that follows (of TCP_TW_SYN)."""
    net, flags = tw.net, skb.tcp_flags
    options = skb.options
    assert isinstance(options, Options)
    ts_val = options.ts_val if tw.tw_ts_recent_stamp else None
    paws_reject = ts_val is not None and tcp_paws_reject(
        net, tw.tw_ts_recent, tw.tw_ts_recent_stamp, ts_val, rst=bool(flags & RST)
    )
    if tw.tw_substate == TCP_FIN_WAIT2:
        return _fin_wait2(tw, skb, ts_val, paws_reject=paws_reject), 0
    if not paws_reject and skb.seq == tw.tw_rcv_nxt and (skb.seq == skb.end_seq or flags & RST):
        _in_window(tw, ts_val, rst=bool(flags & RST))
        return TCP_TW_SUCCESS, 0
    newer = ts_val is not None and seq_diff(tw.tw_ts_recent, ts_val) < 0
    if flags & (SYN | RST | ACK) == SYN and not paws_reject and (skb.seq > tw.tw_rcv_nxt or newer):
        return TCP_TW_SYN, (tw.tw_snd_nxt + 65535 + 2) & 0xFFFFFFFF or 1
    if paws_reject:
        net.mib.inc("PAWSTimewait")
    if flags & RST:
        return TCP_TW_SUCCESS, 0
    if paws_reject or flags & ACK:
        inet_twsk_reschedule(tw, TCP_TIMEWAIT_LEN_S * net.profile.hz)
    if oow_rate_limited(net, skb, "TCPACKSkippedTimeWait", tw):
        return TCP_TW_SUCCESS, 0
    return TCP_TW_ACK_OOW, 0


def _in_window(tw: TimewaitSock, ts_val: int | None, *, rst: bool) -> None:
    """A reset, which ends TIME_WAIT unless tcp_rfc1337 forbids it, or a bare ACK, which begins it anew."""
    if rst and not tw.net.sysctl.tcp_rfc1337:
        inet_twsk_deschedule_put(tw)
        return
    if not rst:
        inet_twsk_reschedule(tw, TCP_TIMEWAIT_LEN_S * tw.net.profile.hz)
    if ts_val is not None:
        tw.tw_ts_recent, tw.tw_ts_recent_stamp = ts_val, tw.net.now_ns // 1_000_000_000


def _fin_wait2(tw: TimewaitSock, skb: SkBuff, ts_val: int | None, *, paws_reject: bool) -> int:
    """Wait for the peer's FIN and nothing else: data is reset, for nobody will read it."""
    flags, rcv_nxt = skb.tcp_flags, tw.tw_rcv_nxt
    if paws_reject or not tcp_in_window(skb.seq, skb.end_seq, rcv_nxt, rcv_nxt + tw.tw_rcv_wnd):
        limited = oow_rate_limited(tw.net, skb, "TCPACKSkippedFinWait2", tw)
        return TCP_TW_SUCCESS if limited else TCP_TW_ACK_OOW
    if flags & RST:
        inet_twsk_deschedule_put(tw)
        return TCP_TW_SUCCESS
    if flags & SYN and skb.seq >= rcv_nxt:
        return TCP_TW_RST
    if not flags & ACK or skb.end_seq <= rcv_nxt or skb.end_seq == skb.seq:
        return TCP_TW_SUCCESS
    if not flags & FIN or skb.end_seq != rcv_nxt + 1:
        return TCP_TW_RST
    tw.tw_substate = TCP_TIME_WAIT
    tw.tw_rcv_nxt = skb.end_seq
    if ts_val is not None:
        tw.tw_entry_stamp = tw.net.now_ns // 1_000_000
        tw.tw_ts_recent, tw.tw_ts_recent_stamp = ts_val, tw.net.now_ns // 1_000_000_000
    inet_twsk_reschedule(tw, TCP_TIMEWAIT_LEN_S * tw.net.profile.hz)
    return TCP_TW_ACK
