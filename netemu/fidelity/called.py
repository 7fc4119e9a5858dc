"""What system calls gave on both sides: the agents' logs, call by call, without their times.

Packets do not show what an application sees: how much a recv() returned, which errno a bind() gave.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence

import msgspec

from netemu.recording.layout import Recording

_ABSENT = "-"


class Called(msgspec.Struct, frozen=True):
    """The first call whose result differs: the ``number``-th of ``agent`` (from 1), back at ``t_ns``; both as text."""

    agent: str
    number: int
    t_ns: int
    real: str
    model: str


class Calls(msgspec.Struct, frozen=True):
    """How many calls the agents of both runs made (the longer log counts), and how many gave the same in order."""

    calls: int = 0
    identical: int = 0
    first: Called | None = None


Logs = Mapping[str, Sequence[tuple[int, str]]]
"""Agent -> the time when each call returned, and its text."""


def end_ns(logs: Logs) -> int:
    """When the last agent was done."""
    return max((t_ns for calls in logs.values() for t_ns, _ in calls), default=0)


def read_calls(recording: Recording) -> Logs:
    """Every agent's calls of a run."""
    found = {}
    for path in sorted(recording.agents.glob("*.jsonl")):
        header, *lines = [json.loads(line) for line in path.read_text().splitlines()]
        scripted = header["program"] == "calls"
        found[header["agent"]] = [(line["t_ns"] + line["blocked_ns"], _text(line, scripted)) for line in lines]
    return found


def _text(line: Mapping[str, object], scripted: bool) -> str:
    """One call and what it gave; times, ports and cookies are none of it."""
    parts = [str(line["call"])]
    if scripted:
        detail = line["detail"]
        assert isinstance(detail, dict)
        parts.append(f"{detail['arguments']} = {detail['result']}")
        return " ".join(parts)
    if line["asked_bytes"] is not None:
        parts.append(f"{line['asked_bytes']} = {line['done_bytes']}")
    if line["errno"] is not None:
        parts.append(str(line["errno"]))
    return " ".join(parts)


def compare_calls(real: Logs, model: Logs) -> Calls:
    """The calls of both runs, each agent's in their order."""
    total = identical = 0
    found: list[Called] = []
    for agent in sorted(real.keys() | model.keys()):
        left, right = real.get(agent, ()), model.get(agent, ())
        total += max(len(left), len(right))
        equal = [one[1] == two[1] for one, two in zip(left, right, strict=False)]
        identical += sum(equal)
        at = equal.index(False) if False in equal else len(equal)
        if at < max(len(left), len(right)):
            sides = [side[at] if at < len(side) else None for side in (left, right)]
            t_ns = min(one[0] for one in sides if one is not None)
            told = [_ABSENT if one is None else one[1] for one in sides]
            found.append(Called(agent, at + 1, t_ns, *told))
    return Calls(total, identical, min(found, key=lambda one: one.t_ns, default=None))
