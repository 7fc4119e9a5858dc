"""Generated scenarios depend on seed and index alone, and every one is a plan."""

from __future__ import annotations

from hashlib import sha256

from hypothesis import given, settings
from hypothesis import strategies as st

from netemu.fidelity.generator import generated


@settings(max_examples=25, deadline=None)
@given(st.integers(1, 2**31), st.integers(0, 500))
def test_a_scenario_is_a_pure_function_of_seed_and_index(seed: int, index: int) -> None:
    plan = generated(seed, index).plan()
    assert plan.digest == generated(seed, index).plan().digest
    assert len(plan.links) in (1, 2)


def test_it_stays_what_it_was() -> None:
    """Figures that were quoted for a seed hold for these scenarios; a change of the generator needs new seeds."""
    assert [sha256(repr(generated(7, index)).encode()).hexdigest()[:12] for index in range(3)] == GOLDEN


def test_scenarios_differ_in_what_is_drawn() -> None:
    plans = [generated(1, index).plan() for index in range(60)]
    assert len({plan.digest for plan in plans}) == 60
    drops = [plan.links[0].a_to_b.drops for plan in plans]
    assert 15 <= sum(map(bool, drops)) <= 50
    assert 3 <= sum(len(plan.links) == 2 for plan in plans) <= 20
    queues = [plan.links[0].a_to_b.queue for plan in plans]
    assert 5 <= sum(queue.bytes is not None or (queue.packets or 0) < 15 for queue in queues) <= 25
    assert any(queue.bytes is not None for queue in queues)
    assert sum(any(node.sysctls for node in plan.nodes) for plan in plans) >= 3
    assert {agent.program for plan in plans for agent in plan.agents} >= {"bulk_send", "small_writes", "request"}
    assert {agent.args.get("congestion") for plan in plans for agent in plan.agents} >= {"reno", "cubic", "bbr"}


GOLDEN = ["e0be6adf09c9", "c0dbc7d6c604", "64b957c7fc20"]


def test_what_is_drawn_for_each_packet_is_drawn_by_a_relay_for_netem_has_numbers_of_its_own() -> None:
    links = [link for index in range(200) for link in generated(5, index).links]
    drawn = [link for link in links if link.keys() & {"loss", "reorder", "duplicate"}]
    assert drawn and {link["backend"] for link in drawn} == {"relay"}
    assert {link["backend"] for link in links} == {"auto", "relay"}
