"""Tracepoints of the run through an instance of our own, which is gone afterwards."""

from __future__ import annotations

import json
import os
import subprocess
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.agents.harness import Bench, Namespace, Process, go

pytestmark = pytest.mark.lab


@pytest.fixture
def tracefs() -> Iterator[Path]:
    """tracefs, mounted in the mount namespace of a process of ours."""
    script = "mount -t tracefs nodev /sys/kernel/tracing && echo up && exec cat"
    holder = subprocess.Popen(["unshare", "-m", "sh", "-c", script], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    assert holder.stdout is not None
    assert holder.stdout.readline() == b"up\n"
    yield Path(f"/proc/{holder.pid}/root/sys/kernel/tracing")
    holder.communicate(timeout=10)


def start(bench: Bench, tracefs: Path, **more: Any) -> Process:
    spec = {
        "program": "tracing",
        "tracefs": str(tracefs),
        "instance": f"netemu-test-{os.getpid()}",
        "output": str(bench.directory / "trace.jsonl"),
        "addresses": {"10.0.0.1": "h1", "10.0.0.2": "h2"},
    }
    return bench.start({**spec, **more}, wait=False)


def ready(process: Process) -> Process:
    assert process.popen.stdout is not None
    assert process.popen.stdout.readline() == "ready\n"
    return process


def test_events_of_a_transfer_are_attributed(bench: Bench, hosts: tuple[Namespace, Namespace], tracefs: Path) -> None:
    sink = bench.agent("sink", hosts[1], port=5001)
    sender = bench.agent("bulk_send", hosts[0], address="10.0.0.2", port=5001, bytes=200_000)
    logs = [str(bench.directory / f"{name}.jsonl") for name in ("sink0", "bulk_send1")]
    tracing = ready(start(bench, tracefs, cookies_from=logs))
    instance = tracefs / "instances" / f"netemu-test-{os.getpid()}"
    assert (instance / "trace_clock").read_text().count("[mono]") == 1
    go(tracing, sink, sender)
    connection = sender.result()["connections"][0]
    sink.result()
    tracing.say("stop")
    summary = tracing.result()
    assert not instance.exists()
    assert summary["overrun"] == 0
    events = [json.loads(line) for line in (bench.directory / "trace.jsonl").read_text().splitlines()]
    local, _, remote = connection["connection"].partition(">")
    probes = [event for event in events if event["event"] == "tcp_probe" and event["local"] == local]
    assert len(probes) >= 2
    assert {(event["host"], event["remote"], event["attribution"]) for event in probes} == {("h1", remote, "cookie")}
    assert {event["sock_cookie"] for event in probes} == {connection["tcp_info"]["cookie"]}
    ours = [event for event in events if local in (event["local"], event["remote"])]
    states = Counter(event["newstate"] for event in ours if event["event"] == "inet_sock_set_state")
    assert states["TCP_ESTABLISHED"] == states["TCP_CLOSE"] == 2
    assert all(event["t_ns"] >= 0 for event in events)
    assert summary["by_cookie"] + summary["by_address"] == len(events)


def test_a_missing_tracefs_is_named(bench: Bench) -> None:
    message = start(bench, bench.directory).failure(3)
    assert f"no tracefs at {bench.directory}: 'mount -t tracefs nodev {bench.directory}' provides it" in message


def test_an_instance_that_exists_is_not_taken(bench: Bench, tracefs: Path) -> None:
    first = ready(start(bench, tracefs))
    second = start(bench, tracefs, output=str(bench.directory / "other.jsonl"))
    assert "File exists" in second.failure(2)
    assert (tracefs / "instances" / f"netemu-test-{os.getpid()}").exists()
    first.say("stop")
    first.result()
    assert not (tracefs / "instances" / f"netemu-test-{os.getpid()}").exists()


def test_a_failure_leaves_no_instance(bench: Bench, tracefs: Path) -> None:
    tracing = ready(start(bench, tracefs, output=str(bench.directory / "trace.jsonl"), cookies_from=["/nonexistent"]))
    tracing.go()
    tracing.say("stop")
    assert "cannot read /nonexistent: No such file" in tracing.failure(2)
    assert not (tracefs / "instances" / f"netemu-test-{os.getpid()}").exists()
    assert not list(bench.directory.glob("*.spool"))
