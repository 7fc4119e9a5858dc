"""A part executed step by step, as told: here a whole plan, on this kernel."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest

from netemu.errors import VoidRun
from netemu.lab import part_run
from netemu.lab.part import Part
from netemu.lab.part_control import Control
from netemu.recording.layout import Recording
from netemu.specs import AgentSpec, CaptureSpec, Plan
from tests.lab.plans import pair

pytestmark = pytest.mark.lab
WHOLE = Part(("h1", "h2"), {})


def plan() -> Plan:
    server = AgentSpec("t.server", "h2", "sink", {"port": 5001}, 0, 5_000_000_000)
    sent = {"address": "10.0.0.2", "port": 5001, "bytes": 20_000}
    client = AgentSpec("t.client", "h1", "bulk_send", sent, 0, 5_000_000_000)
    captures = (CaptureSpec("h1", "h1-eth0"), CaptureSpec("h2", "h2-eth0"))
    return msgspec.structs.replace(pair(), agents=(server, client), captures=captures)


class Outside:
    """Whoever tells the part what to do: answers what it says."""

    def __init__(self, path: Path, lead_ns: int) -> None:
        self.said: list[dict[str, Any]] = []
        self.lead_ns = lead_ns
        self.path = path
        self._file = os.open(path, os.O_RDWR)

    def tell(self, **command: object) -> None:
        os.write(self._file, json.dumps(command).encode() + b"\n")

    def hear(self, message: dict[str, Any]) -> None:
        self.said.append(message)
        if message["part"] == "built":
            self.tell(do="clock")
        elif message["part"] == "clock":
            self.tell(do="start")
        elif message["part"] == "ready":
            self.tell(do="go", t0_ns=time.monotonic_ns() + self.lead_ns)
        elif message["part"] == "agents_ended":
            self.tell(do="finish")

    def close(self) -> None:
        os.close(self._file)


@pytest.fixture
def outside(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Outside]:
    path = tmp_path / "control"
    os.mkfifo(path)
    made = Outside(path, 200_000_000)
    monkeypatch.setattr(part_run, "say", made.hear)
    yield made
    made.close()


def execute(outside: Outside, root: Path) -> dict[str, Any]:
    root.mkdir()
    with Control(outside.path) as control:
        part_run.execute_part(plan(), WHOLE, Recording(root), control)
    account: dict[str, Any] = json.loads((root / "execution.json").read_text())
    return account


def test_the_steps_are_taken_as_told(outside: Outside, tmp_path: Path) -> None:
    account = execute(outside, tmp_path / "run")
    assert [message["part"] for message in outside.said] == ["built", "clock", "ready", "agents_ended"]
    assert account["void"] == []
    assert account["members"]["t.server"]["received_bytes"] == 20_000
    assert account["devices"] == {}
    assert {link["link"] for link in account["links"]} == {"l1"}
    capture = (tmp_path / "run/captures/h1-eth0.pcapng").read_bytes()
    assert f"plan {plan().digest} seed 1".encode() in capture
    assert (tmp_path / "run/samples/counters.jsonl").stat().st_size > 0


def test_a_start_that_is_heard_of_too_late_makes_the_run_void(outside: Outside, tmp_path: Path) -> None:
    outside.lead_ns = -1_000_000
    account = execute(outside, tmp_path / "run")
    assert "the start of traffic was heard of" in account["void"][0]


def test_an_unknown_command_is_a_mistake(outside: Outside, tmp_path: Path) -> None:
    outside.hear = lambda message: outside.tell(do="dance")  # type: ignore[method-assign]
    part_run.say = outside.hear  # type: ignore[assignment]
    with pytest.raises(ValueError, match="dance"):
        execute(outside, tmp_path / "run")


def test_the_part_ends_when_nobody_tells_it_anything_any_more(outside: Outside, tmp_path: Path) -> None:
    gone = tmp_path / "gone"
    gone.write_text('{"do": "clock"}\n')
    outside.path = gone
    with pytest.raises(VoidRun, match="ended from outside"):
        execute(outside, tmp_path / "run")
