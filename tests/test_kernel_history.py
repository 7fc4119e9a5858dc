"""The experiment that compares kernels: what it expects of each release, and one run of it in a guest."""

from __future__ import annotations

from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import cast

import pytest

from netemu.experiment import Run
from netemu.experiment.load import load_experiment
from tests.kernels.machines import claims_hold_in_a_guest

FILE = Path(__file__).parents[1] / "experiments/kernel_history.py"


@pytest.fixture(scope="module")
def history() -> ModuleType:
    """The experiment's file as a module."""
    import importlib.util

    spec = importlib.util.spec_from_file_location("kernel_history", FILE)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def of(*release: int) -> Run:
    """A run of this release."""
    return cast("Run", SimpleNamespace(kernel_release=release))


def test_a_change_is_there_from_its_release_on_and_says_why(history: ModuleType) -> None:
    change = history.LINEAR_SYNS
    assert [change.there(of(*release)) for release in ((5, 10, 223), (6, 4, 16), (6, 5, 0), (7, 2, 13))] == [
        False,
        False,
        True,
        True,
    ]
    assert change.reason(of(6, 1, 176)).startswith("before Linux 6.5, ccce324dabfe ('tcp: make the first N SYN")
    assert change.reason(of(6, 12, 107)).startswith("since Linux 6.5, ")


def test_every_flow_has_its_port_and_no_link_carries_what_another_drops(history: ModuleType) -> None:
    plan = load_experiment(FILE).plan({}, 1)
    assert {agent.name.partition(".")[0] for agent in plan.agents} == set(history.PORTS)
    listed = {rule.port for link in plan.links for way in (link.a_to_b, link.b_to_a) for rule in way.drops}
    assert listed == {history.PORTS[flow] for flow in history.DROPPED}


def test_every_claim_holds_in_a_guest_of_the_newest_kernel(tmp_path: Path) -> None:
    claims_hold_in_a_guest(FILE, tmp_path, {"syn.svg", "small_buffer.pdf", "sacks.png", "burst.svg"})
