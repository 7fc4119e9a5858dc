"""System calls in every state: options set late, wrong calls, bind's rules, urgent data, datagrams' DF."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from netemu.experiment import bulk, connections, udp_stream
from netemu.fidelity.scenario import Scenario, Script
from netemu.fidelity.scenarios.connections import client, server
from netemu.fidelity.scenarios.loss import BACK, dropping
from netemu.fidelity.scenarios.sending import PATH

_MS = 1_000_000
_IP, _IP_TTL, _IP_MTU_DISCOVER = 0, 2, 10
_LATER = [None, "recv", "c", 200_000, "MSG_WAITALL"]
_HOPS = ({**PATH, "mtu_bytes": 1500}, {**PATH, "mtu_bytes": 1000})


def _set(name: str, level: str | int, option: str | int, value: Any, at_ms: int | None = None) -> list[Any]:
    return [None if at_ms is None else at_ms * _MS, "setsockopt", name, level, option, value]


def _linger(name: str, seconds: int, at_ms: int | None = None) -> list[Any]:
    return _set(name, "SOL_SOCKET", "SO_LINGER", [1, seconds], at_ms)


def _alone(*calls: Sequence[Any], seconds: int = 10) -> Script:
    """Calls on h1 that need no peer's help."""
    return Script("client", "h1", calls, stop_ns=seconds * 1000 * _MS)


def _datagrams(discover: int) -> Script:
    """Three long datagrams on h1 with IP_MTU_DISCOVER ``discover``, over a path that is narrower behind a router."""
    return _alone(
        [10 * _MS, "socket", "u", "udp"],
        _set("u", _IP, _IP_MTU_DISCOVER, discover),
        [None, "connect", "u", "@h2", 6000],
        [None, "send", "u", 2000],
        [100 * _MS, "send", "u", 1400],
        [300 * _MS, "send", "u", 1400],
        [400 * _MS, "send", "u", 900],
    )


_SINK = Script(
    "server",
    "h2",
    [[0, "socket", "u", "udp"], [None, "bind", "u", "", 6000], *([None, "recv", "u", 3000] for _ in range(4))],
    stop_ns=2000 * _MS,
)


def _binds() -> list[list[Any]]:
    """Pairs of sockets on one port: any or one address, SO_REUSEADDR or not, listening or not; in both orders."""
    calls: list[list[Any]] = []
    port = 7000
    for first, second in (("", ""), ("@h1", ""), ("", "@h1"), ("127.0.0.1", "@h1")):
        for reuse in ((), ("x",), ("y",), ("x", "y")):
            for listening in (False, True):
                port += 1
                calls += [[None, "socket", "x"], [None, "socket", "y"]]
                calls += [_set(name, "SOL_SOCKET", "SO_REUSEADDR", 1) for name in reuse]
                calls += [[None, "bind", "x", first, port]]
                calls += [[None, "listen", "x", 1]] if listening else []
                calls += [[None, "bind", "y", second, port], [None, "listen", "y", 1]]
                calls += [[None, "close", "x"], [None, "close", "y"]]
    return calls


SOCKET_CALLS = (
    Scenario(
        "urgent_data", ("M14", "M21"), "MSG_OOB: the pointer, the byte apart, and reading around it", (PATH,),
        (client([[None, "send", "s", 1000], [None, "send", "s", 3, "MSG_OOB"], [100 * _MS, "send", "s", 500],
                 [300 * _MS, "send", "s", 1, "MSG_OOB"], [None, "send", "s", 1, "MSG_OOB"]]),
         server([[200 * _MS, "recv", "c", 10_000], [None, "recv", "c", 1, "MSG_OOB"], [None, "recv", "c", 10_000],
                 [None, "recv", "c", 1, "MSG_OOB"], [500 * _MS, "recv", "c", 10_000],
                 [None, "recv", "c", 1, "MSG_OOB", "MSG_PEEK"], [None, "recv", "c", 1, "MSG_OOB"]])),
    ),
    Scenario(
        "urgent_data_inline", ("M14",), "SO_OOBINLINE: the byte stays in the stream", (PATH,),
        (client([[None, "send", "s", 1000], [None, "send", "s", 3, "MSG_OOB"], [100 * _MS, "send", "s", 500]]),
         server([_set("c", "SOL_SOCKET", "SO_OOBINLINE", 1), [200 * _MS, "recv", "c", 10_000],
                 [None, "recv", "c", 1, "MSG_OOB"], [None, "recv", "c", 10_000], [400 * _MS, "recv", "c", 10_000]])),
    ),
    Scenario(
        "congestion_switched", ("M05", "M07"), "TCP_CONGESTION in the middle of a transfer with losses",
        (dropping("new_data", [40, 90]),),
        (client([[None, "send", "s", 80_000], _set("s", "IPPROTO_TCP", "TCP_CONGESTION", "reno", 150),
                 [None, "send", "s", 80_000], _set("s", "IPPROTO_TCP", "TCP_CONGESTION", "bic"),
                 [None, "send", "s", 80_000], _set("s", "IPPROTO_TCP", "TCP_CONGESTION", "cubic"),
                 [None, "send", "s", 80_000], [None, "close", "s"]]),
         server([_LATER, _LATER])),
    ),
    Scenario(
        "sndbuf_set_late", ("M02",), "SO_SNDBUF smaller, then larger, while a writer waits", (PATH,),
        (client([[None, "send", "s", 100_000], _set("s", "SOL_SOCKET", "SO_SNDBUF", 5000), [None, "send", "s", 40_000],
                 _set("s", "SOL_SOCKET", "SO_SNDBUF", 60_000), [None, "send", "s", 100_000], [None, "close", "s"]]),
         server([_LATER, _LATER])),
    ),
    Scenario(
        "rcvbuf_set_late", ("M15", "M16"), "SO_RCVBUF smaller, then larger, in the middle of a transfer", (PATH,),
        (client([[None, "send", "s", 250_000], [None, "close", "s"]]),
         server([[80 * _MS, "recv", "c", 20_000], _set("c", "SOL_SOCKET", "SO_RCVBUF", 4000),
                 [500 * _MS, "recv", "c", 100_000, "MSG_WAITALL"], _set("c", "SOL_SOCKET", "SO_RCVBUF", 120_000),
                 _LATER])),
    ),
    Scenario(
        "nodelay_pushes", ("M04",), "TCP_NODELAY set while Nagle holds a segment, with TCP_CORK, then off", (PATH,),
        (client([[None, "send", "s", 100], [None, "send", "s", 100], _set("s", "IPPROTO_TCP", "TCP_NODELAY", 1, 20),
                 [None, "send", "s", 50], _set("s", "IPPROTO_TCP", "TCP_CORK", 1), [None, "send", "s", 60],
                 _set("s", "IPPROTO_TCP", "TCP_NODELAY", 0), _set("s", "IPPROTO_TCP", "TCP_CORK", 0),
                 [None, "send", "s", 70], [None, "send", "s", 80]]),
         server([_LATER])),
    ),
    Scenario(
        "reading_flags", ("M14",), "MSG_PEEK, MSG_WAITALL, MSG_TRUNC and SO_RCVLOWAT in pairs", (PATH,),
        (client([[None, "send", "s", 4000], [200 * _MS, "send", "s", 4000], [400 * _MS, "send", "s", 9000],
                 [600 * _MS, "shutdown", "s", "SHUT_WR"]]),
         server([[None, "recv", "c", 6000, "MSG_PEEK", "MSG_WAITALL"],
                 [None, "recv", "c", 3000, "MSG_PEEK", "MSG_TRUNC"],
                 [None, "recv", "c", 3000, "MSG_TRUNC", "MSG_WAITALL"],
                 _set("c", "SOL_SOCKET", "SO_RCVLOWAT", 7000), [None, "recv", "c", 9000],
                 [None, "recv", "c", 100, "MSG_DONTWAIT"], _set("c", "SOL_SOCKET", "SO_RCVTIMEO", "100ms"),
                 [None, "recv", "c", 20_000, "MSG_WAITALL", "MSG_PEEK"], [None, "recv", "c", 20_000, "MSG_WAITALL"],
                 [None, "recv", "c", 0], [None, "recv", "c", 10]])),
    ),
    Scenario(
        "sending_timeout", ("M02", "M15"), "SO_SNDTIMEO: a short count, then EAGAIN, then all of it", (PATH,),
        (client([_set("s", "SOL_SOCKET", "SO_SNDTIMEO", "150ms"), _set("s", "SOL_SOCKET", "SO_SNDBUF", 10_000),
                 [None, "send", "s", 200_000], [None, "send", "s", 50_000], [3000 * _MS, "send", "s", 8000]]),
         server([_set("c", "SOL_SOCKET", "SO_RCVBUF", 8000), [2000 * _MS, "recv", "c", 200_000, "MSG_WAITALL"]])),
    ),
    Scenario(
        "connect_nonblocking", ("M19", "M21"), "EINPROGRESS, EALREADY, EISCONN; ECONNREFUSED by SO_ERROR", (PATH,),
        (_alone([10 * _MS, "socket", "s"], [None, "nonblocking", "s", True], [None, "connect", "s", "@h2", 5001],
                [None, "connect", "s", "@h2", 5001], [None, "send", "s", 10], [None, "recv", "s", 10],
                [None, "wait", "s", "EPOLLOUT", 1000], [None, "getsockopt", "s", "SOL_SOCKET", "SO_ERROR"],
                [None, "connect", "s", "@h2", 5001], [None, "connect", "s", "@h2", 5001], [None, "send", "s", 10],
                [300 * _MS, "socket", "t"], [None, "nonblocking", "t", True], [None, "connect", "t", "@h2", 5999],
                [None, "wait", "t", "EPOLLOUT", 1000], [None, "connect", "t", "@h2", 5999],
                [None, "connect", "t", "@h2", 5001], [None, "wait", "t", "EPOLLIN|EPOLLOUT", 200],
                [None, "getsockopt", "t", "SOL_SOCKET", "SO_ERROR"]),
         server([[None, "recv", "c", 100], [None, "accept", "l", "d"]])),
    ),
    Scenario(
        "wrong_calls", ("M21", "M24"), "calls that a socket's state forbids, each with its errno", (PATH,),
        (_alone([10 * _MS, "socket", "s"], [None, "send", "s", 10], [None, "recv", "s", 10],
                [None, "shutdown", "s", "SHUT_WR"], [None, "accept", "s", "n"], [None, "bind", "s", "192.0.2.9", 5000],
                [None, "bind", "s", "", 5000], [None, "bind", "s", "", 5002], [None, "listen", "s", 1],
                [None, "listen", "s", 3], [None, "connect", "s", "@h2", 5001], [None, "recv", "s", 10],
                [None, "send", "s", 10], [None, "shutdown", "s", "SHUT_RD"], [None, "close", "s"],
                [None, "socket", "t"], [None, "connect", "t", "@h2", 5001], [None, "bind", "t", "", 5003],
                [None, "listen", "t", 1], [None, "accept", "t", "n"], [None, "shutdown", "t", "SHUT_WR"],
                [None, "shutdown", "t", "SHUT_WR"], [None, "send", "t", 10], [None, "shutdown", "t", "SHUT_RD"],
                [None, "recv", "t", 10], [400 * _MS, "shutdown", "t", "SHUT_RDWR"], [None, "close", "t"],
                [None, "socket", "v"], [None, "connect", "v", "@h2", 0], [None, "connect", "v", "255.255.255.255", 80],
                [None, "connect", "v", "224.0.0.1", 80], [None, "connect", "v", "192.0.2.1", 80]),
         server([[None, "recv", "c", 10], [None, "recv", "c", 10], [300 * _MS, "close", "c"]])),
    ),
    Scenario(
        "bind_rules", ("M24",), "which pairs of bind() and listen() on one port succeed", (PATH,),
        (_alone([10 * _MS, "socket", "s"], [None, "connect", "s", "@h2", 5001], *_binds(), [500 * _MS, "close", "s"]),
         server([[None, "recv", "c", 10]])),
    ),
    Scenario(
        "aborted_before_accept", ("M20", "M21"), "reset while it waits in the accept queue, with data and without",
        (PATH,),
        (_alone([10 * _MS, "socket", "s"], [None, "connect", "s", "@h2", 5001], [None, "send", "s", 1000],
                _linger("s", 0, 100), [None, "close", "s"], [None, "socket", "t"], [None, "connect", "t", "@h2", 5001],
                _linger("t", 0, 300), [None, "close", "t"]),
         Script("server", "h2", [
             [0, "socket", "l"], [None, "bind", "l", "", 5001], [None, "listen", "l", 5],
             [600 * _MS, "accept", "l", "c"], [None, "recv", "c", 2000], [None, "recv", "c", 2000],
             [None, "send", "c", 10], [None, "accept", "l", "d"], [None, "send", "d", 10], [None, "recv", "d", 10],
         ], stop_ns=3000 * _MS)),
    ),
    Scenario(
        "linger_zero_states", ("M21",), "SO_LINGER 0 in SYN-SENT, FIN-WAIT-2, CLOSE-WAIT and of a listener", (PATH,),
        (_alone([10 * _MS, "socket", "a"], [None, "nonblocking", "a", True], [None, "connect", "a", "@h2", 5001],
                _linger("a", 0), [None, "close", "a"],
                [200 * _MS, "socket", "b"], [None, "connect", "b", "@h2", 5001], [None, "shutdown", "b", "SHUT_WR"],
                _linger("b", 0, 400), [None, "close", "b"],
                [600 * _MS, "socket", "d"], [None, "connect", "d", "@h2", 5001], [1000 * _MS, "recv", "d", 10],
                _linger("d", 0), [None, "close", "d"],
                [1200 * _MS, "socket", "e"], [None, "connect", "e", "@h2", 5001], [1800 * _MS, "recv", "e", 10]),
         server([[None, "recv", "c", 10], [None, "accept", "l", "m"], [None, "recv", "m", 10], [None, "recv", "m", 10],
                 [None, "accept", "l", "n"], [800 * _MS, "shutdown", "n", "SHUT_WR"], [None, "recv", "n", 10],
                 _linger("l", 0, 1500), [None, "close", "l"]])),
    ),
    Scenario(
        "linger_more", ("M21",), "SO_LINGER of 3 s: non-blocking, after SHUT_WR, with data unread", (PATH,),
        (_alone([10 * _MS, "socket", "a"], [None, "connect", "a", "@h2", 5001], _linger("a", 3),
                [None, "nonblocking", "a", True], [None, "send", "a", 30_000], [None, "close", "a"],
                [300 * _MS, "socket", "b"], [None, "connect", "b", "@h2", 5001], _linger("b", 3),
                [None, "send", "b", 20_000], [None, "shutdown", "b", "SHUT_WR"], [None, "close", "b"],
                [900 * _MS, "socket", "d"], [None, "connect", "d", "@h2", 5001], _linger("d", 3),
                [1300 * _MS, "send", "d", 100], [None, "close", "d"], seconds=15),
         server([_LATER, [None, "close", "c"], [None, "accept", "l", "m"], [None, "recv", "m", 90_000, "MSG_WAITALL"],
                 [None, "close", "m"], [None, "accept", "l", "n"], [None, "send", "n", 500],
                 [1500 * _MS, "recv", "n", 200], [None, "recv", "n", 200]])),
    ),
    Scenario(
        "syn_user_timeout", ("M06", "M19"), "TCP_USER_TIMEOUT ends connect()", (dropping("syn", range(1, 30)),),
        (_alone([10 * _MS, "socket", "s"], _set("s", "IPPROTO_TCP", "TCP_USER_TIMEOUT", 3500),
                [None, "connect", "s", "@h2", 5001], [None, "connect", "s", "@h2", 5001], seconds=20),),
    ),
    Scenario(
        "time_to_live", ("M06", "M21"), "IP_TTL 1 behind a router: ICMP, and EHOSTUNREACH in the end", (PATH, PATH),
        (_alone([10 * _MS, "socket", "s"], _set("s", _IP, _IP_TTL, 1), _set("s", "IPPROTO_TCP", "TCP_SYNCNT", 1),
                [None, "connect", "s", "@h2", 5001], [None, "socket", "t"],
                [None, "connect", "t", "@h2", 5001], _set("t", _IP, _IP_TTL, 1),
                _set("t", "IPPROTO_TCP", "TCP_USER_TIMEOUT", 2000), [None, "send", "t", 1000],
                [8000 * _MS, "send", "t", 10], [None, "send", "t", 10], seconds=25),
         server([[None, "recv", "c", 10]])),
    ),
    Scenario("udp_dont_fragment", ("M08", "M18"), "IP_PMTUDISC_DO: EMSGSIZE, from here and from the way", _HOPS,
             (_datagrams(2), _SINK)),
    Scenario("udp_fragment_on_the_way", ("M08", "M18"), "IP_PMTUDISC_DONT: a router cuts", _HOPS,
             (_datagrams(0), _SINK)),
    Scenario("udp_want", ("M08", "M18"), "IP_PMTUDISC_WANT: DF until the path's MTU is known, then fragments", _HOPS,
             (_datagrams(1), _SINK)),
    Scenario("udp_probe", ("M08", "M18"), "IP_PMTUDISC_PROBE: DF always, and no memory of the path's MTU", _HOPS,
             (_datagrams(3), _SINK)),
    Scenario("udp_fragments_ipv6", ("M08", "M18"), "datagrams of 4000 bytes over IPv6", (PATH,),
             (udp_stream("one", "h1", "h2", rate_bps=2_000_000, size=4000, count=20, stop="3s", family=6),)),
    Scenario("connections_ipv6", ("M19", "M24"), "cookies and short connections over IPv6", (PATH,),
             (connections("one", "h1", "h2", count=5, family=6),), {"h2": {"net.ipv4.tcp_syncookies": 2}}),
    Scenario("mss_least", ("M08",), "TCP_MAXSEG of 88, the least there is, and losses",
             (dropping("new_data", [20, 25, 60]),), (bulk("one", "h1", "h2", size=20_000, sender={"mss_bytes": 88}),)),
    Scenario("paced", ("M05", "M02"), "SO_MAX_PACING_RATE of 200 kB/s, and a loss", (dropping("new_data", [40]),),
             (bulk("one", "h1", "h2", size=150_000, sender={"setsockopt": [[1, 47, 200_000]]}),)),
    Scenario("acks_lost_at_close", ("M21", "M22"), "both sides close and every second ACK is lost",
             (dropping("ack", range(2, 40, 2), BACK),),
             (client([[None, "send", "s", 20_000], [None, "shutdown", "s", "SHUT_WR"], [None, "recv", "s", 100],
                      [None, "close", "s"]]),
              server([_LATER, [None, "send", "c", 50], [None, "close", "c"]]))),
)  # fmt: skip
