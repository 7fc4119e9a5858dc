"""The experiment of the path-MTU black hole, in a guest: in virtual time its ten seconds of timeouts cost little."""

from __future__ import annotations

from pathlib import Path

import pytest

from netemu.experiment.load import load_experiment
from netemu.session import run_experiment
from tests.kernels.machines import virtual_kernels

FILE = Path(__file__).parents[1] / "experiments/black_hole.py"


def test_every_sender_sits_behind_a_firewall_that_drops_icmp_errors_only() -> None:
    plan = load_experiment(FILE).plan({}, 1)
    rules = [rule for link in plan.links for way in (link.a_to_b, link.b_to_a) for rule in way.drops]
    assert {(rule.kind, rule.nth) for rule in rules} == {("icmp", "all")}
    assert len(rules) == 3


def test_every_claim_holds_in_a_guest_of_the_newest_kernel(tmp_path: Path) -> None:
    kernels = virtual_kernels()
    if not kernels:
        pytest.skip("no kernel with virtual time is in the cache: netemu kernels build 7.2")
    summary = run_experiment(
        load_experiment(FILE), kernel=f"uml:{kernels[0].name}?time=virtual", results=tmp_path, source=FILE
    )
    assert summary.validity == "valid", summary.reasons
    assert [claim for claim in summary.claims if claim.holds is not True] == []
    assert {path.name for path in summary.figures} >= {"stuck.svg", "probing.svg", "segment_size.svg"}
