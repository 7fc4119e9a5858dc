"""Receiving: recv's flags, windows, buffers, delayed ACKs, overload (M14-M18, M25)."""

from __future__ import annotations

from typing import Any

from netemu.experiment import bulk, request_response, small_writes, udp_stream
from netemu.fidelity.scenario import Scenario, Script
from netemu.fidelity.scenarios.loss import BACK, dropping
from netemu.fidelity.scenarios.sending import PATH, RENO, SHORT

_LISTEN: tuple[list[Any], ...] = (
    [0, "socket", "l"],
    [None, "setsockopt", "l", "SOL_SOCKET", "SO_REUSEADDR", 1],
    [None, "bind", "l", "", 5001],
    [None, "listen", "l", 8],
    [None, "accept", "l", "c"],
)


def _client(*calls: list[Any]) -> Script:
    """A client on h1 that connects at 10 ms."""
    connect: list[list[Any]] = [[10_000_000, "socket", "s"], [None, "connect", "s", "@h2", 5001]]
    return Script("client", "h1", [*connect, *calls], stop_ns=20_000_000_000)


def _server(*calls: list[Any]) -> Script:
    return Script("server", "h2", [*_LISTEN, *calls], stop_ns=20_000_000_000)


RECEIVING = (
    Scenario(
        "rcvlowat",
        ("M14", "M11"),
        "SO_RCVLOWAT of 5000 and a loss in between",
        (dropping("data", [2]),),
        (
            _client([None, "send", "s", 12_000], [600_000_000, "send", "s", 3000]),
            _server(
                [None, "setsockopt", "c", "SOL_SOCKET", "SO_RCVLOWAT", 5000],
                [None, "recv", "c", 100_000],
                [None, "recv", "c", 100_000],
            ),
        ),
    ),
    Scenario(
        "peek_waitall",
        ("M14",),
        "MSG_PEEK leaves the data, MSG_WAITALL waits for all of it",
        (PATH,),
        (
            _client([None, "send", "s", 4000], [300_000_000, "send", "s", 8000]),
            _server(
                [None, "recv", "c", 2000, "MSG_PEEK"],
                [None, "recv", "c", 10_000, "MSG_WAITALL"],
                [None, "recv", "c", 10_000, "MSG_DONTWAIT"],
                [None, "recv", "c", 1000, "MSG_TRUNC"],
            ),
        ),
    ),
    Scenario(
        "rcvtimeo",
        ("M14",),
        "SO_RCVTIMEO runs out with part of what MSG_WAITALL asked for",
        (PATH,),
        (
            _client([None, "send", "s", 4000], [900_000_000, "send", "s", 4000]),
            _server(
                [None, "setsockopt", "c", "SOL_SOCKET", "SO_RCVTIMEO", "250ms"],
                [None, "recv", "c", 6000, "MSG_WAITALL"],
                [None, "recv", "c", 6000, "MSG_WAITALL"],
                [1_500_000_000, "recv", "c", 6000],
            ),
        ),
    ),
    Scenario(
        "zero_window",
        ("M15",),
        "the reader pauses for 6 s: window 0 and probes",
        (PATH,),
        (bulk("one", "h1", "h2", size=200_000, receiver={"initial_pause_ns": 6_000_000_000}, stop="25s"),),
    ),
    Scenario(
        "zero_window_small_buffer",
        ("M15", "M16"),
        "a small fixed buffer is filled and drained",
        (PATH,),
        (
            bulk(
                "one",
                "h1",
                "h2",
                size=60_000,
                receiver={"rcvbuf_bytes": 6000, "initial_pause_ns": 1_500_000_000, "chunk_bytes": 3000},
            ),
        ),
    ),
    Scenario(
        "window_update_lost",
        ("M15",),
        "the update that opens the window is lost: a probe finds it open",
        (dropping("window_update", [1], BACK),),
        (bulk("one", "h1", "h2", size=200_000, receiver={"initial_pause_ns": 3_000_000_000}),),
    ),
    Scenario(
        "slow_reader",
        ("M15", "M16"),
        "a reader of 4 kB each 30 ms",
        (PATH,),
        (bulk("one", "h1", "h2", size=250_000, receiver={"interval_ns": 30_000_000, "chunk_bytes": 4096}),),
    ),
    Scenario(
        "rcvbuf_tuning",
        ("M16",),
        "the receive buffer grows with the flow",
        ({"rate": "50Mbit/s", "delay": "20ms", "queue": "400p"},),
        (bulk("one", "h1", "h2", size=1_500_000, sender=RENO),),
    ),
    Scenario(
        "rcvbuf_untuned",
        ("M16",),
        "tcp_moderate_rcvbuf off",
        (PATH,),
        (bulk("one", "h1", "h2", size=200_000, sender=RENO),),
        sysctls={"h2": {"net.ipv4.tcp_moderate_rcvbuf": 0}},
    ),
    Scenario(
        "rcvbuf_pressure",
        ("M16", "M25"),
        "many tiny segments in a small buffer nobody reads: collapse and prune",
        (SHORT,),
        (
            small_writes(
                "one",
                "h1",
                "h2",
                size=30,
                count=400,
                gap="1ms",
                sender={"nodelay": True},
                receiver={"rcvbuf_bytes": 8192, "initial_pause_ns": 800_000_000},
            ),
        ),
    ),
    Scenario(
        "ofo_pressure",
        ("M16", "M11"),
        "a hole stays open while a small buffer fills with out-of-order data",
        ({**PATH, "drops": {"h1->h2": [{"kind": "data", "nth": [3, 13, 14]}]}},),
        (bulk("one", "h1", "h2", size=80_000, sender=RENO, receiver={"rcvbuf_bytes": 12_000}),),
    ),
    Scenario(
        "delayed_ack",
        ("M17",),
        "small segments 150 ms apart: quick ACKs, then delayed ones",
        (PATH,),
        (small_writes("one", "h1", "h2", size=100, count=30, gap="150ms", sender={"nodelay": True}),),
    ),
    Scenario(
        "delayed_ack_fast",
        ("M17",),
        "small segments 15 ms apart: the delay adapts",
        (PATH,),
        (small_writes("one", "h1", "h2", size=100, count=60, gap="15ms", sender={"nodelay": True}),),
    ),
    Scenario(
        "pingpong",
        ("M17",),
        "requests and responses: ACKs ride on data",
        (PATH,),
        (request_response("one", "h1", "h2", count=12, request=300, response=300),),
    ),
    Scenario(
        "slow_server",
        ("M17",),
        "a server that answers after 100 ms: ACKs of their own",
        (PATH,),
        (request_response("one", "h1", "h2", count=8, request=300, response=3000, receiver={"delay_ns": 100_000_000}),),
    ),
    Scenario(
        "udp_overload",
        ("M18",),
        "datagrams twice as fast as the link",
        ({"rate": "5Mbit/s", "delay": "5ms", "queue": "20p"},),
        (udp_stream("one", "h1", "h2", rate_bps=10_000_000, size=1000, count=200, stop="3s"),),
    ),
    Scenario(
        "tcp_overload",
        ("M18", "M15"),
        "a writer much faster than the reader: TCP slows it down",
        (SHORT,),
        (bulk("one", "h1", "h2", size=600_000, receiver={"interval_ns": 20_000_000, "chunk_bytes": 16_384}),),
    ),
    Scenario(
        "many_small_writes",
        ("M25",),
        "1000 writes of 25 bytes",
        (PATH,),
        (small_writes("one", "h1", "h2", size=25, count=1000),),
    ),
)
