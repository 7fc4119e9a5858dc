"""The experiment of the path-MTU black hole, in a guest: in virtual time its ten seconds of timeouts cost little."""

from __future__ import annotations

from pathlib import Path

from netemu.experiment.load import load_experiment
from tests.kernels.machines import claims_hold_in_a_guest

FILE = Path(__file__).parents[1] / "experiments/black_hole.py"


def test_every_sender_sits_behind_a_firewall_that_drops_icmp_errors_only() -> None:
    plan = load_experiment(FILE).plan({}, 1)
    rules = [rule for link in plan.links for way in (link.a_to_b, link.b_to_a) for rule in way.drops]
    assert {(rule.kind, rule.nth) for rule in rules} == {("icmp", "all")}
    assert len(rules) == 3


def test_every_claim_holds_in_a_guest_of_the_newest_kernel(tmp_path: Path) -> None:
    claims_hold_in_a_guest(FILE, tmp_path, {"stuck.svg", "probing.svg", "segment_size.svg"})
