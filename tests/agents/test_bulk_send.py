"""bulk_send sends what was asked, or until its stop."""

from __future__ import annotations

import pytest

from tests.agents.harness import MS, Bench, Namespace, go

pytestmark = pytest.mark.lab


def test_chunks_are_as_large_as_asked(bench: Bench, cage: Namespace) -> None:
    sink = bench.agent("sink", cage, port=5001)
    sender = bench.agent("bulk_send", cage, address="127.0.0.1", port=5001, bytes=250_000, chunk_bytes=100_000)
    go(sink, sender)
    assert sender.result()["sent_bytes"] == sink.result()["received_bytes"] == 250_000
    assert [line["asked_bytes"] for line in bench.log(sender) if line["call"] == "send"] == [100_000, 100_000, 50_000]


def test_without_a_size_it_sends_until_the_stop(bench: Bench, cage: Namespace) -> None:
    sink = bench.agent("sink", cage, port=5001, interval_ns=10 * MS, chunk_bytes=10_000)
    sender = bench.agent("bulk_send", cage, address="127.0.0.1", port=5001, stop_ns=200 * MS, close="close")
    go(sink, sender)
    summary = sender.result()
    assert summary["outcome"] == "deadline"
    assert summary["sent_bytes"] > 100_000
    sink.say("stop")
    assert sink.result()["mismatch_bytes"] == 0


def test_no_bytes_are_a_connection_without_data(bench: Bench, cage: Namespace) -> None:
    sink = bench.agent("sink", cage, port=5001)
    sender = bench.agent("bulk_send", cage, address="127.0.0.1", port=5001, bytes=0)
    go(sink, sender)
    assert sender.result()["connections"][0]["tcp_info"]["tcpi_data_segs_out"] == 0
    assert sink.result()["received_bytes"] == 0
