"""Tracepoints as the lab's tracer writes them."""

from __future__ import annotations

import json
from pathlib import Path

from netemu.agents.tracing import EVENTS
from netemu.sim.engine import Engine
from netemu.sim.tracing import Tracer
from netemu.stack.events import Trace
from tests.sim.runs import bulk, lines, run, with_agents


def test_events_have_whole_microseconds_and_their_host(tmp_path: Path) -> None:
    engine = Engine(0)
    tracer = Tracer(engine, tmp_path / "trace.jsonl", 1000)
    tracer.note("h1", Trace("tcp_probe", {}))  # before the start of traffic
    engine.run(8777)
    tracer.note("h1", Trace("tcp_probe", {"snd_cwnd": 10}))
    tracer.note("h1", Trace("of_no_interest", {}))
    assert tracer.finish()["by_cookie"] == 1
    assert json.loads((tmp_path / "trace.jsonl").read_text()) == {
        "t_ns": 8000, "event": "tcp_probe", "host": "h1", "snd_cwnd": 10, "attribution": "cookie",
    }  # fmt: skip


def test_a_transfer_passes_the_points_of_its_life(tmp_path: Path) -> None:
    recording, _ = run(with_agents(bulk(50_000)), tmp_path)
    events = lines(recording.samples / "trace.jsonl")
    assert {event["event"] for event in events} <= {name.partition("/")[2] for name in EVENTS}
    states = [
        event["newstate"] for event in events if event["event"] == "inet_sock_set_state" and event["host"] == "h1"
    ]
    assert states[:2] == ["TCP_SYN_SENT", "TCP_ESTABLISHED"]
    probe = next(event for event in events if event["event"] == "tcp_probe")
    assert {"snd_cwnd", "srtt", "sock_cookie", "local", "remote"} <= set(probe)
