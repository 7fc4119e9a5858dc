"""More of connections: opening from both sides, full queues, deferral, errors of the path (M08, M19-M24)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from netemu.experiment import bulk
from netemu.fidelity.scenario import Scenario, Script
from netemu.fidelity.scenarios.loss import BACK, FORWARD, dropping
from netemu.fidelity.scenarios.sending import PATH

_MS = 1_000_000
Calls = Sequence[Sequence[Any]]
_REUSE = ["setsockopt", "SOL_SOCKET", "SO_REUSEADDR", 1]


def _listen(backlog: int = 8, *options: Sequence[Any]) -> list[Sequence[Any]]:
    """A listening socket ``l`` with ``options`` (level, option, value)."""
    return [
        [0, "socket", "l"],
        [None, "setsockopt", "l", "SOL_SOCKET", "SO_REUSEADDR", 1],
        *[[None, "setsockopt", "l", *option] for option in options],
        [None, "bind", "l", "", 5001],
        [None, "listen", "l", backlog],
    ]


def _server(calls: Calls, *options: Sequence[Any], backlog: int = 8, seconds: int = 20) -> Script:
    return Script("server", "h2", [*_listen(backlog, *options), *calls], stop_ns=seconds * 1000 * _MS)


def _client(calls: Calls, *, seconds: int = 20, hold: bool = False) -> Script:
    return Script("client", "h1", [[10 * _MS, "socket", "s"], *calls], stop_ns=seconds * 1000 * _MS, hold=hold)


def _at_once(count: int) -> list[Sequence[Any]]:
    """``count`` non-blocking connects at 10 ms, all at one instant."""
    calls: list[Sequence[Any]] = []
    for number in range(count):
        calls += [[10 * _MS, "socket", f"s{number}"], [None, "nonblocking", f"s{number}", True]]
        calls += [[None, "connect", f"s{number}", "@h2", 5001]]
    return calls


_CONNECT = [None, "connect", "s", "@h2", 5001]

OPENING = (
    Scenario(
        "open_both_ways",
        ("M19",),
        "both ends connect to each other at the same instant",
        (PATH,),
        (
            Script(
                "one", "h1",
                [[0, "socket", "s"], [None, "bind", "s", "", 7000], [100 * _MS, "connect", "s", "@h2", 7001],
                 [None, "send", "s", 3000], [None, "recv", "s", 2000], [900 * _MS, "close", "s"]],
            ),
            Script(
                "two", "h2",
                [[0, "socket", "s"], [None, "bind", "s", "", 7001], [100 * _MS, "connect", "s", "@h1", 7000],
                 [None, "send", "s", 2000], [None, "recv", "s", 3000], [900 * _MS, "close", "s"]],
            ),
        ),
    ),
    Scenario(
        "crossing_syns",
        ("M19", "M06"),
        "the second end connects while the first one's SYN is on its way",
        (PATH,),
        (
            Script(
                "one", "h1",
                [[0, "socket", "s"], [None, "bind", "s", "", 7000], [100 * _MS, "connect", "s", "@h2", 7001],
                 [None, "send", "s", 1000]],
            ),
            Script(
                "two", "h2",
                [[0, "socket", "s"], [None, "bind", "s", "", 7001], [110 * _MS, "connect", "s", "@h1", 7000],
                 [None, "recv", "s", 1000]],
            ),
        ),
    ),
    Scenario(
        "syn_queue_full",
        ("M19",),
        "six SYNs at once and a backlog of 2, without cookies",
        (PATH,),
        (_server([[3000 * _MS, "accept", "l", "c"]], backlog=2, seconds=6),
         Script("client", "h1", _at_once(6), stop_ns=6000 * _MS, hold=True)),
        sysctls={"h2": {"net.ipv4.tcp_syncookies": 0}},
    ),
    Scenario(
        "syn_queue_cookies",
        ("M19",),
        "six SYNs at once and a backlog of 2: cookies for those that do not fit",
        (PATH,),
        (_server([[3000 * _MS, "accept", "l", "c"]], backlog=2, seconds=6),
         Script("client", "h1", _at_once(6), stop_ns=6000 * _MS, hold=True)),
    ),
    Scenario(
        "backlog_zero",
        ("M20",),
        "listen(0): each SYN meets a full SYN queue, one connection fits",
        (PATH,),
        (_server([[2500 * _MS, "accept", "l", "c"], [None, "accept", "l", "d"]], backlog=0, seconds=6),
         Script("client", "h1", _at_once(3), stop_ns=6000 * _MS, hold=True)),
    ),
    Scenario(
        "cookies_plain",
        ("M19",),
        "cookies without timestamps: options are lost, the MSS is one of four",
        (PATH,),
        (bulk("one", "h1", "h2", size=20_000),),
        sysctls={"h2": {"net.ipv4.tcp_syncookies": 2}, "h1": {"net.ipv4.tcp_timestamps": 0}},
    ),
    Scenario(
        "cookies_ack_lost",
        ("M19",),
        "a cookie's ACK is lost: nothing remembers the connection, data brings it back",
        (dropping("ack", [1]),),
        (_client([_CONNECT, [300 * _MS, "send", "s", 2000]]),
         _server([[None, "accept", "l", "c"], [None, "recv", "c", 4000]])),
        sysctls={"h2": {"net.ipv4.tcp_syncookies": 2}},
    ),
    Scenario(
        "defer_accept_waits",
        ("M19", "M20"),
        "TCP_DEFER_ACCEPT: the bare ACK is dropped, the SYN-ACK comes again, data is accepted",
        (PATH,),
        (_client([_CONNECT, [2500 * _MS, "send", "s", 500], [None, "recv", "s", 100]]),
         _server([[None, "accept", "l", "c"], [None, "recv", "c", 1000], [None, "send", "c", 100]],
                 ["IPPROTO_TCP", "TCP_DEFER_ACCEPT", 5])),
    ),
    Scenario(
        "connect_again",
        ("M19", "M06"),
        "nobody answers: TCP_SYNCNT 2 ends connect() with ETIMEDOUT, and the next attempt succeeds",
        (dropping("syn", range(1, 7)),),
        (_client([[None, "setsockopt", "s", "IPPROTO_TCP", "TCP_SYNCNT", 2], _CONNECT, _CONNECT,
                  [None, "send", "s", 10]]),
         _server([[None, "accept", "l", "c"], [None, "recv", "c", 10]])),
    ),
    Scenario(
        "connect_sndtimeo",
        ("M19",),
        "SO_SNDTIMEO ends connect() with EINPROGRESS; the handshake goes on",
        ({**PATH, "delay": "300ms"},),
        (_client([[None, "setsockopt", "s", "SOL_SOCKET", "SO_SNDTIMEO", "200ms"], _CONNECT, _CONNECT,
                  [2000 * _MS, "connect", "s", "@h2", 5001], [None, "connect", "s", "@h2", 5001],
                  [None, "send", "s", 100]]),
         _server([[None, "accept", "l", "c"], [None, "recv", "c", 100]])),
    ),
    Scenario(
        "listener_closed",
        ("M20", "M21"),
        "the listener is closed with a connection nobody accepted and one half open",
        (dropping("ack", [2]),),
        (_server([[1000 * _MS, "close", "l"]], seconds=5),
         Script("client", "h1", [
             [10 * _MS, "socket", "s"], _CONNECT, [200 * _MS, "socket", "t"], [None, "connect", "t", "@h2", 5001],
             [1500 * _MS, "send", "s", 100], [None, "recv", "s", 10], [None, "send", "t", 100], [None, "recv", "t", 10],
         ], stop_ns=5000 * _MS)),
    ),
    Scenario(
        "reset_with_data_queued",
        ("M21", "M22"),
        "the peer resets while the writer still has data in flight and queued",
        (PATH,),
        (_client([_CONNECT, [None, "send", "s", 60_000], [None, "send", "s", 60_000], [600 * _MS, "send", "s", 10],
                  [None, "recv", "s", 10], [None, "getsockopt", "s", "SOL_SOCKET", "SO_ERROR"]]),
         _server([[None, "accept", "l", "c"], [150 * _MS, "setsockopt", "c", "SOL_SOCKET", "SO_LINGER", [1, 0]],
                  [None, "close", "c"]])),
    ),
    Scenario(
        "shut_both",
        ("M21",),
        "SHUT_RDWR at the client while the server sends",
        (PATH,),
        (_client([_CONNECT, [None, "send", "s", 1000], [100 * _MS, "shutdown", "s", "SHUT_RDWR"],
                  [None, "recv", "s", 100], [None, "send", "s", 10], [800 * _MS, "recv", "s", 10_000],
                  [1000 * _MS, "close", "s"]]),
         _server([[None, "accept", "l", "c"], [200 * _MS, "send", "c", 3000], [500 * _MS, "send", "c", 3000],
                  [None, "recv", "c", 2000], [None, "recv", "c", 10]])),
    ),
    Scenario(
        "close_with_send_queue",
        ("M21", "M15"),
        "close() with more queued than the window takes: the kernel delivers it as an orphan",
        (PATH,),
        (_client([_CONNECT, [None, "setsockopt", "s", "SOL_SOCKET", "SO_SNDBUF", 120_000], [None, "send", "s", 150_000],
                  [None, "close", "s"]]),
         _server([[None, "accept", "l", "c"], [1500 * _MS, "recv", "c", 200_000, "MSG_WAITALL"],
                  [None, "recv", "c", 10]],
                 ["SOL_SOCKET", "SO_RCVBUF", 10_000])),
    ),
    Scenario(
        "linger_times_out",
        ("M21",),
        "SO_LINGER of 1 s and ACKs that do not come: close() returns, the connection goes on",
        ({**PATH, "drops": {FORWARD: [{"kind": "data", "nth": list(range(3, 7))}]}},),
        (_client([_CONNECT, [None, "send", "s", 5000], [None, "setsockopt", "s", "SOL_SOCKET", "SO_LINGER", [1, 1]],
                  [None, "close", "s"]]),
         _server([[None, "accept", "l", "c"], [None, "recv", "c", 5000, "MSG_WAITALL"], [None, "recv", "c", 10]])),
    ),
    Scenario(
        "linger2_negative",
        ("M21", "M28"),
        "TCP_LINGER2 -1: close() in FIN-WAIT-2 resets",
        (PATH,),
        (_client([_CONNECT, [None, "setsockopt", "s", "IPPROTO_TCP", "TCP_LINGER2", -1],
                  [100 * _MS, "shutdown", "s", "SHUT_WR"], [300 * _MS, "close", "s"]]),
         _server([[None, "accept", "l", "c"], [None, "recv", "c", 10], [600 * _MS, "send", "c", 10]])),
    ),
    Scenario(
        "fin_wait_2_data",
        ("M21",),
        "data for a socket closed in FIN-WAIT-2 is reset, and so is the peer's FIN after it",
        (PATH,),
        (_client([_CONNECT, [100 * _MS, "close", "s"]]),
         _server([[None, "accept", "l", "c"], [None, "recv", "c", 10], [400 * _MS, "send", "c", 2000],
                  [700 * _MS, "send", "c", 10], [None, "recv", "c", 10]])),
    ),
    Scenario(
        "last_fin_lost",
        ("M21", "M24"),
        "the passive closer's FIN is lost twice, and TIME_WAIT answers the third after its ACK was lost",
        ({**PATH, "drops": {BACK: [{"kind": "fin", "nth": [1, 2]}], FORWARD: [{"kind": "ack", "nth": [3]}]}},),
        (_client([_CONNECT, [None, "send", "s", 100], [200 * _MS, "close", "s"]]),
         _server([[None, "accept", "l", "c"], [None, "recv", "c", 100], [None, "recv", "c", 100],
                  [None, "close", "c"]])),
    ),
    Scenario(
        "keepalive_reset",
        ("M23", "M21"),
        "a keepalive probe meets a host whose connection is gone",
        (dropping("rst", [1], BACK),),
        (_client([[None, "setsockopt", "s", "SOL_SOCKET", "SO_KEEPALIVE", 1],
                  [None, "setsockopt", "s", "IPPROTO_TCP", "TCP_KEEPIDLE", 2], _CONNECT, [None, "recv", "s", 10],
                  [None, "send", "s", 10]]),
         _server([[None, "accept", "l", "c"], [500 * _MS, "setsockopt", "c", "SOL_SOCKET", "SO_LINGER", [1, 0]],
                  [None, "close", "c"]])),
    ),
    Scenario(
        "keepalive_user_timeout",
        ("M23",),
        "TCP_USER_TIMEOUT instead of a number of probes",
        (dropping("ack", range(2, 100), BACK),),
        (_client([[None, "setsockopt", "s", "SOL_SOCKET", "SO_KEEPALIVE", 1],
                  [None, "setsockopt", "s", "IPPROTO_TCP", "TCP_KEEPIDLE", 1],
                  [None, "setsockopt", "s", "IPPROTO_TCP", "TCP_KEEPINTVL", 1],
                  [None, "setsockopt", "s", "IPPROTO_TCP", "TCP_USER_TIMEOUT", 3500], _CONNECT,
                  [None, "send", "s", 10], [None, "recv", "s", 10]]),
         _server([[None, "accept", "l", "c"], [None, "recv", "c", 10], [12_000 * _MS, "close", "c"]])),
    ),
    Scenario(
        "tw_reuse",
        ("M24",),
        "tcp_tw_reuse 1: one port, five connections a second and a half apart",
        (PATH,),
        (
            Script("client", "h1", [
                item
                for number in range(5)
                for item in (
                    [(10 + 1500 * number) * _MS, "socket", f"s{number}"],
                    [None, "connect", f"s{number}", "@h2", 5001],
                    [None, "send", f"s{number}", 10],
                    [None, "close", f"s{number}"],
                )
            ]),
            _server([item for number in range(5) for item in (
                [None, "accept", "l", f"c{number}"], [None, "recv", f"c{number}", 20], [None, "recv", f"c{number}", 20],
                [None, "close", f"c{number}"],
            )]),
        ),
        sysctls={"h1": {"net.ipv4.tcp_tw_reuse": 1, "net.ipv4.ip_local_port_range": "40000 40000"}},
    ),
    Scenario(
        "udp_refused",
        ("M18",),
        "datagrams for a port that nobody has: ICMP, ECONNREFUSED for the connected socket",
        (PATH,),
        (Script("client", "h1", [
            [10 * _MS, "socket", "u", "udp"], [None, "connect", "u", "@h2", 9999], [None, "send", "u", 100],
            [100 * _MS, "send", "u", 100], [None, "send", "u", 100], [300 * _MS, "recv", "u", 10],
            [None, "send", "u", 1200], [400 * _MS, "send", "u", 10], [500 * _MS, "send", "u", 10],
        ]),),
    ),
    Scenario(
        "no_route_beyond",
        ("M08", "M21"),
        "a router without a route answers, and connect() fails at once",
        (PATH, PATH),
        (Script("client", "h1", [
            [10 * _MS, "socket", "s"], [None, "connect", "s", "203.0.113.9", 5001],
            [None, "connect", "s", "203.0.113.9", 5001],
        ]),),
    ),
    Scenario(
        "pmtu_during_handshake",
        ("M08",),
        "a path MTU below what the SYNs announced, and data in both directions",
        ({**PATH, "mtu_bytes": 1500}, {**PATH, "mtu_bytes": 1000}, {**PATH, "mtu_bytes": 1500}),
        (_client([_CONNECT, [None, "send", "s", 8000], [None, "recv", "s", 8000, "MSG_WAITALL"]]),
         _server([[None, "accept", "l", "c"], [None, "recv", "c", 8000, "MSG_WAITALL"], [None, "send", "c", 8000]])),
    ),
    Scenario(
        "pmtu_below_least",
        ("M08",),
        "a router's MTU of 520 is below min_pmtu: segments of 552 without DF, cut on the way",
        ({**PATH, "mtu_bytes": 1500}, {**PATH, "mtu_bytes": 520}),
        (_client([_CONNECT, [None, "send", "s", 6000]]),
         _server([[None, "accept", "l", "c"], [None, "recv", "c", 6000, "MSG_WAITALL"]])),
    ),
)  # fmt: skip
