"""The experiment on several kernels at once: what it asks for, and whose release it expects what of."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any, cast

import pytest

from netemu.experiment import NotObservable, Run
from netemu.experiment.load import load_experiment
from netemu.kernels.mixed_plan import kernel_of_nodes

FILE = Path(__file__).parents[1] / "experiments/mixed_kernels.py"


@pytest.fixture(scope="module")
def mixed() -> ModuleType:
    """The experiment's file as a module."""
    spec = importlib.util.spec_from_file_location("mixed_kernels", FILE)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def run_of(**details: Any) -> Run:
    """A run whose manifest says this of its kernels."""
    return cast("Run", SimpleNamespace(manifest={"kernel_details": details}, evidence=[]))


def test_each_host_is_judged_by_its_own_release(mixed: ModuleType) -> None:
    run = run_of(release="h1: 5.10.223; h2: 7.2.13", nodes={"h1": "5.10.223", "h2": "7.2.13"})
    assert mixed.release_of(run, "h1") == (5, 10)
    assert mixed.release_of(run, "h2") == (7, 2)
    assert mixed.release_of(run_of(release="6.12.107"), "h2") == (6, 12)
    assert run.evidence[0] == "manifest.json, h1: kernel release 5.10.223"
    with pytest.raises(NotObservable, match="is no version"):
        mixed.release_of(run_of(release="newest"), "h1")


def test_each_flow_runs_both_ways_over_a_relay(mixed: ModuleType) -> None:
    plan = load_experiment(FILE).plan({}, 1)
    (link,) = plan.links
    assert link.backend == "relay"
    assert [rule.port for rule in link.a_to_b.drops] == [mixed.PORTS["syn_h1"]]
    assert [rule.port for rule in link.b_to_a.drops] == [mixed.PORTS["syn_h2"]]
    hosts = {agent.name: agent.host for agent in plan.agents}
    for host, other in (("h1", "h2"), ("h2", "h1")):
        assert hosts[f"syn_{host}.client"] == host
        assert hosts[f"window_{host}.client"] == other
    assert kernel_of_nodes(plan, "uml:7.2", {"h1": "uml:5.10"}) == {"h1": "uml:5.10", "h2": "uml:7.2"}
