"""Every traffic program of the lab runs on a model, in every mode."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from netemu.specs import AgentSpec
from tests.sim.runs import MS, agent, run, with_agents

TO = {"port": 5001, "address": "10.0.0.2"}
PAIRS: list[tuple[str, dict[str, Any], str, dict[str, Any]]] = [
    ("sink", {"mode": "nonblocking"}, "bulk_send", {"bytes": 90_000, "mode": "nonblocking"}),
    ("sink", {"mode": "timeout"}, "bulk_send", {"bytes": 90_000, "mode": "timeout", "timeout_ns": 7 * MS}),
    ("sink", {"waitall": True, "chunk_bytes": 30_000}, "bulk_send", {"bytes": 90_000, "close": "close"}),
    ("respond", {"request_bytes": 300, "response_bytes": 30_000, "delay_ns": 3 * MS}, "request",
     {"request_bytes": 300, "response_bytes": 30_000, "count": 3, "writes": 2}),
    ("sink", {}, "small_writes", {"size_bytes": 100, "count": 20, "gap_ns": 2 * MS, "nodelay": True}),
    ("sink", {"interval_ns": MS}, "small_writes", {"size_bytes": 100, "count": 20, "cork": True}),
    ("sink", {}, "on_off", {"on_ns": 20 * MS, "off_ns": 30 * MS, "cycles": 2, "rate_bps": 1_000_000}),
    ("sink", {"connections": 4}, "connect_many", {"count": 4, "bytes": 3000}),
    ("sink", {"connections": 9, "mode": "nonblocking"}, "connect_many",
     {"count": 9, "concurrency": 3, "bytes": 3000, "mode": "nonblocking"}),
]  # fmt: skip


@pytest.mark.parametrize(("server", "serves", "client", "asks"), PAIRS)
def test_both_ends_are_done_and_every_byte_arrived(
    server: str, serves: dict[str, Any], client: str, asks: dict[str, Any], tmp_path: Path
) -> None:
    agents = (agent("t.server", "h2", server, port=5001, **serves), agent("t.client", "h1", client, **TO, **asks))
    _, account = run(with_agents(agents), tmp_path)
    there, here = account["members"]["t.server"], account["members"]["t.client"]
    assert [there["outcome"], here["outcome"]] == ["done", "done"], (there["error"], here["error"])
    assert there["received_bytes"] == here["sent_bytes"] > 0 and there["sent_bytes"] == here["received_bytes"]
    assert there["mismatch_bytes"] == here["mismatch_bytes"] == 0


def test_datagrams_keep_their_schedule_and_their_delay(tmp_path: Path) -> None:
    agents = (
        agent("u.server", "h2", "udp_sink", port=5001, count=10),
        agent("u.client", "h1", "udp_send", **TO, interval_ns=5 * MS, count=10, size_bytes=958),
    )
    _, account = run(with_agents(agents), tmp_path)
    received = account["members"]["u.server"]
    line_ns = (958 + 28 + 14) * 8 * 50
    assert (received["datagrams"], received["lost"]) == (10, 0)
    assert received["delay_ns"]["min"] == received["delay_ns"]["max"] == 5 * MS + line_ns
    assert account["members"]["u.client"]["latest_ns"] == 0


def test_nobody_listening_refuses(tmp_path: Path) -> None:
    agents: tuple[AgentSpec, ...] = (agent("t.client", "h1", "bulk_send", **TO, bytes=1),)
    _, account = run(with_agents(agents), tmp_path)
    assert account["members"]["t.client"]["error"] == "connect 10.0.0.2:5001: ECONNREFUSED"


def test_a_hold_lasts_until_the_deadline(tmp_path: Path) -> None:
    agents = (
        agent("t.server", "h2", "sink", stop_ns=900 * MS, port=5001),
        agent("t.client", "h1", "bulk_send", stop_ns=700 * MS, **TO, bytes=10, close="hold"),
    )
    _, account = run(with_agents(agents), tmp_path)
    assert account["members"]["t.client"]["duration_ns"] == 700 * MS
    assert account["members"]["t.client"]["outcome"] == "deadline"
