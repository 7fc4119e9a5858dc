"""The protocol of a run's processes: ready, go, stop, summary, and what a failing one leads to."""

import time
from pathlib import Path

import pytest

from netemu.errors import BadInput
from netemu.lab import members
from netemu.lab.members import Member


def sink(directory: Path, **changed: object) -> Member:
    spec = {
        "name": "x.server",
        "host": "h1",
        "program": "sink",
        "start_ns": 0,
        "stop_ns": 5_000_000_000,
        "log": str(directory / "x.jsonl"),
        "args": {"port": 45_001, "address": "127.0.0.1"},
    }
    return members.start("x.server", spec | changed, directory)


@pytest.fixture
def started():
    """Members to be ended whatever the test finds."""
    found: list[Member] = []
    yield found
    for member in found:
        if member.process.poll() is None:
            member.process.kill()
        member.process.wait()


def test_ready_go_stop_summary(tmp_path: Path, started: list[Member]) -> None:
    member = sink(tmp_path)
    started.append(member)
    members.wait_ready([member])
    member.say(f"go {time.monotonic_ns()}")
    member.say("stop")
    assert members.wait_end([member], time.monotonic() + 5) == []
    assert member.summary()["connections"] == []


def test_a_member_that_ended_before_it_was_told_to_has_its_summary(tmp_path: Path, started: list[Member]) -> None:
    member = sink(tmp_path, stop_ns=50_000_000)
    started.append(member)
    members.wait_ready([member])
    member.say(f"go {time.monotonic_ns()}")
    member.process.wait(timeout=10)
    member.say("stop")
    assert members.wait_end([member], time.monotonic() + 5) == []
    assert member.summary()["outcome"] == "deadline"


def test_a_member_that_fails_before_it_is_ready_is_named_with_its_error(tmp_path: Path, started: list[Member]) -> None:
    member = sink(tmp_path, args={"port": 45_002, "colour": "red"})
    started.append(member)
    with pytest.raises(BadInput, match=r"x\.server ended before it was ready: .*'colour'"):
        members.wait_ready([member])


def test_a_member_that_goes_on_is_given_back(tmp_path: Path, started: list[Member]) -> None:
    member = sink(tmp_path, args={"port": 45_003, "address": "127.0.0.1"})
    started.append(member)
    members.wait_ready([member])
    assert members.wait_end([member], time.monotonic() + 0.05) == [member]


def test_the_environment_of_a_member_holds_nothing_of_the_users(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYTHONSTARTUP", "/tmp/x")
    assert set(members.python_environment()) == {
        "PATH",
        "PYTHONPATH",
        "PYTHONHASHSEED",
        "PYTHONDONTWRITEBYTECODE",
        "LC_ALL",
    }


def test_a_module_that_lies_about_is_not_taken_for_pythons(
    tmp_path: Path, started: list[Member], monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "re.py").write_text("raise SystemExit('taken from where netemu was started')\n")
    monkeypatch.chdir(tmp_path)
    member = sink(tmp_path)
    started.append(member)
    members.wait_ready([member])
