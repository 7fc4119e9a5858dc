"""Periods of sending and silence."""

from __future__ import annotations

import pytest

from tests.agents.harness import MS, Bench, Namespace, go

pytestmark = pytest.mark.lab


def test_it_sends_only_in_its_periods(bench: Bench, cage: Namespace) -> None:
    sink = bench.agent("sink", cage, port=5001)
    sender = bench.agent(
        "on_off",
        cage,
        address="127.0.0.1",
        port=5001,
        on_ns=50 * MS,
        off_ns=100 * MS,
        cycles=3,
        rate_bps=8_000_000,
        chunk_bytes=1000,
    )
    go(sink, sender)
    summary = sender.result()
    assert summary["cycles"] == 3
    assert summary["sent_bytes"] == sink.result()["received_bytes"] <= 3 * 50_000  # the rate is never exceeded
    log = bench.log(sender)
    connect = next(line for line in log if line["call"] == "connect")
    begin_ns = connect["t_ns"] + connect["blocked_ns"]
    times = [line["t_ns"] - begin_ns for line in log if line["call"] == "send"]
    periods = [[t_ns % (150 * MS) for t_ns in times if t_ns // (150 * MS) == number] for number in range(3)]
    assert sum(map(len, periods)) == len(times)
    for offsets in periods:
        assert offsets[0] < 50 * MS or len(offsets) == 1
        late = [offset for offset in offsets if offset >= 50 * MS]
        assert len(late) <= 1  # only one whose time had come before a busy machine let it go


def test_full_speed_until_the_stop(bench: Bench, cage: Namespace) -> None:
    sink = bench.agent("sink", cage, port=5001)
    sender = bench.agent(
        "on_off", cage, address="127.0.0.1", port=5001, on_ns=20 * MS, off_ns=80 * MS, stop_ns=350 * MS
    )
    go(sink, sender)
    summary = sender.result()
    assert summary["outcome"] == "deadline"
    assert 3 <= summary["cycles"] <= 4
    assert sink.result()["mismatch_bytes"] == 0
