"""Samples come at their times, of every open connection."""

from __future__ import annotations

from pathlib import Path

from netemu.specs import ProbeSpec
from tests.sim.runs import MS, bulk, lines, run, with_agents


def test_every_tick_has_a_row_of_each_connection(tmp_path: Path) -> None:
    plan = with_agents(bulk(50_000), probes=ProbeSpec(interval_ns=10 * MS, tracepoints=False), drain_ns=0)
    recording, account = run(plan, tmp_path)
    rows = lines(recording.samples / "sockets.jsonl")
    assert rows[0]["t_ns"] == 0 and rows[0]["state"] == "SYN_SENT" and rows[0]["snd_wnd_bytes"] == 0
    client = [row for row in rows if row["host"] == "h1"]
    assert [row["t_ns"] for row in client] == [10 * MS * number for number in range(len(client))]
    established = next(row for row in client if row["srtt_ns"])
    assert established["remote"] == "10.0.0.2:5001" and established["congestion"] == "cubic"
    assert established["srtt_ns"] > 10 * MS and established["wmem_queued_bytes"] > 0
    assert account["members"]["sampler"]["rows"] == len(rows)


def test_counters_count_from_the_start_of_traffic(tmp_path: Path) -> None:
    recording, account = run(with_agents(bulk(50_000)), tmp_path)
    rows = {(row["host"], row["counter"]): row for row in lines(recording.samples / "counters.jsonl")}
    sent = rows["h1", "TcpOutSegs"]
    assert sent["before"] == 0 and sent["after"] == account["members"]["t.client"]["tcpi_segs_out"]
    assert rows["h2", "TcpPassiveOpens"]["after"] == 1
