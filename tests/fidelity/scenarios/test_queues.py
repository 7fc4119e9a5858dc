"""What the scenarios of this module are about."""

from __future__ import annotations

from netemu.fidelity.scenarios.queues import QUEUES
from netemu.topology.carriers import carried_by_kernel


def test_they_cover_their_mechanisms() -> None:
    assert {mechanism for one in QUEUES for mechanism in one.mechanisms} == {"M07", "M11"}


def test_every_queue_is_small_and_nothing_else_loses_packets() -> None:
    for one in QUEUES:
        narrow = one.plan().links[-1].a_to_b
        assert narrow.queue.packets is None or narrow.queue.packets <= 20
        assert narrow.queue.bytes is None or narrow.queue.bytes <= 30_000
        assert not narrow.drops and narrow.loss is None


def test_they_are_carried_by_both_wires_and_counted_in_both_units() -> None:
    links = [link for one in QUEUES for link in one.plan().links]
    assert {carried_by_kernel(link) for link in links} == {True, False}
    assert {link.a_to_b.queue.bytes is None for link in links} == {True, False}
