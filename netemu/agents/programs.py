"""Which programs there are, how a spec names one, and how its arguments are checked before anything runs."""

from __future__ import annotations

import json
from importlib import import_module
from typing import TYPE_CHECKING, Any

from netemu.agents import files
from netemu.agents.args import read_args
from netemu.errors import BadInput

if TYPE_CHECKING:
    from netemu.agents.session import Session

TRAFFIC = (
    "bulk_send",
    "sink",
    "request",
    "respond",
    "small_writes",
    "on_off",
    "connect_many",
    "udp_send",
    "udp_sink",
    "calls",
)
"""Programs that run as agents inside hosts; each is the module of that name, with ``ARGS``, ``check`` and ``run``."""

SERVICES = ("capture", "sampler", "tracing")
"""Programs that serve a whole run, one process each; each is the module of that name."""

_AGENT_KEYS = {"name": str, "host": str, "program": str, "start_ns": int, "stop_ns": int, "log": str, "args": dict}


def check_args(program: str, args: dict[str, Any], place: str) -> dict[str, Any]:
    """The arguments of a traffic program with every default; :class:`BadInput` with ``place`` for what is wrong.

    Runs nothing: for use when a plan is made, long before the agent starts.
    """
    if program not in TRAFFIC:
        raise BadInput(f"{place}: unknown program {program!r}; there are {', '.join(TRAFFIC)}")
    module = import_module(f"netemu.agents.{program}")
    checked = read_args(args, module.ARGS, place)
    module.check(checked, place)
    return checked


def load_spec(path: str) -> dict[str, Any]:
    """The JSON object in the file; :class:`BadInput` when there is none."""
    try:
        spec = json.loads(files.read(path))
    except OSError as error:
        raise BadInput(f"{path}: {error.strerror}") from error
    except ValueError as error:
        raise BadInput(f"{path}: not JSON: {error}") from error
    if not isinstance(spec, dict) or "program" not in spec:
        raise BadInput(f"{path}: must be a JSON object with the key 'program'")
    return spec


def run_program(spec: dict[str, Any]) -> int:
    """Run what the spec asks for until its end; the exit status."""
    program = spec["program"]
    if program in SERVICES:
        return int(import_module(f"netemu.agents.{program}").main(spec))
    place = f"agent {spec.get('name')!r}"
    for key, kind in _AGENT_KEYS.items():
        if not isinstance(spec.get(key), kind):
            raise BadInput(f"{place}: key {key!r} is {spec.get(key)!r}, not of type {kind.__name__}")
    for key in spec:
        if key not in _AGENT_KEYS:
            raise BadInput(f"{place}: unknown key {key!r}; there are {', '.join(_AGENT_KEYS)}")
    args = check_args(program, spec["args"], place)
    from netemu.agents.process import ProcessSession

    session = ProcessSession(spec)
    return session.finish(run_traffic(session, program, args))


def run_traffic(session: Session, program: str, args: dict[str, Any]) -> dict[str, Any]:
    """Run a traffic program with checked arguments in ``session``; its part of the summary."""
    result: dict[str, Any] = import_module(f"netemu.agents.{program}").run(session, args)
    return result
