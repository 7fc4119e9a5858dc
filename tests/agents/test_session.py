"""An agent's life as its program sees it, on a clock that the test turns."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from netemu.agents.linux import LinuxSystem
from netemu.agents.session import Session


class Clock(LinuxSystem):
    """Sleeps take no time; a signal comes before the sleep that ``interrupted`` counts down to."""

    def __init__(self) -> None:
        self.now_ns = 1000
        self.interrupted = -1
        self.monotonic_ns = lambda: self.now_ns  # type: ignore[assignment]
        self.sleep_until = self._sleep_until  # type: ignore[assignment]

    def _sleep_until(self, monotonic_ns: int) -> bool:
        self.interrupted -= 1
        if self.interrupted == 0:
            return False
        self.now_ns = max(self.now_ns, monotonic_ns)
        return True


class Life(Session):
    def start(self) -> bool:
        self.t0_ns = self.log.t0_ns = 1000
        self.started_ns = self.system.monotonic_ns()
        return True


def life(tmp_path: Path) -> tuple[Life, Clock]:
    spec: dict[str, Any] = {"name": "a", "host": "h1", "program": "sink", "log": str(tmp_path / "a.jsonl")}
    clock = Clock()
    return Life({**spec, "start_ns": 0, "stop_ns": 10}, clock), clock


def test_it_sleeps_to_times_of_the_run(tmp_path: Path) -> None:
    session, clock = life(tmp_path)
    assert session.start() and session.sleep_until(50)
    assert clock.now_ns == 1050 and session.now() == 50
    assert session.sleep(7) and session.now() == 57


def test_a_signal_without_a_reason_does_not_end_a_sleep(tmp_path: Path) -> None:
    session, clock = life(tmp_path)
    session.start()
    clock.interrupted = 1
    assert session.sleep_until(50) and session.now() == 50


def test_a_reason_to_stop_ends_every_sleep_at_once(tmp_path: Path) -> None:
    session, _ = life(tmp_path)
    session.start()
    session.stop_reason = "deadline"
    assert not session.sleep_until(50) and session.now() == 0
    session.wait_for_stop()
    assert session.place == "agent 'a' (sink)"


def test_its_summary_names_outcome_and_calls(tmp_path: Path) -> None:
    session, clock = life(tmp_path)
    session.start()
    session.log.add(1003, "send", error="EPIPE")
    clock.now_ns = 1500
    summary = session.close({"error": None, "writes": 1}, session.duration_ns())
    assert (summary["outcome"], summary["duration_ns"], summary["calls"]) == ("done", 500, 1)
    assert summary["errors"] == {"EPIPE": 1} and summary["writes"] == 1
    assert json.loads((tmp_path / "a.jsonl").read_text().splitlines()[1])["t_ns"] == 3
