"""Loss and reordering: timers, fast retransmit, tail-loss probes, F-RTO, D-SACK (M06, M07, M11, M22)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from netemu.experiment import bulk, small_writes
from netemu.fidelity.scenario import Scenario
from netemu.fidelity.scenarios.sending import CUBIC, PATH, RENO

FORWARD, BACK = "h1->h2", "h2->h1"


def dropping(kind: str, nth: Sequence[int], direction: str = FORWARD) -> Mapping[str, Any]:
    """The path of this module that loses the ``nth`` packets of ``kind``."""
    return {**PATH, "drops": {direction: [{"kind": kind, "nth": list(nth)}]}}


def _fast(name: str, shows: str, lost: Sequence[int], congestion: Mapping[str, str] = RENO) -> Scenario:
    """Losses of new data in the middle of a transfer."""
    return Scenario(
        name,
        ("M07", "M11"),
        shows,
        (dropping("new_data", lost),),
        (bulk("one", "h1", "h2", size=150_000, sender=congestion),),
    )


LOSS = (
    _fast("loss_1", "one segment lost", [30]),
    _fast("loss_1_cubic", "one segment lost, cubic", [30], CUBIC),
    _fast("loss_2", "two segments of a window lost", [30, 32]),
    _fast("loss_3", "three segments of a window lost", [30, 31, 34]),
    _fast("loss_5_cubic", "every other of ten segments lost, cubic", [31, 33, 35, 37, 39], CUBIC),
    _fast("loss_burst", "ten segments in a row lost", range(25, 35)),
    Scenario(
        "loss_first",
        ("M07",),
        "the first data segment lost, its ten successors arrive",
        (dropping("data", [1]),),
        (bulk("one", "h1", "h2", size=60_000, sender=RENO),),
    ),
    Scenario(
        "loss_retransmission",
        ("M07", "M06"),
        "a segment and its retransmission lost",
        (dropping("data", [30, 43]),),
        (bulk("one", "h1", "h2", size=150_000, sender=RENO),),
    ),
    Scenario(
        "loss_tail",
        ("M07",),
        "the last segment lost: a tail-loss probe finds out",
        (dropping("new_data", [14]),),
        (bulk("one", "h1", "h2", size=20_000, sender={"close": "hold", **RENO}, stop="3s"),),
    ),
    Scenario(
        "loss_window",
        ("M07", "M06"),
        "the whole initial window lost: probe, then recovery",
        (dropping("data", range(1, 11)),),
        (bulk("one", "h1", "h2", size=60_000, sender=RENO),),
    ),
    Scenario(
        "rto",
        ("M06",),
        "the window and its probe lost: the timer fires, F-RTO, then the rest",
        (dropping("data", range(1, 12)),),
        (bulk("one", "h1", "h2", size=60_000, sender=RENO),),
    ),
    Scenario(
        "rto_backoff",
        ("M06",),
        "five retransmissions of one segment lost: the timer backs off",
        (dropping("data", range(10, 16)),),
        (bulk("one", "h1", "h2", size=15_000, sender=CUBIC),),
    ),
    Scenario(
        "rto_spurious",
        ("M06",),
        "the delay jumps by 400 ms: the timeout was spurious and is undone",
        ({**PATH, "schedule": [{"at": "150ms", "delay": "420ms"}, {"at": "900ms", "delay": "20ms"}]},),
        (bulk("one", "h1", "h2", size=120_000, sender=RENO),),
    ),
    Scenario(
        "ack_loss",
        ("M07", "M17"),
        "every third of many ACKs lost",
        (dropping("ack", range(5, 60, 3), BACK),),
        (bulk("one", "h1", "h2", size=150_000, sender=RENO),),
    ),
    Scenario(
        "newreno",
        ("M07",),
        "two losses without SACK",
        (dropping("new_data", [30, 33]),),
        (bulk("one", "h1", "h2", size=150_000, sender=RENO),),
        sysctls={"h1": {"net.ipv4.tcp_sack": 0}},
    ),
    Scenario(
        "no_timestamps",
        ("M06", "M07"),
        "two losses without timestamps",
        (dropping("new_data", [30, 33]),),
        (bulk("one", "h1", "h2", size=150_000, sender=CUBIC),),
        sysctls={"h1": {"net.ipv4.tcp_timestamps": 0}},
    ),
    Scenario(
        "reordering",
        ("M07", "M11"),
        "one packet in twenty overtakes the others",
        ({**PATH, "reorder": {FORWARD: 0.05}, "backend": "relay"},),
        (bulk("one", "h1", "h2", size=200_000, sender=RENO),),
    ),
    Scenario(
        "duplicates",
        ("M07", "M11"),
        "one packet in ten arrives twice: D-SACK",
        ({**PATH, "duplicate": {FORWARD: 0.1}, "backend": "relay"},),
        (bulk("one", "h1", "h2", size=150_000, sender=RENO),),
    ),
    Scenario(
        "random_loss",
        ("M06", "M07", "M11"),
        "one packet in thirty is lost, both ways",
        ({**PATH, "loss": 0.033, "backend": "relay"},),
        (bulk("one", "h1", "h2", size=200_000, sender=CUBIC),),
    ),
    Scenario(
        "small_loss",
        ("M04", "M07"),
        "small segments are lost and collapsed",
        (dropping("data", [5, 6, 12]),),
        (small_writes("one", "h1", "h2", size=200, count=30, gap="10ms", sender={"nodelay": True}),),
    ),
    Scenario(
        "fin_lost",
        ("M06", "M21"),
        "both FINs are lost once",
        ({**PATH, "drops": {FORWARD: [{"kind": "fin", "nth": [1]}], BACK: [{"kind": "fin", "nth": [1]}]}},),
        (bulk("one", "h1", "h2", size=5000),),
    ),
    Scenario(
        "last_acks_lost",
        ("M22", "M06"),
        "the receiver has it all, but no ACK comes back until the user timeout",
        (dropping("ack", range(4, 200), BACK),),
        (bulk("one", "h1", "h2", size=30_000, sender={"user_timeout_ms": 3000}),),
    ),
)
