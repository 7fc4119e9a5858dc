"""Windows and the memory behind them: long frames, clamps, shrinking, odd units, little SACK (M11, M14-M17)."""

from __future__ import annotations

from typing import Any

from netemu.experiment import bulk, small_writes
from netemu.fidelity.scenario import Scenario
from netemu.fidelity.scenarios.loss import FORWARD
from netemu.fidelity.scenarios.sending import PATH, SHORT

_MS = 1_000_000
_SLOW: dict[str, Any] = {"interval_ns": 10 * _MS, "chunk_bytes": 10_000, "initial_pause_ns": 500 * _MS}
_DISORDER = {**SHORT, "reorder": {FORWARD: 0.2}, "duplicate": {FORWARD: 0.1}, "backend": "relay"}


def _at_reader(**values: int | str) -> dict[str, dict[str, int | str]]:
    """Sysctls of net.ipv4 at h2."""
    return {"h2": {f"net.ipv4.{name}": value for name, value in values.items()}}


WINDOWS = (
    Scenario(
        "jumbo_frames",
        ("M16",),
        "frames of 9000 bytes to a slow reader: each is charged for pages",
        ({**PATH, "mtu_bytes": 9000},),
        (bulk("one", "h1", "h2", size=300_000, receiver=_SLOW),),
    ),
    Scenario(
        "jumbo_disorder",
        ("M11", "M16"),
        "frames just above a page, overtaken and doubled",
        ({**_DISORDER, "mtu_bytes": 4300},),
        (bulk("one", "h1", "h2", size=300_000, receiver={"interval_ns": _MS, "chunk_bytes": 4096}),),
    ),
    Scenario(
        "small_frames",
        ("M16",),
        "frames of 576 bytes to a slow reader: the window opens by what segments weigh",
        ({**PATH, "mtu_bytes": 576},),
        (bulk("one", "h1", "h2", size=100_000, receiver=_SLOW),),
    ),
    Scenario(
        "shrinking_window",
        ("M15", "M16"),
        "tcp_shrink_window: the window follows the memory that is left",
        (SHORT,),
        (bulk("one", "h1", "h2", size=300_000, receiver={**_SLOW, "rcvbuf_bytes": 20_000}),),
        sysctls=_at_reader(tcp_shrink_window=1),
    ),
    Scenario(
        "unscaled_window",
        ("M15", "M16"),
        "no window scaling: the window moves in whole segments",
        (PATH,),
        (bulk("one", "h1", "h2", size=200_000, receiver=_SLOW),),
        sysctls=_at_reader(tcp_window_scaling=0),
    ),
    Scenario(
        "app_window",
        ("M16",),
        "tcp_app_win 1 keeps half of the buffer for the reader",
        (PATH,),
        (bulk("one", "h1", "h2", size=150_000, receiver={"chunk_bytes": 1448}),),
        sysctls=_at_reader(tcp_app_win=1),
    ),
    Scenario(
        "tiny_buffer",
        ("M15", "M16"),
        "the smallest buffer that a kernel gives: a window of less than a segment",
        (PATH,),
        (bulk("one", "h1", "h2", size=10_000, receiver={"rcvbuf_bytes": 1500}),),
    ),
    Scenario(
        "tuned_limits",
        ("M16",),
        "tcp_rmem of 16 kB that may grow to 64 kB",
        (SHORT,),
        (bulk("one", "h1", "h2", size=400_000),),
        sysctls=_at_reader(tcp_rmem="4096 16384 65536"),
    ),
    Scenario(
        "disorder_without_dsack",
        ("M11",),
        "overtaken and doubled segments, tcp_dsack 0",
        (_DISORDER,),
        (bulk("one", "h1", "h2", size=200_000),),
        sysctls=_at_reader(tcp_dsack=0),
    ),
    Scenario(
        "compressed_acks_off",
        ("M11", "M17"),
        "tcp_comp_sack_nr 0: every duplicate ACK is sent",
        (_DISORDER,),
        (bulk("one", "h1", "h2", size=200_000),),
        sysctls=_at_reader(tcp_comp_sack_nr=0),
    ),
    Scenario(
        "lowat_slow_writes",
        ("M14", "M17"),
        "SO_RCVLOWAT of 2000 against writes of 300 bytes, 30 ms apart",
        (PATH,),
        (
            small_writes(
                "one",
                "h1",
                "h2",
                size=300,
                count=40,
                gap="30ms",
                receiver={"setsockopt": [[1, 18, 2000]]},
            ),
        ),
    ),
    Scenario(
        "unread_small_segments",
        ("M16", "M17"),
        "writes of 331 bytes nobody reads for 3 s: which of them share a buffer",
        (PATH,),
        (
            small_writes(
                "one",
                "h1",
                "h2",
                size=331,
                count=120,
                gap="5ms",
                sender={"nodelay": True},
                receiver={"initial_pause_ns": 3000 * _MS},
            ),
        ),
    ),
)
