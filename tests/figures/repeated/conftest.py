"""Runs by hand that differ in a known way."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from netemu.figures import RunTables
from netemu.figures.repeated import SeveralRuns
from tests.figures.traces import (
    MS,
    MSS,
    Trace,
    calls,
    frame_of,
    handshake,
    run_of,
    sends_of,
    socket_samples,
    transits_of,
)

Make = Callable[..., RunTables]
ABSOLUTE = ("first_sent_ns", "last_sent_ns", "arrival_ns", "arrived_ns", "read_ns", "acked_ns")


def transfer(shift_ms: float = 0.0, *, lost: int = 0, begin_ms: float = 0.0, **fields: Any) -> RunTables:
    """Four segments; each ACK ``shift_ms`` later than 100, 200, 300, 400 ms; ``lost`` fast retransmissions."""
    trace = Trace()
    handshake(trace)
    for index in range(4):
        start = trace.send(50 + index)
        trace.ack(100 * (index + 1) + shift_ms, start + MSS, window=65_536 - index * 1000)
        trace.sample(100 * (index + 1) + shift_ms, 40 + shift_ms)
    for index in range(lost):
        trace.send(60 + index, at=1, kind="fast", dropped="drop_loss", spurious=index == 0)
    trace.icmp.append(
        {
            **{"capture": "h1-eth0", "connection": 0, "direction": 0, "kind": "fragmentation_needed"},
            **{"t_ns": round((55 + shift_ms) * MS), "mtu_bytes": 1400, "reporter": "10.0.0.2"},
        }
    )
    frames = {**trace.finish(), "sockets": socket_samples(), "calls": calls()}
    frames |= {"sends": sends_of(trace), "transits": transits_of(trace)}
    for name, frame in frames.items():
        for column in {"t_ns", "start_ns", *ABSOLUTE} & set(frame.columns):
            frames[name] = frames[name].with_columns(frame[column] + round(begin_ms * MS))
    return run_of(frames, **fields)


@pytest.fixture
def runs() -> SeveralRuns:
    """Three runs, the ACKs of each 10 ms later than those of the one before; 0, 1 and 2 retransmissions."""
    return SeveralRuns(tuple(transfer(10.0 * index, lost=index) for index in range(3)))


def no_packets() -> RunTables:
    """A run whose connection has no packet."""
    frames = dict(transfer().sources)
    return run_of({**frames, "packets": frame_of("packets", [])})  # type: ignore[dict-item]
