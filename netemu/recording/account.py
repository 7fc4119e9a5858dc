"""``execution.json``: a kernel's own account of a run, until the manifest takes it over."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, is_dataclass
from typing import Any

from netemu.recording.layout import Recording

UNJUDGED = "unjudged"
"""The word on every claim and figure of such a run."""


def write_account(recording: Recording, account: Mapping[str, Any]) -> None:
    """Write the account, the same bytes for the same content; dataclasses in it become objects."""
    text = json.dumps(account, indent=2, sort_keys=True, default=_plain)
    recording.execution.write_text(text + "\n")


def read_account(recording: Recording) -> dict[str, Any]:
    """The account; FileNotFoundError where the kernel left none."""
    account: dict[str, Any] = json.loads(recording.execution.read_text())
    return account


def add_to_account(recording: Recording, **more: object) -> None:
    """Put ``more`` into the account that is there: what only the kernel outside the lab knows."""
    write_account(recording, read_account(recording) | more)


def judgement_of(manifest: Mapping[str, Any]) -> str:
    """``unjudged`` where a model made the run that no real kernel was compared with; empty for every other run."""
    judgement = (manifest.get("kernel_details") or {}).get("judgement")
    return UNJUDGED if judgement == UNJUDGED else ""


def factored(sysctls: Mapping[str, Mapping[str, str]]) -> dict[str, Any]:
    """Settings by node as an account keeps them: those that all nodes which have them share, once; else by node."""
    values: dict[str, set[str]] = {}
    for found in sysctls.values():
        for name, value in found.items():
            values.setdefault(name, set()).add(value)
    common = {name: next(iter(seen)) for name, seen in sorted(values.items()) if len(seen) == 1}
    own = {node: {n: v for n, v in found.items() if n not in common} for node, found in sysctls.items()}
    return {"common": common, "nodes": {node: found for node, found in own.items() if found}}


def _plain(value: object) -> object:
    if is_dataclass(value) and not isinstance(value, type):
        return asdict(value)
    raise TypeError(f"{type(value).__name__} cannot be written to execution.json")
