"""Small plans run on models, and what they left."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import msgspec

from netemu.kernels.model import ModelKernel
from netemu.recording.account import read_account
from netemu.recording.layout import Recording
from netemu.specs import AgentSpec, LinkDirection, Plan
from tests.lab import plans

MS, S = 10**6, 10**9
LINE = LinkDirection(rate_bps=20_000_000, delay_ns=5 * MS)


def agent(name: str, host: str, program: str, start_ns: int = 0, stop_ns: int = 5 * S, **args: Any) -> AgentSpec:
    """One agent, ended after five seconds."""
    return AgentSpec(name, host, program, args, start_ns, stop_ns)


def bulk(size: int, **client: Any) -> tuple[AgentSpec, ...]:
    """``size`` bytes from h1 to h2 at 10.0.0.2."""
    return (
        agent("t.server", "h2", "sink", port=5001),
        agent("t.client", "h1", "bulk_send", port=5001, address="10.0.0.2", bytes=size, **client),
    )


def with_agents(agents: tuple[AgentSpec, ...], plan: Plan | None = None, **fields: Any) -> Plan:
    """A pair of hosts unless another plan is given."""
    return msgspec.structs.replace(plan or plans.pair(LINE), agents=agents, **fields)


def run(plan: Plan, directory: Path, kernel: str = "model:linux-7") -> tuple[Recording, dict[str, Any]]:
    """The recording and its account."""
    directory.mkdir(exist_ok=True)
    recording = Recording(directory)
    ModelKernel(kernel).execute(plan, recording, lambda text: None)
    return recording, read_account(recording)


def lines(path: Path) -> list[dict[str, Any]]:
    """The JSON objects of a file."""
    return [json.loads(line) for line in path.read_text().splitlines()]
