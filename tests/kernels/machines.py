"""Kernels for tests: those that are in the cache of whoever runs the tests."""

from __future__ import annotations

from pathlib import Path

import pytest

from netemu.experiment.load import load_experiment
from netemu.kernels.ready import module_files
from netemu.kernels.store import Entry, open_store
from netemu.kernels.uml import options_for
from netemu.kernels.uml_boot import Machine
from netemu.session import run_experiment


def virtual_kernels() -> list[Entry]:
    """The newest kernel with virtual time of each series in the cache."""
    found: dict[tuple[str, ...], Entry] = {}
    for entry in open_store().entries():
        if entry.manifest.virtual_time:
            found.setdefault(tuple(entry.manifest.version.split(".")[:2]), entry)
    return list(found.values())


def machine_of(entry: Entry, memory_bytes: int = 256 << 20, *, virtual: bool = True) -> Machine:
    """A machine that runs ``entry``."""
    return Machine(
        entry.binary,
        memory_bytes,
        virtual=virtual,
        modules=module_files(entry),
        options=options_for(entry.manifest.version),
    )


def claims_hold_in_a_guest(file: Path, results: Path, figures: set[str]) -> None:
    """Assert that every claim of the experiment holds in virtual time on the newest kernel, and that it drew these."""
    kernels = virtual_kernels()
    if not kernels:
        pytest.skip("no kernel with virtual time is in the cache: netemu kernels build 7.2")
    kernel = f"uml:{kernels[0].name}?time=virtual"
    summary = run_experiment(load_experiment(file), kernel=kernel, results=results, source=file)
    assert summary.validity == "valid", summary.reasons
    assert [claim for claim in summary.claims if claim.holds is not True] == []
    assert {path.name for path in summary.figures} >= figures
