"""A sink reads at the pace asked."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import pytest

from netemu.agents.programs import check_args
from netemu.errors import BadInput
from tests.agents.harness import MS, Bench, Namespace, go


def run(bench: Bench, cage: Namespace, size: int, **args: Any) -> tuple[list[dict[str, Any]], dict[str, Any]]:
    """The sink's recv() calls and its summary."""
    sink = bench.agent("sink", cage, port=5001, **args)
    sender = bench.agent("bulk_send", cage, address="127.0.0.1", port=5001, bytes=size)
    go(sink, sender)
    summary = sink.result()
    sender.result()
    return [line for line in bench.log(sink) if line["call"] == "recv"], summary


@pytest.mark.lab
def test_one_read_per_interval(bench: Bench, cage: Namespace) -> None:
    reads, summary = run(bench, cage, 10_000, chunk_bytes=1000, interval_ns=20 * MS)
    assert [line["done_bytes"] for line in reads] == [1000] * 10 + [0]
    gaps = [b["t_ns"] - a["t_ns"] for a, b in pairwise(reads)]
    assert sum(gaps) >= 10 * 20 * MS - MS
    assert summary["mismatch_bytes"] == 0


@pytest.mark.lab
def test_a_read_that_waits_for_all_returns_with_all(bench: Bench, cage: Namespace) -> None:
    reads, summary = run(bench, cage, 1_000_000, chunk_bytes=300_000, waitall=True)
    assert [line["done_bytes"] for line in reads] == [300_000] * 3 + [100_000, 0]
    assert summary["mismatch_bytes"] == 0


@pytest.mark.lab
def test_no_read_in_a_pause(bench: Bench, cage: Namespace) -> None:
    pauses = [[0, 100 * MS], [150 * MS, 100 * MS]]
    reads, _ = run(bench, cage, 20_000, chunk_bytes=1000, interval_ns=10 * MS, pauses=pauses)
    for line in reads:
        assert not any(at <= line["t_ns"] < at + length for at, length in pauses), line
    assert any(100 * MS <= line["t_ns"] < 150 * MS for line in reads)


@pytest.mark.lab
def test_the_first_read_waits_for_the_initial_pause(bench: Bench, cage: Namespace) -> None:
    sink = bench.agent("sink", cage, port=5001, initial_pause_ns=200 * MS)
    sender = bench.agent("bulk_send", cage, address="127.0.0.1", port=5001, bytes=10, start_ns=50 * MS)
    go(sink, sender)
    sink.result()
    log = {line["call"]: line for line in reversed(bench.log(sink))}
    accepted = log["accept"]["t_ns"] + log["accept"]["blocked_ns"]
    assert log["recv"]["t_ns"] >= accepted + 200 * MS
    sender.result()


@pytest.mark.lab
def test_it_stops_reading_after_so_many_bytes_and_resets(bench: Bench, cage: Namespace) -> None:
    sink = bench.agent("sink", cage, port=5001, stop_after_bytes=5000, close="abort")
    sender = bench.agent("bulk_send", cage, address="127.0.0.1", port=5001)
    go(sink, sender)
    assert sink.result()["received_bytes"] == 5000
    assert sender.result()["error"].rsplit(": ", 1)[1] in ("ECONNRESET", "EPIPE")


@pytest.mark.lab
@pytest.mark.parametrize("mode", ["blocking", "nonblocking"])
def test_several_connections(bench: Bench, cage: Namespace, mode: str) -> None:
    sink = bench.agent("sink", cage, port=5001, connections=3, mode=mode)
    senders = [bench.agent("bulk_send", cage, address="127.0.0.1", port=5001, bytes=n * 100_000) for n in (1, 2, 3)]
    go(sink, *senders)
    summary = sink.result()
    assert sorted(c["received_bytes"] for c in summary["connections"]) == [100_000, 200_000, 300_000]
    assert summary["received_bytes"] == 600_000
    assert summary["mismatch_bytes"] == 0
    for sender in senders:
        assert sender.result()["outcome"] == "done"


@pytest.mark.parametrize(
    ("args", "message"),
    [
        ({"pauses": [[0]]}, r"must hold items \[at_ns, for_ns\]"),
        ({"pauses": [[0, 10], [5, 10]]}, "must be in order of time and not overlap"),
        ({"interval_ns": 5, "mode": "nonblocking", "connections": 0}, "needs connections 1"),
        ({"waitall": True, "mode": "timeout"}, "waitall needs mode 'blocking', not 'timeout'"),
    ],
)
def test_paces_that_make_no_sense(args: dict[str, Any], message: str) -> None:
    with pytest.raises(BadInput, match=message):
        check_args("sink", {"port": 1, **args}, "here")
