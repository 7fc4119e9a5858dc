"""The call log: lines by the schema, times relative to t0, a full disk that is noticed."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from netemu.agents import calllog
from netemu.agents.calllog import CallLog
from netemu.errors import VoidRun
from netemu.recording.tables import CALLS

HEADER = {"agent": "a", "host": "h1", "program": "sink"}


def read(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text().splitlines()]


def test_lines_have_the_keys_of_the_schema(tmp_path: Path) -> None:
    log = CallLog(str(tmp_path / "a"), HEADER)
    log.add(900, "bind")
    log.t0_ns = 1000
    log.add(1500, "send", 20, "1.1.1.1:1>2.2.2.2:2", asked=10, done=5)
    log.add(1600, "recv", 30, None, asked=10, error="EAGAIN", detail={"x": 1})
    log.close()
    header, bind, send, recv = read(tmp_path / "a")
    assert header == HEADER
    assert bind["t_ns"] == -100
    assert set(send) == set(CALLS) - {"agent", "host"}
    assert send == {
        "t_ns": 500,
        "call": "send",
        "asked_bytes": 10,
        "done_bytes": 5,
        "errno": None,
        "blocked_ns": 20,
        "connection": "1.1.1.1:1>2.2.2.2:2",
    }
    assert (recv["errno"], recv["done_bytes"], recv["detail"]) == ("EAGAIN", None, {"x": 1})
    assert log.errors == {"EAGAIN": 1}
    assert log.calls == 3


def test_a_long_log_is_written_on_the_way(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(calllog, "_RECORDS_PER_FLUSH", 10)
    log = CallLog(str(tmp_path / "a"), HEADER)
    log.t0_ns = 0
    for number in range(25):
        log.add(number, "send")
    assert len(read(tmp_path / "a")) == 1 + 20
    log.close()
    assert [line["t_ns"] for line in read(tmp_path / "a")[1:]] == list(range(25))


def test_a_pause_is_used_only_when_it_is_long_enough(tmp_path: Path) -> None:
    log = CallLog(str(tmp_path / "a"), HEADER)
    log.t0_ns = 0
    for number in range(1000):
        log.add(number, "send")
    log.idle(1_000_000)
    assert len(read(tmp_path / "a")) == 1
    log.idle(1_000_000_000)
    assert len(read(tmp_path / "a")) == 1001
    log.close()


def test_nothing_is_written_while_t0_is_unknown(tmp_path: Path) -> None:
    log = CallLog(str(tmp_path / "a"), HEADER)
    log.add(5, "listen")
    log.flush()
    assert read(tmp_path / "a") == [HEADER]


def test_a_path_that_cannot_be_made_is_named(tmp_path: Path) -> None:
    with pytest.raises(VoidRun, match=r"cannot write .*/missing/a: No such file"):
        CallLog(str(tmp_path / "missing" / "a"), HEADER)


def test_a_full_disk_is_an_error() -> None:
    with pytest.raises(VoidRun, match="cannot write /dev/full: No space left on device"):
        CallLog("/dev/full", HEADER)
