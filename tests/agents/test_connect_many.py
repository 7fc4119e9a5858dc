"""Many short connections, in turn and at once."""

from __future__ import annotations

from typing import Any

import pytest

from netemu.agents.programs import check_args
from netemu.errors import BadInput
from tests.agents.harness import MS, Bench, Namespace, go

AT_ONCE = {"mode": "nonblocking", "concurrency": 8}


@pytest.mark.lab
@pytest.mark.parametrize("how", [{}, AT_ONCE])
@pytest.mark.parametrize("size", [0, 100_000])
def test_every_connection_arrives(bench: Bench, cage: Namespace, how: dict[str, Any], size: int) -> None:
    sink = bench.agent("sink", cage, port=5001, connections=40, mode="nonblocking")
    client = bench.agent("connect_many", cage, address="127.0.0.1", port=5001, count=40, bytes=size, **how)
    go(sink, client)
    summary = client.result()
    assert (summary["outcome"], summary["failed"]) == ("done", 0)
    assert len(summary["connections"]) == 40
    assert all(c["tcp_info"]["tcpi_state"] == 7 for c in summary["connections"])
    received = sink.result()
    assert [c["received_bytes"] for c in received["connections"]] == [size] * 40
    assert received["mismatch_bytes"] == 0


@pytest.mark.lab
@pytest.mark.parametrize("how", [{}, AT_ONCE])
def test_refused_connections_are_counted(bench: Bench, cage: Namespace, how: dict[str, Any]) -> None:
    client = bench.agent("connect_many", cage, address="127.0.0.1", port=9, count=5, **how)
    client.go()
    summary = client.result()
    assert (summary["outcome"], summary["failed"]) == ("error", 5)
    assert summary["error"] == "connect 127.0.0.1:9: ECONNREFUSED"


@pytest.mark.lab
@pytest.mark.parametrize("how", [{}, AT_ONCE])
def test_connections_keep_their_distance(bench: Bench, cage: Namespace, how: dict[str, Any]) -> None:
    sink = bench.agent("sink", cage, port=5001, connections=0, mode="nonblocking")
    client = bench.agent("connect_many", cage, address="127.0.0.1", port=5001, count=5, gap_ns=30 * MS, **how)
    go(sink, client)
    assert client.result()["duration_ns"] >= 4 * 30 * MS
    sink.say("stop")
    assert len(sink.result()["connections"]) == 5


@pytest.mark.lab
def test_the_deadline_ends_those_that_are_open(bench: Bench, cage: Namespace) -> None:
    sink = bench.agent("sink", cage, port=5001, connections=0, mode="nonblocking", close="hold", stop_ns=900 * MS)
    client = bench.agent(
        "connect_many", cage, address="127.0.0.1", port=5001, count=20, bytes=10, stop_ns=300 * MS, **AT_ONCE
    )
    go(sink, client)
    summary = client.result()
    assert summary["outcome"] == "deadline"
    assert len(summary["connections"]) == 8
    assert len(sink.result()["connections"]) == 8


def test_many_at_once_need_the_mode() -> None:
    with pytest.raises(BadInput, match="needs mode 'nonblocking'"):
        check_args("connect_many", {"address": "::1", "port": 1, "count": 2, "concurrency": 2}, "here")
