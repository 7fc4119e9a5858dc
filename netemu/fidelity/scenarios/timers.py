"""Timers at their ends: how long a sender tries, and congestion controls in random loss (M05, M06, M15, M21)."""

from __future__ import annotations

from netemu.experiment import bulk, on_off, small_writes
from netemu.fidelity.scenario import Scenario
from netemu.fidelity.scenarios.loss import BACK, dropping
from netemu.fidelity.scenarios.sending import BBR, CUBIC, PATH, RENO

_SHUT = {"initial_pause_ns": 25_000_000_000}
_LOSSY = {**PATH, "loss": "1%", "backend": "relay"}
_LONG = {"rate": "20Mbit/s", "delay": "100ms", "queue": "500p"}

TIMERS = (
    Scenario(
        "probes_unanswered",
        ("M15", "M06"),
        "the window is shut and nobody answers the probes: tcp_retries2 of them end the connection",
        (dropping("ack", range(60, 400), BACK),),
        (bulk("one", "h1", "h2", size=300_000, sender=RENO, receiver=_SHUT, stop="29s"),),
        sysctls={"h1": {"net.ipv4.tcp_retries2": 4}},
    ),
    Scenario(
        "probes_user_timeout",
        ("M15", "M06"),
        "the same, ended by TCP_USER_TIMEOUT, which the last probe's interval is cut to",
        (dropping("ack", range(60, 400), BACK),),
        (bulk("one", "h1", "h2", size=300_000, sender={**RENO, "user_timeout_ms": 4000}, receiver=_SHUT, stop="28s"),),
    ),
    Scenario(
        "retries2",
        ("M06", "M22"),
        "all data is lost from some segment on: tcp_retries2 is a time, whatever the RTT",
        (dropping("data", range(12, 400)),),
        (bulk("one", "h1", "h2", size=100_000, sender=CUBIC, stop="28s"),),
        sysctls={"h1": {"net.ipv4.tcp_retries2": 4}},
    ),
    Scenario(
        "syn_timeout",
        ("M06", "M19"),
        "no SYN arrives: linear and doubled intervals, then ETIMEDOUT",
        (dropping("syn", range(1, 100)),),
        (bulk("one", "h1", "h2", size=100, stop="28s"),),
        sysctls={"h1": {"net.ipv4.tcp_syn_retries": 2}},
    ),
    Scenario(
        "syn_without_linear_timeouts",
        ("M06", "M19"),
        "four SYNs lost with tcp_syn_linear_timeouts 0: the interval doubles from the first",
        (dropping("syn", range(1, 5)),),
        (bulk("one", "h1", "h2", size=10_000, stop="40s"),),
        sysctls={"h1": {"net.ipv4.tcp_syn_linear_timeouts": 0}},
    ),
    Scenario(
        "thin_stream",
        ("M06",),
        "tcp_thin_linear_timeouts: few segments in flight are sent again without back-off",
        (dropping("data", range(3, 10)),),
        (small_writes("one", "h1", "h2", size=200, count=12, gap="300ms", stop="25s"),),
        sysctls={"h1": {"net.ipv4.tcp_thin_linear_timeouts": 1}},
    ),
    Scenario(
        "orphan",
        ("M21", "M06"),
        "the process has gone and nothing is acknowledged: tcp_orphan_retries",
        (dropping("data", range(20, 300)),),
        (bulk("one", "h1", "h2", size=60_000, stop="3s"),),
        sysctls={"h1": {"net.ipv4.tcp_orphan_retries": 2}},
    ),
    Scenario(
        "cubic_random_loss",
        ("M05", "M07"),
        "cubic while one packet in a hundred is lost",
        (_LOSSY,),
        (bulk("one", "h1", "h2", size=1_000_000, sender=CUBIC, stop="28s"),),
    ),
    Scenario(
        "bbr_random_loss",
        ("M05", "M07"),
        "bbr while one packet in a hundred is lost",
        (_LOSSY,),
        (bulk("one", "h1", "h2", size=500_000, sender=BBR, stop="28s"),),
    ),
    Scenario(
        "cubic_long_path",
        ("M05",),
        "HyStart and the curve of cubic over an RTT of 200 ms",
        (_LONG,),
        (bulk("one", "h1", "h2", size=2_000_000, sender=CUBIC, stop="28s"),),
    ),
    Scenario(
        "cubic_bursts",
        ("M05", "M03"),
        "bursts with silence between them: the curve of cubic stands still meanwhile",
        (PATH,),
        (on_off("one", "h1", "h2", on="300ms", off="900ms", sender=CUBIC, stop="6s"),),
    ),
)
