"""What is left of a connection in TIME_WAIT or in FIN_WAIT2 without a process (net/ipv4/inet_timewait_sock.c)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from netemu.stack import inet_bind
from netemu.stack.sock import TCP_FIN_WAIT2, TCP_TIME_WAIT
from netemu.stack.timer import Timer

if TYPE_CHECKING:
    from netemu.stack.route import Dst
    from netemu.stack.sock import TcpSock

TCP_TIMEWAIT_LEN_S = 60


class TimewaitSock:
    """``struct inet_timewait_sock`` and ``tcp_timewait_sock``. ``tw_substate``: TCP_TIME_WAIT or TCP_FIN_WAIT2."""

    __slots__ = (
        "inet_daddr", "inet_dport", "inet_saddr", "inet_sport", "ipv6only", "last_oow_ack_time", "net", "sk_bound_if",
        "sk_cookie", "sk_dst", "sk_family", "sk_reuse", "sk_reuseport", "sk_state", "tos", "ttl", "tw_entry_stamp",
        "tw_rcv_nxt", "tw_rcv_wnd", "tw_rcv_wscale", "tw_snd_nxt", "tw_substate", "tw_timer", "tw_ts_offset",
        "tw_ts_recent", "tw_ts_recent_stamp",
    )  # fmt: skip

    def __init__(self, sk: TcpSock, substate: int) -> None:
        self.net = sk.net
        self.inet_saddr, self.inet_sport = sk.inet_saddr, sk.inet_sport
        self.inet_daddr, self.inet_dport = sk.inet_daddr, sk.inet_dport
        self.sk_family, self.sk_bound_if, self.sk_cookie = sk.sk_family, sk.sk_bound_if, sk.sk_cookie
        self.sk_reuse, self.sk_reuseport = sk.sk_reuse, sk.sk_reuseport
        self.ipv6only = sk.ipv6only
        self.tos, self.ttl = sk.tos, sk.ttl
        self.sk_dst: Dst | None = sk.sk_dst
        self.sk_state = TCP_TIME_WAIT
        self.tw_substate = substate
        self.tw_timer = Timer(self._inet_twsk_kill)
        self.last_oow_ack_time = 0
        self.tw_rcv_wscale = sk.rcv_wscale
        self.tw_entry_stamp = sk.tcp_mstamp // 1000
        self.tw_rcv_nxt, self.tw_snd_nxt = sk.rcv_nxt, sk.snd_nxt
        self.tw_rcv_wnd = 0
        self.tw_ts_recent, self.tw_ts_recent_stamp = sk.ts_recent, sk.ts_recent_stamp
        self.tw_ts_offset = sk.tsoffset

    @property
    def key(self) -> tuple[str, int, str, int]:
        """Where it is in the table of established connections."""
        return (self.inet_saddr, self.inet_sport, self.inet_daddr, self.inet_dport)

    def _inet_twsk_kill(self) -> None:
        hashinfo = self.net.hashinfo
        if hashinfo.ehash.get(self.key) is self:
            del hashinfo.ehash[self.key]
        inet_bind.inet_put_port(self)
        hashinfo.tw_count -= 1


def inet_twsk_hashdance_schedule(tw: TimewaitSock, sk: TcpSock, timeo: int) -> None:
    """Put ``tw`` in the tables in place of ``sk``, for ``timeo`` jiffies."""
    net = sk.net
    bucket = net.hashinfo.bhash.get(sk.inet_sport)
    if bucket is not None:
        bucket.owners.append(tw)
    net.hashinfo.ehash[tw.key] = tw
    net.hashinfo.tw_count += 1
    net.mib.inc("TWKilled" if timeo <= 4 * net.profile.hz else "TW")
    net.timers.mod_timer(tw.tw_timer, net.jiffies + timeo)


def inet_twsk_reschedule(tw: TimewaitSock, timeo: int) -> None:
    """Begin its time anew."""
    tw.net.timers.mod_timer(tw.tw_timer, tw.net.jiffies + timeo)


def inet_twsk_deschedule_put(tw: TimewaitSock) -> None:
    """End it before its time."""
    if tw.net.timers.del_timer(tw.tw_timer):
        tw.tw_timer.function()


def tcp_twsk_unique(sk: TcpSock, tw: TimewaitSock, *, has_bucket: bool) -> bool:
    """Whether connect() of ``sk`` may take the ends that ``tw`` still has (tcp_ipv4.c). If so, ``sk`` goes on from it.

    With timestamps PAWS tells the two connections apart. ``has_bucket``: bind() chose the port; otherwise
    tcp_tw_reuse decides: 1 everywhere, 2 on the loopback interface only.
    """
    net = sk.net
    reuse = net.sysctl.tcp_tw_reuse if tw.tw_substate != TCP_FIN_WAIT2 else 0
    if reuse == 2:
        reuse = int(any(text.startswith("127.") or text == "::1" for text in (tw.inet_daddr, tw.inet_saddr)))
    old_enough = net.now_ns // 1_000_000 > tw.tw_entry_stamp + net.sysctl.tcp_tw_reuse_delay
    if not tw.tw_ts_recent_stamp or not (has_bucket or (reuse and old_enough)):
        return False
    sk.write_seq = (tw.tw_snd_nxt + 65535 + 2) & 0xFFFFFFFF or 1
    sk.ts_recent, sk.ts_recent_stamp = tw.tw_ts_recent, tw.tw_ts_recent_stamp
    return True
