"""Periods of sending and silence."""

from __future__ import annotations

from itertools import pairwise

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
    assert summary["sent_bytes"] == 3 * 50_000 == sink.result()["received_bytes"]
    times = [line["t_ns"] for line in bench.log(sender) if line["call"] == "send"]
    silences = [b - a for a, b in pairwise(times) if b - a > 60 * MS]
    assert len(silences) == 2


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
