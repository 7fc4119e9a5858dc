"""Corners: options and calls that few programs use, and what UDP does at its limits (M14, M18, M19, M21, M24)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from netemu.experiment import bulk
from netemu.fidelity.scenario import Scenario, Script
from netemu.fidelity.scenarios.connections import client, server
from netemu.fidelity.scenarios.loss import BACK, FORWARD, dropping
from netemu.fidelity.scenarios.sending import PATH

_MS = 1_000_000
_LATER = [None, "recv", "c", 100_000, "MSG_WAITALL"]


def _option(name: str, level: str, option: str, value: Any) -> list[Any]:
    return [None, "setsockopt", name, level, option, value]


def _udp(sends: Sequence[Sequence[Any]], receives: Sequence[Sequence[Any]]) -> tuple[Script, Script]:
    """A connected sender on h1, and a receiver on h2 at port 6000, whose sockets are ``u``."""
    connect: list[Sequence[Any]] = [[20 * _MS, "socket", "u", "udp"], [None, "connect", "u", "@h2", 6000]]
    bind: list[Sequence[Any]] = [[0, "socket", "u", "udp"], [None, "bind", "u", "", 6000]]
    stop_ns = 3000 * _MS
    return (
        Script("client", "h1", [*connect, *sends], stop_ns=stop_ns),
        Script("server", "h2", [*bind, *receives], stop_ns=stop_ns),
    )


CORNERS = (
    Scenario(
        "more_to_come",
        ("M04", "M01"),
        "MSG_MORE holds a partial segment until the write without it",
        (PATH,),
        (
            client(
                [
                    [None, "send", "s", 700, "MSG_MORE"],
                    [80 * _MS, "send", "s", 700, "MSG_MORE"],
                    [150 * _MS, "send", "s", 200],
                ]
            ),
            server([_LATER]),
        ),
    ),
    Scenario(
        "more_never_comes",
        ("M04",),
        "MSG_MORE and nothing after it: the probe timer sends",
        (PATH,),
        (client([[None, "send", "s", 700, "MSG_MORE"], [1500 * _MS, "send", "s", 100]]), server([_LATER])),
    ),
    Scenario(
        "cork_taken_off",
        ("M04",),
        "TCP_CORK set, and taken off with data waiting",
        (PATH,),
        (
            client(
                [
                    _option("s", "IPPROTO_TCP", "TCP_CORK", 1),
                    [None, "send", "s", 2000],
                    [None, "send", "s", 300],
                    [100 * _MS, *_option("s", "IPPROTO_TCP", "TCP_CORK", 0)[1:]],
                ]
            ),
            server([_LATER]),
        ),
    ),
    Scenario(
        "quickack_off",
        ("M17",),
        "TCP_QUICKACK 0: delayed ACKs from the start",
        (PATH,),
        (
            client([[None, "send", "s", 100], [200 * _MS, "send", "s", 100], [400 * _MS, "send", "s", 100]]),
            server([_option("c", "IPPROTO_TCP", "TCP_QUICKACK", 0), [None, "recv", "c", 100], _LATER]),
        ),
    ),
    Scenario(
        "window_clamp",
        ("M16",),
        "TCP_WINDOW_CLAMP of 6000 on the receiver",
        (PATH,),
        (
            client([[None, "send", "s", 60_000]]),
            server([_option("c", "IPPROTO_TCP", "TCP_WINDOW_CLAMP", 6000), _LATER]),
        ),
    ),
    Scenario(
        "notsent_lowat",
        ("M02",),
        "TCP_NOTSENT_LOWAT: writable again only when little is unsent",
        (PATH,),
        (
            client(
                [
                    _option("s", "IPPROTO_TCP", "TCP_NOTSENT_LOWAT", 10_000),
                    [None, "send", "s", 60_000],
                    [None, "wait", "s", "EPOLLOUT", 2000],
                    [None, "send", "s", 20_000],
                ]
            ),
            server([_LATER]),
        ),
    ),
    Scenario(
        "defer_accept",
        ("M20",),
        "TCP_DEFER_ACCEPT: the handshake's ACK wakes nobody, data does",
        (PATH,),
        (
            client([[600 * _MS, "send", "s", 500]]),
            Script(
                "server",
                "h2",
                [
                    [0, "socket", "l"],
                    _option("l", "SOL_SOCKET", "SO_REUSEADDR", 1),
                    _option("l", "IPPROTO_TCP", "TCP_DEFER_ACCEPT", 3),
                    [None, "bind", "l", "", 5001],
                    [None, "listen", "l", 4],
                    [None, "accept", "l", "c"],
                    [None, "recv", "c", 1000],
                ],
                stop_ns=20_000 * _MS,
            ),
        ),
    ),
    Scenario(
        "simultaneous_open",
        ("M19",),
        "both ends connect to each other at the same instant",
        (PATH,),
        tuple(
            Script(
                name,
                host,
                [
                    [50 * _MS, "socket", "s"],
                    [None, "bind", "s", "", port],
                    [100 * _MS, "connect", "s", peer, 9000 - port],
                    [None, "send", "s", 2000],
                    [None, "recv", "s", 2000, "MSG_WAITALL"],
                    [800 * _MS, "close", "s"],
                ],
                stop_ns=3000 * _MS,
            )
            for name, host, port, peer in (("left", "h1", 4400, "@h2"), ("right", "h2", 4600, "@h1"))
        ),
    ),
    Scenario(
        "connect_times_out",
        ("M19", "M06"),
        "nobody answers: tcp_syn_retries 2, then ETIMEDOUT",
        (dropping("syn", range(1, 10)),),
        (client([]),),
        sysctls={"h1": {"net.ipv4.tcp_syn_retries": 2}},
    ),
    Scenario(
        "shutdown_both",
        ("M21",),
        "SHUT_RDWR with data still arriving",
        (PATH,),
        (
            client(
                [
                    [None, "send", "s", 3000],
                    [100 * _MS, "shutdown", "s", "SHUT_RDWR"],
                    [None, "recv", "s", 10],
                    [None, "send", "s", 10],
                ]
            ),
            server(
                [
                    [120 * _MS, "send", "c", 4000],
                    [None, "recv", "c", 9000],
                    [600 * _MS, "send", "c", 100],
                    [None, "recv", "c", 10],
                ]
            ),
        ),
    ),
    Scenario(
        "linger_lost",
        ("M21", "M22"),
        "SO_LINGER of 1 s, and the last data are not acknowledged in time",
        (dropping("data", range(5, 40)),),
        (
            client(
                [
                    [None, "send", "s", 9000],
                    [None, "setsockopt", "s", "SOL_SOCKET", "SO_LINGER", [1, 1]],
                    [None, "close", "s"],
                ]
            ),
            server([_LATER]),
        ),
    ),
    Scenario(
        "orphan_retries",
        ("M21", "M06"),
        "a closed socket with unacknowledged data gives up",
        (dropping("data", range(4, 100)),),
        (client([[None, "send", "s", 9000], [None, "close", "s"]]), server([_LATER])),
        sysctls={"h1": {"net.ipv4.tcp_orphan_retries": 3}},
    ),
    Scenario(
        "reset_lost",
        ("M21", "M22"),
        "the RST of an aborted connection is lost; the peer's next data meets another",
        ({**PATH, "drops": {FORWARD: [{"kind": "rst", "nth": [1]}]}},),
        (
            client(
                [[None, "send", "s", 1000], _option("s", "SOL_SOCKET", "SO_LINGER", [1, 0]), [200 * _MS, "close", "s"]]
            ),
            server([[None, "recv", "c", 1000], [500 * _MS, "send", "c", 1000], [900 * _MS, "send", "c", 1000]]),
        ),
    ),
    Scenario(
        "peer_window_closed_at_close",
        ("M15", "M21"),
        "close with data that the peer's window has no room for",
        (PATH,),
        (
            client([[None, "send", "s", 40_000], [None, "close", "s"]]),
            server([_option("c", "SOL_SOCKET", "SO_RCVBUF", 4000), [2500 * _MS, "recv", "c", 90_000, "MSG_WAITALL"]]),
        ),
    ),
    Scenario(
        "udp_unreachable",
        ("M18",),
        "a datagram for a port nobody has: ICMP, and ECONNREFUSED at the next call",
        (PATH,),
        _udp(
            [[None, "send", "u", 100], [200 * _MS, "send", "u", 100], [None, "send", "u", 100]],
            [[30 * _MS, "close", "u"]],
        ),
    ),
    Scenario(
        "udp_buffer_full",
        ("M18",),
        "datagrams for a full receive buffer are dropped",
        (PATH,),
        _udp(
            [[None, "send", "u", 1000] for _ in range(40)],
            [
                _option("u", "SOL_SOCKET", "SO_RCVBUF", 8000),
                *([(900 + number) * _MS, "recv", "u", 2000, "MSG_DONTWAIT"] for number in range(14)),
            ],
        ),
    ),
    Scenario(
        "loss_ipv6",
        ("M07", "M06"),
        "losses, a lost retransmission and a lost FIN over IPv6",
        (
            {
                **PATH,
                "drops": {
                    FORWARD: [{"kind": "data", "nth": [20, 22, 36]}, {"kind": "fin", "nth": [1]}],
                    BACK: [{"kind": "ack", "nth": [9]}],
                },
            },
        ),
        (bulk("one", "h1", "h2", size=90_000, family=6),),
    ),
    Scenario(
        "retries_run_out",
        ("M06", "M22"),
        "tcp_retries2 of 4: the connection ends with ETIMEDOUT",
        (dropping("data", range(5, 100)),),
        (bulk("one", "h1", "h2", size=40_000),),
        sysctls={"h1": {"net.ipv4.tcp_retries2": 4}},
    ),
)
