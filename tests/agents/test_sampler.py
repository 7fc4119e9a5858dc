"""The sampler keeps its rate, and its values are those that ss shows."""

from __future__ import annotations

import json
import re
import time
from pathlib import Path
from typing import Any

import pytest

from tests.agents.harness import MS, Bench, Namespace, Process, go

pytestmark = pytest.mark.lab


def start(bench: Bench, hosts: tuple[Namespace, ...], **more: Any) -> Process:
    named = [{"node": f"h{number}", "namespace": host.path} for number, host in enumerate(hosts, 1)]
    output = str(bench.directory / "sockets.jsonl")
    return bench.start({"program": "sampler", "hosts": named, "interval_ns": 5 * MS, "output": output, **more})


def rows(bench: Bench) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (bench.directory / "sockets.jsonl").read_text().splitlines()]


def test_both_ends_of_a_transfer_are_sampled(bench: Bench, hosts: tuple[Namespace, Namespace]) -> None:
    sampler = start(bench, hosts)
    sink = bench.agent("sink", hosts[1], port=5001, chunk_bytes=20_000, interval_ns=10 * MS, rcvbuf_bytes=40_000)
    sender = bench.agent("bulk_send", hosts[0], address="10.0.0.2", port=5001, bytes=1_000_000, source_port=4000)
    go(sampler, sink, sender)
    shown = ""
    while "ESTAB" not in shown:
        shown = hosts[0].run("ss", "-tinHOm", "dport", "=", "5001")
    info = sender.result()["connections"][0]["tcp_info"]
    sink.result()
    sampler.say("stop")
    summary = sampler.result()
    assert summary["achieved_hz"] > 100
    sent = [row for row in rows(bench) if row["local"] == "10.0.0.1:4000"]
    received = [row for row in rows(bench) if row["remote"] == "10.0.0.1:4000"]
    assert {row["host"] for row in sent} == {"h1"}
    assert {row["host"] for row in received} == {"h2"}
    assert {row["cookie"] for row in sent} == {info["cookie"]}
    established = [row for row in sent if row["state"] == "ESTABLISHED"]
    assert established
    assert len(sent) > 20
    found = re.search(r"mss:(\d+) pmtu:(\d+)", shown)
    assert found is not None
    assert (established[-1]["snd_mss_bytes"], established[-1]["pmtu_bytes"]) == (int(found[1]), int(found[2]))
    assert f"tb{established[0]['sndbuf_bytes']}" in shown or established[-1]["sndbuf_bytes"] > 0
    assert max(row["rmem_alloc_bytes"] for row in received) > 10_000
    assert max(row["wmem_queued_bytes"] for row in sent) > 100_000
    assert [row["t_ns"] for row in sent] == sorted(row["t_ns"] for row in sent)
    assert not list(bench.directory.glob("*.spool"))


def test_ticks_lie_on_their_schedule(bench: Bench, cage: Namespace) -> None:
    sampler = start(bench, (cage,), interval_ns=20 * MS)
    sink = bench.agent("sink", cage, port=5001)
    sender = bench.agent("bulk_send", cage, address="127.0.0.1", port=5001, bytes=10, close="hold", stop_ns=500 * MS)
    go(sampler, sink, sender)
    sender.result()
    sink.result()
    sampler.say("stop")
    summary = sampler.result()
    times = sorted({row["t_ns"] for row in rows(bench)})
    assert all(time_ns % (20 * MS) < summary["latest_ns"] or summary["missed"] for time_ns in times)
    assert summary["samples"] + summary["missed"] >= 20


def test_stop_before_go_leaves_an_empty_file(bench: Bench, cage: Namespace) -> None:
    sampler = start(bench, (cage,))
    sampler.say("stop")
    summary = sampler.result()
    assert (summary["samples"], summary["rows"]) == (0, 0)
    assert rows(bench) == []


@pytest.mark.parametrize(
    ("change", "status", "message"),
    [
        ({"hosts": [{"node": "h1", "namespace": "/proc/self/ns/none"}]}, 2, "host 'h1' in /proc/self/ns/none: No such"),
        ({"hosts": [{"nod": "h1"}]}, 2, "sampler: host 0: unknown argument 'nod'"),
        ({"interval_ns": 10}, 2, "argument 'interval_ns': 10 is less than 100000"),
        ({"output": "/nonexistent/a"}, 4, "cannot write /nonexistent/a.spool"),
    ],
)
def test_bad_specs_are_named(tmp_path: Path, change: dict[str, Any], status: int, message: str) -> None:
    spec = {"program": "sampler", "hosts": [], "output": str(tmp_path / "a"), **change}
    process = Process(spec, tmp_path / "spec", wait=False)
    assert message in process.failure(status)


def test_it_costs_little(bench: Bench, cage: Namespace) -> None:
    sampler = start(bench, (cage,))
    sampler.go()
    time.sleep(1)
    fields = Path(f"/proc/{sampler.popen.pid}/stat").read_text().split()
    sampler.say("stop")
    sampler.result()
    assert (int(fields[13]) + int(fields[14])) < 40  # hundredths of a second, start-up included
