"""Connections: handshake queues, cookies, closing in every way, keepalive, TIME_WAIT and binding (M19-M24)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from netemu.experiment import bulk, connections, small_writes
from netemu.fidelity.scenario import Scenario, Script
from netemu.fidelity.scenarios.loss import BACK, FORWARD, dropping
from netemu.fidelity.scenarios.sending import PATH

_MS = 1_000_000
Calls = list[list[Any]]


def _listener(backlog: int = 8, name: str = "l", port: int = 5001) -> Calls:
    return [
        [0, "socket", name],
        [None, "setsockopt", name, "SOL_SOCKET", "SO_REUSEADDR", 1],
        [None, "bind", name, "", port],
        [None, "listen", name, backlog],
    ]


def server(calls: Sequence[Sequence[Any]], hold: bool = False) -> Script:
    """A server on h2 that has taken one connection, ``c``."""
    script: list[Sequence[Any]] = [*_listener(), [None, "accept", "l", "c"], *calls]
    return Script("server", "h2", script, stop_ns=20_000 * _MS, hold=hold)


def client(calls: Sequence[Sequence[Any]], hold: bool = False) -> Script:
    """A client on h1 that connects at 10 ms, ``s``."""
    script: list[Sequence[Any]] = [[10 * _MS, "socket", "s"], [None, "connect", "s", "@h2", 5001], *calls]
    return Script("client", "h1", script, stop_ns=20_000 * _MS, hold=hold)


def _connects(count: int, every_ms: int = 50) -> Calls:
    """``count`` non-blocking connects, one each ``every_ms``."""
    calls: Calls = []
    for number in range(count):
        name = f"s{number}"
        calls += [[(10 + every_ms * number) * _MS, "socket", name], [None, "nonblocking", name, True]]
        calls += [[None, "connect", name, "@h2", 5001]]
    return calls


_KEEPALIVE = {"keepalive": True, "keepalive_idle_s": 1, "keepalive_interval_s": 1, "keepalive_count": 3}

CONNECTIONS = (
    Scenario(
        "syn_lost",
        ("M06", "M19"),
        "three SYNs lost",
        (dropping("syn", [1, 2, 3]),),
        (bulk("one", "h1", "h2", size=3000),),
    ),
    Scenario(
        "syn_ack_lost",
        ("M19",),
        "two SYN-ACKs lost: client and server both send again",
        (dropping("syn_ack", [1, 2], BACK),),
        (bulk("one", "h1", "h2", size=3000),),
    ),
    Scenario(
        "syn_ack_timer",
        ("M19",),
        "no SYN-ACK ever arrives: the server backs off",
        (dropping("syn_ack", range(1, 30), BACK),),
        (bulk("one", "h1", "h2", size=3000, stop="9s"),),
    ),
    Scenario(
        "handshake_ack_lost",
        ("M19", "M20"),
        "the handshake's last ACK is lost: data stands for it",
        (dropping("ack", [1]),),
        (client([[200 * _MS, "send", "s", 2000]]), server([[None, "recv", "c", 4000], [None, "recv", "c", 4000]])),
    ),
    Scenario(
        "syn_refused",
        ("M21",),
        "nobody listens: RST",
        (PATH,),
        (Script("client", "h1", [[10 * _MS, "socket", "s"], [None, "connect", "s", "@h2", 5009]]),),
    ),
    Scenario(
        "syn_cookies",
        ("M19",),
        "always SYN cookies (tcp_syncookies 2)",
        (PATH,),
        (bulk("one", "h1", "h2", size=20_000),),
        sysctls={"h2": {"net.ipv4.tcp_syncookies": 2}},
    ),
    Scenario(
        "accept_queue",
        ("M20",),
        "nobody accepts: backlog 1 and five connections",
        (PATH,),
        (
            Script("server", "h2", _listener(1), stop_ns=5000 * _MS, hold=True),
            Script("client", "h1", _connects(5), stop_ns=5000 * _MS, hold=True),
        ),
    ),
    Scenario(
        "accept_queue_abort",
        ("M20",),
        "the same with tcp_abort_on_overflow",
        (PATH,),
        (
            Script("server", "h2", _listener(1), stop_ns=3000 * _MS, hold=True),
            Script("client", "h1", _connects(5), stop_ns=3000 * _MS, hold=True),
        ),
        sysctls={"h2": {"net.ipv4.tcp_abort_on_overflow": 1}},
    ),
    Scenario(
        "half_close",
        ("M21",),
        "SHUT_WR at the client, data still comes back",
        (PATH,),
        (
            client(
                [
                    [None, "send", "s", 3000],
                    [None, "shutdown", "s", "SHUT_WR"],
                    [None, "recv", "s", 9000, "MSG_WAITALL"],
                ]
            ),
            server([[None, "recv", "c", 9000, "MSG_WAITALL"], [300 * _MS, "send", "c", 8000], [None, "close", "c"]]),
        ),
    ),
    Scenario(
        "shutdown_read",
        ("M21",),
        "SHUT_RD at the server: what still arrives, what recv gives",
        (PATH,),
        (
            client([[200 * _MS, "send", "s", 3000], [500 * _MS, "send", "s", 3000]]),
            server(
                [[100 * _MS, "shutdown", "c", "SHUT_RD"], [None, "recv", "c", 1000], [400 * _MS, "recv", "c", 1000]]
            ),
        ),
    ),
    Scenario(
        "close_unread",
        ("M21",),
        "close with unread data sends RST; the client's next calls fail",
        (PATH,),
        (
            client([[None, "send", "s", 5000], [500 * _MS, "send", "s", 100], [None, "recv", "s", 100]]),
            server([[200 * _MS, "recv", "c", 1000], [None, "close", "c"]]),
        ),
    ),
    Scenario(
        "close_then_data",
        ("M21", "M22"),
        "data for a closed socket is answered by RST; then EPIPE",
        (PATH,),
        (
            client([[300 * _MS, "send", "s", 500], [600 * _MS, "send", "s", 500], [None, "send", "s", 500]]),
            server([[100 * _MS, "close", "c"]]),
        ),
    ),
    Scenario(
        "linger_zero",
        ("M21",),
        "SO_LINGER 0: close sends RST",
        (PATH,),
        (
            client(
                [
                    [None, "send", "s", 5000],
                    [None, "setsockopt", "s", "SOL_SOCKET", "SO_LINGER", [1, 0]],
                    [None, "close", "s"],
                ]
            ),
            server([[None, "recv", "c", 2000], [300 * _MS, "recv", "c", 9000]]),
        ),
    ),
    Scenario(
        "linger",
        ("M21",),
        "SO_LINGER of 5 s: close waits until all is acknowledged",
        (PATH,),
        (
            client(
                [
                    [None, "send", "s", 30_000],
                    [None, "setsockopt", "s", "SOL_SOCKET", "SO_LINGER", [1, 5]],
                    [None, "close", "s"],
                ]
            ),
            server([[None, "recv", "c", 40_000, "MSG_WAITALL"]]),
        ),
    ),
    Scenario(
        "simultaneous_close",
        ("M21",),
        "both ends close at the same instant",
        (PATH,),
        (client([[200 * _MS, "close", "s"]]), server([[200 * _MS, "close", "c"]])),
    ),
    Scenario(
        "read_once_and_close",
        ("M25", "M21"),
        "a server that reads once and closes while many small writes come",
        (PATH,),
        (
            small_writes(
                "one",
                "h1",
                "h2",
                size=25,
                count=200,
                gap="2ms",
                sender={"nodelay": True},
                receiver={"stop_after_bytes": 25, "close": "close"},
            ),
        ),
    ),
    Scenario(
        "fin_wait_2",
        ("M21", "M28"),
        "the peer never closes: TCP_LINGER2 ends FIN-WAIT-2, late data meet RST",
        (PATH,),
        (
            client([[None, "setsockopt", "s", "IPPROTO_TCP", "TCP_LINGER2", 2], [100 * _MS, "close", "s"]]),
            server([[None, "recv", "c", 100], [1000 * _MS, "send", "c", 100], [4000 * _MS, "send", "c", 100]]),
        ),
    ),
    Scenario(
        "keepalive",
        ("M23",),
        "probes on an idle connection",
        (PATH,),
        (small_writes("one", "h1", "h2", size=100, count=2, gap="4500ms", sender=_KEEPALIVE),),
    ),
    Scenario(
        "keepalive_dead_peer",
        ("M23",),
        "nobody answers the probes: ETIMEDOUT and RST",
        (dropping("ack", range(3, 100), BACK),),
        (small_writes("one", "h1", "h2", size=100, count=2, gap="12s", sender=_KEEPALIVE),),
    ),
    Scenario(
        "user_timeout",
        ("M06", "M22"),
        "TCP_USER_TIMEOUT ends a connection whose segments are all lost",
        (dropping("data", range(5, 100)),),
        (bulk("one", "h1", "h2", size=40_000, sender={"user_timeout_ms": 2500}),),
    ),
    Scenario(
        "time_wait_reuse",
        ("M24",),
        "the same four-tuple again: TIME_WAIT takes a newer SYN",
        (PATH,),
        (
            Script(
                "client",
                "h1",
                [
                    [10 * _MS, "socket", "a"],
                    [None, "setsockopt", "a", "SOL_SOCKET", "SO_REUSEADDR", 1],
                    [None, "bind", "a", "", 4444],
                    [None, "connect", "a", "@h2", 5001],
                    [None, "send", "a", 1000],
                    [400 * _MS, "close", "a"],
                    [1500 * _MS, "socket", "b"],
                    [None, "setsockopt", "b", "SOL_SOCKET", "SO_REUSEADDR", 1],
                    [None, "bind", "b", "", 4444],
                    [None, "connect", "b", "@h2", 5001],
                    [None, "send", "b", 1000],
                ],
            ),
            Script(
                "server",
                "h2",
                [
                    *_listener(),
                    [None, "accept", "l", "c"],
                    [200 * _MS, "close", "c"],
                    [None, "accept", "l", "d"],
                    [None, "recv", "d", 2000],
                    [None, "recv", "d", 2000],
                ],
            ),
        ),
    ),
    Scenario(
        "time_wait_bind",
        ("M24",),
        "which bind and listen succeed beside listeners, connections and TIME_WAIT",
        (PATH,),
        (
            client([[None, "send", "s", 10], [None, "recv", "s", 10], [None, "close", "s"]]),
            server(
                [
                    [None, "recv", "c", 10],
                    [None, "close", "c"],
                    [None, "socket", "m"],
                    [None, "bind", "m", "", 5001],
                    [None, "close", "l"],
                    [300 * _MS, "bind", "m", "", 5001],
                    [None, "setsockopt", "m", "SOL_SOCKET", "SO_REUSEADDR", 1],
                    [None, "bind", "m", "", 5001],
                    [None, "listen", "m", 4],
                    [None, "socket", "n"],
                    [None, "setsockopt", "n", "SOL_SOCKET", "SO_REUSEADDR", 1],
                    [None, "bind", "n", "@h2", 5001],
                    [None, "listen", "n", 4],
                ]
            ),
        ),
    ),
    Scenario(
        "many_connections",
        ("M19", "M24"),
        "twenty short connections, one after the other",
        (PATH,),
        (connections("one", "h1", "h2", count=20),),
    ),
    Scenario(
        "data_loss_in_handshake",
        ("M19", "M06"),
        "the handshake's ACK and the first data lost",
        ({**PATH, "drops": {FORWARD: [{"kind": "ack", "nth": [1]}, {"kind": "data", "nth": [1]}]}},),
        (bulk("one", "h1", "h2", size=8000),),
    ),
)
