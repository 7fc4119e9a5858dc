"""Connections served in turn and at once."""

from __future__ import annotations

import pytest

from netemu.agents.server import serves_at_once
from tests.agents.harness import MS, Bench, Namespace, go


def test_only_nonblocking_servers_of_several_serve_at_once() -> None:
    assert serves_at_once({"mode": "nonblocking", "connections": 0})
    assert serves_at_once({"mode": "nonblocking", "connections": 2})
    assert not serves_at_once({"mode": "nonblocking", "connections": 1})
    assert not serves_at_once({"mode": "blocking", "connections": 0})


@pytest.mark.lab
@pytest.mark.parametrize(("mode", "at_once"), [("blocking", False), ("nonblocking", True)])
def test_a_second_client_waits_or_not(bench: Bench, cage: Namespace, mode: str, at_once: bool) -> None:
    sizes = {"request_bytes": 10, "response_bytes": 10}
    server = bench.agent("respond", cage, port=5001, connections=2, mode=mode, **sizes)
    slow = bench.agent("request", cage, address="127.0.0.1", port=5001, count=2, think_ns=400 * MS, **sizes)
    quick = bench.agent("request", cage, address="127.0.0.1", port=5001, count=1, start_ns=150 * MS, **sizes)
    go(server, slow, quick)
    response_ns = quick.result()["response_ns"]["max"]
    assert (response_ns < 200 * MS) == at_once
    assert slow.result()["requests"] == 2
    assert len(server.result()["connections"]) == 2


@pytest.mark.lab
def test_a_reset_connection_ends_alone(bench: Bench, cage: Namespace) -> None:
    sink = bench.agent("sink", cage, port=5001, connections=2, mode="nonblocking", chunk_bytes=1000)
    reset = bench.agent("bulk_send", cage, address="127.0.0.1", port=5001, bytes=500_000, close="abort")
    whole = bench.agent("bulk_send", cage, address="127.0.0.1", port=5001, bytes=500_000)
    go(sink, reset, whole)
    assert reset.result()["outcome"] == whole.result()["outcome"] == "done"
    assert 500_000 in [connection["received_bytes"] for connection in sink.result()["connections"]]
