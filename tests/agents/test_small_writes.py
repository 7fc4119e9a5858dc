"""Small writes on a schedule; NODELAY, CORK and Nagle's algorithm differ in segments."""

from __future__ import annotations

from typing import Any

import pytest

from netemu.agents.programs import check_args
from netemu.errors import BadInput
from tests.agents.harness import MS, Bench, Namespace, go


def segments(bench: Bench, hosts: tuple[Namespace, Namespace], **args: Any) -> int:
    """Data segments that 50 writes of 20 bytes make."""
    sink = bench.agent("sink", hosts[1], port=5001)
    sender = bench.agent("small_writes", hosts[0], address="10.0.0.2", port=5001, size_bytes=20, count=50, **args)
    go(sink, sender)
    summary = sender.result()
    assert summary["writes"] == 50
    assert sink.result()["received_bytes"] == 1000
    return int(summary["connections"][0]["tcp_info"]["tcpi_data_segs_out"])


@pytest.mark.lab
def test_nodelay_sends_each_cork_sends_one(bench: Bench, hosts: tuple[Namespace, Namespace]) -> None:
    assert segments(bench, hosts, nodelay=True, gap_ns=MS) == 50
    assert segments(bench, hosts, cork=True) == 1


@pytest.mark.lab
def test_writes_keep_their_schedule(bench: Bench, cage: Namespace) -> None:
    sink = bench.agent("sink", cage, port=5001)
    sender = bench.agent(
        "small_writes", cage, address="127.0.0.1", port=5001, size_bytes=1, gap_ns=20 * MS, stop_ns=290 * MS
    )
    go(sink, sender)
    summary = sender.result()
    times = [line["t_ns"] for line in bench.log(sender) if line["call"] == "send"]
    assert summary["writes"] == len(times) <= 15
    for number, t_ns in enumerate(times):
        assert t_ns >= times[0] + number * 20 * MS - 2 * MS
    sink.result()


def test_a_write_larger_than_a_chunk_is_refused() -> None:
    with pytest.raises(BadInput, match="is more than chunk_bytes"):
        check_args("small_writes", {"address": "::1", "port": 1, "size_bytes": 10, "chunk_bytes": 9}, "here")
