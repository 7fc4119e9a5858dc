"""Sending: segmentation, the send buffer, the gates, Nagle and cork, slow start and congestion avoidance (M01-M05)."""

from __future__ import annotations

from netemu.experiment import bulk, on_off, request_response, small_writes
from netemu.fidelity.scenario import Scenario

PATH = {"rate": "10Mbit/s", "delay": "20ms", "queue": "200p"}
SHORT = {"rate": "100Mbit/s", "delay": "1ms", "queue": "200p"}
NARROW = {"rate": "4Mbit/s", "delay": "15ms", "queue": "20p"}
RENO, CUBIC, BBR = ({"congestion": name} for name in ("reno", "cubic", "bbr"))

SENDING = (
    Scenario(
        "bulk",
        ("M01", "M02"),
        "a handshake, 100 kB, a close",
        (PATH,),
        (bulk("one", "h1", "h2", size=100_000, sender=RENO),),
    ),
    Scenario(
        "one_write",
        ("M01",),
        "one write that fits the initial window",
        (PATH,),
        (bulk("one", "h1", "h2", size=10_000),),
    ),
    Scenario(
        "one_byte",
        ("M01", "M17"),
        "a connection for one byte",
        (SHORT,),
        (bulk("one", "h1", "h2", size=1),),
    ),
    Scenario(
        "writes_of_1000",
        ("M01", "M25"),
        "writes smaller than a segment, back to back with TCP_NODELAY",
        (PATH,),
        (small_writes("one", "h1", "h2", size=1000, count=60, sender={"nodelay": True}),),
    ),
    Scenario(
        "bulk_ipv6",
        ("M01", "M08"),
        "the same over IPv6",
        (PATH,),
        (bulk("one", "h1", "h2", size=60_000, sender=RENO, family=6),),
    ),
    Scenario(
        "sndbuf_small",
        ("M02", "M03"),
        "SO_SNDBUF of 20 kB keeps the sender below the path's capacity",
        (PATH,),
        (bulk("one", "h1", "h2", size=150_000, sender={"sndbuf_bytes": 20_000, **RENO}),),
    ),
    Scenario(
        "sndbuf_nonblocking",
        ("M02",),
        "O_NONBLOCK and epoll: EAGAIN and the write-space wake-up",
        (PATH,),
        (bulk("one", "h1", "h2", size=150_000, sender={"mode": "nonblocking", "sndbuf_bytes": 16_384}),),
    ),
    Scenario(
        "sndbuf_timeout",
        ("M02", "M15"),
        "SO_SNDTIMEO runs out while the reader pauses",
        (PATH,),
        (
            bulk(
                "one",
                "h1",
                "h2",
                size=200_000,
                sender={"mode": "timeout", "timeout_ns": 150_000_000, "sndbuf_bytes": 16_384},
                receiver={"initial_pause_ns": 900_000_000},
            ),
        ),
    ),
    Scenario(
        "gate_rwnd",
        ("M03", "M16"),
        "SO_RCVBUF of 8 kB is what limits",
        (PATH,),
        (bulk("one", "h1", "h2", size=60_000, receiver={"rcvbuf_bytes": 8192}),),
    ),
    Scenario(
        "gate_application",
        ("M03", "M05"),
        "bursts with silence between them: cwnd is validated and restarted after idle",
        (PATH,),
        (
            on_off(
                "one",
                "h1",
                "h2",
                on="60ms",
                off="900ms",
                sender={"cycles": 4, "rate_bps": 6_000_000, "chunk_bytes": 6000, **RENO},
            ),
        ),
    ),
    Scenario(
        "nagle",
        ("M04",),
        "small writes 5 ms apart, Nagle's algorithm decides",
        (PATH,),
        (small_writes("one", "h1", "h2", size=100, count=40, gap="5ms"),),
    ),
    Scenario(
        "nagle_minshall",
        ("M04",),
        "writes of one and a half segments: only an earlier small segment holds one back",
        (PATH,),
        (small_writes("one", "h1", "h2", size=2200, count=25, gap="7ms"),),
    ),
    Scenario(
        "nodelay",
        ("M04",),
        "the same small writes with TCP_NODELAY",
        (PATH,),
        (small_writes("one", "h1", "h2", size=100, count=40, gap="5ms", sender={"nodelay": True}),),
    ),
    Scenario(
        "cork",
        ("M04",),
        "TCP_CORK: full segments, and a partial one when the probe timer fires",
        (PATH,),
        (small_writes("one", "h1", "h2", size=300, count=12, gap="120ms", sender={"cork": True}),),
    ),
    Scenario(
        "write_write_read",
        ("M04", "M17"),
        "two writes for each request meet a delayed ACK",
        (SHORT,),
        (request_response("one", "h1", "h2", count=6, request=400, response=200, sender={"writes": 2}),),
    ),
    Scenario(
        "slow_start_reno",
        ("M05", "M07"),
        "slow start into a short queue, reno",
        (NARROW,),
        (bulk("one", "h1", "h2", size=300_000, sender=RENO),),
    ),
    Scenario(
        "slow_start_cubic",
        ("M05", "M07"),
        "slow start into a short queue, cubic with HyStart",
        (NARROW,),
        (bulk("one", "h1", "h2", size=300_000, sender=CUBIC),),
    ),
    Scenario(
        "long_cubic",
        ("M05",),
        "several epochs of cubic",
        (NARROW,),
        (bulk("one", "h1", "h2", size=1_500_000, sender=CUBIC),),
    ),
    Scenario(
        "long_reno",
        ("M05",),
        "several sawteeth of reno",
        (NARROW,),
        (bulk("one", "h1", "h2", size=1_500_000, sender=RENO),),
    ),
    Scenario(
        "long_bic",
        ("M05",),
        "several searches of bic",
        (NARROW,),
        (bulk("one", "h1", "h2", size=1_500_000, sender={"congestion": "bic"}),),
    ),
    Scenario(
        "bbr",
        ("M05",),
        "startup, drain and probing of bbr",
        (NARROW,),
        (bulk("one", "h1", "h2", size=400_000, sender=BBR),),
    ),
    Scenario(
        "two_flows",
        ("M05",),
        "cubic and reno share a queue",
        (NARROW,),
        (
            bulk("one", "h1", "h2", size=200_000, sender=CUBIC),
            bulk("two", "h1", "h2", size=200_000, sender=RENO, start="200ms"),
        ),
    ),
    Scenario(
        "ecn",
        ("M05",),
        "a queue that marks instead of dropping",
        ({**NARROW, "queue": "60p", "ecn": "15p", "backend": "relay"},),
        (bulk("one", "h1", "h2", size=250_000, sender=RENO),),
        sysctls={"h1": {"net.ipv4.tcp_ecn": 1}},
    ),
    Scenario(
        "both_ways",
        ("M01", "M17"),
        "data in both directions at once",
        (PATH,),
        (request_response("one", "h1", "h2", count=5, request=20_000, response=30_000),),
    ),
)
