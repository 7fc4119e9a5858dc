"""System calls of both runs, without their times."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from netemu.fidelity.called import Called, Calls, compare_calls, end_ns, read_calls
from netemu.recording.layout import Recording


def log(place: Path, agent: str, program: str, lines: list[dict[str, Any]]) -> Recording:
    (place / "agents").mkdir(parents=True, exist_ok=True)
    header = {"agent": agent, "host": "h1", "program": program}
    defaults = {"asked_bytes": None, "done_bytes": None, "errno": None, "blocked_ns": 0, "connection": None}
    text = [json.dumps(header), *(json.dumps({**defaults, **line}) for line in lines)]
    (place / "agents" / f"{agent}.jsonl").write_text("\n".join(text) + "\n")
    return Recording(place)


def recv(t_ns: int, done: int, **more: Any) -> dict[str, Any]:
    return {"t_ns": t_ns, "call": "recv", "asked_bytes": 100, "done_bytes": done, **more}


def test_times_do_not_count_and_results_do(tmp_path: Path) -> None:
    real = read_calls(log(tmp_path / "a", "one.server", "sink", [recv(5, 40), recv(9, 60)]))
    late = read_calls(log(tmp_path / "b", "one.server", "sink", [recv(6, 40), recv(11, 60)]))
    assert compare_calls(real, late) == Calls(2, 2, None)
    other = read_calls(log(tmp_path / "c", "one.server", "sink", [recv(6, 40), recv(11, 50)]))
    assert compare_calls(real, other) == Calls(2, 1, Called("one.server", 2, 9, "recv 100 = 60", "recv 100 = 50"))


def test_a_missing_call_and_an_errno_are_told(tmp_path: Path) -> None:
    real = read_calls(log(tmp_path / "a", "one.server", "sink", [recv(5, 40), {"t_ns": 7, "call": "close"}]))
    model = read_calls(log(tmp_path / "b", "one.server", "sink", [recv(5, 40)]))
    assert compare_calls(real, model).first == Called("one.server", 2, 7, "close", "-")
    failed = read_calls(log(tmp_path / "c", "one.server", "sink", [{"t_ns": 5, "call": "accept", "errno": "EAGAIN"}]))
    assert failed["one.server"] == [(5, "accept EAGAIN")]


def test_scripts_tell_arguments_and_results(tmp_path: Path) -> None:
    line = {"t_ns": 1, "call": "bind", "errno": "EADDRINUSE", "detail": {"arguments": ["", 5], "result": "EADDRINUSE"}}
    assert read_calls(log(tmp_path, "server", "calls", [line])) == {"server": [(1, "bind ['', 5] = EADDRINUSE")]}


def test_a_run_is_over_when_the_last_call_of_all_agents_has_returned(tmp_path: Path) -> None:
    log(tmp_path, "a", "sink", [recv(5, 40), {"t_ns": 7, "call": "recv", "blocked_ns": 90}])
    assert end_ns(read_calls(log(tmp_path, "b", "sink", [recv(50, 40)]))) == 97
    assert end_ns({}) == 0
