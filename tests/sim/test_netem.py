"""A wire that netem carries, where it differs from a relay: who is there first, and parts of nanoseconds."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from netemu.link import LinkModel, LinkParameters
from netemu.link.model import DROP_QUEUE, FORWARD
from netemu.sim.netem import NetemModel
from netemu.specs import LinkDirection, Queue

PACKET_NS = 1_000_000  # 986 bytes and the Ethernet header at 8 Mbit/s
IP_BYTES = 986


def model(maker: type[LinkModel], **fields: Any) -> LinkModel:
    direction = LinkDirection(**{"rate_bps": 8_000_000, "queue": Queue(packets=2), **fields})
    found = maker(LinkParameters.from_mapping(msgspec.to_builtins(direction), "link"), 1)
    found.start(0)
    return found


@pytest.mark.parametrize(
    ("maker", "delay_ns", "third"),
    [(NetemModel, 5_000_000, DROP_QUEUE), (NetemModel, 0, FORWARD), (LinkModel, 5_000_000, FORWARD)],
)
def test_behind_a_delay_what_arrives_finds_what_leaves_at_that_nanosecond(
    maker: type[LinkModel], delay_ns: int, third: str
) -> None:
    wire = model(maker, delay_ns=delay_ns)
    assert [wire.arrive(0, IP_BYTES).action for _ in range(3)] == [FORWARD, FORWARD, DROP_QUEUE]
    assert wire.arrive(PACKET_NS, IP_BYTES).action == third


def test_a_nanosecond_later_its_place_is_free_and_the_line_has_lost_no_time() -> None:
    wire = model(NetemModel, delay_ns=5_000_000)
    dues = [wire.arrive(0, IP_BYTES).due_ns for _ in range(2)]
    late = wire.arrive(PACKET_NS + 1, IP_BYTES)
    assert (late.action, late.queue_packets, late.queue_bytes) == (FORWARD, 1, IP_BYTES)
    assert [*dues, late.due_ns] == [5_000_000 + number * PACKET_NS for number in (1, 2, 3)]


def test_a_drop_changes_nothing_of_what_waits() -> None:
    wire = model(NetemModel, delay_ns=5_000_000)
    for _ in range(5):
        wire.arrive(0, IP_BYTES)
    assert wire.arrive(PACKET_NS + 1, IP_BYTES).action == FORWARD
    assert wire.arrive(PACKET_NS + 1, IP_BYTES).action == DROP_QUEUE
    assert wire.arrive(2 * PACKET_NS + 1, IP_BYTES).action == FORWARD


@pytest.mark.parametrize(("maker", "line_ns"), [(NetemModel, 2_666_666), (LinkModel, 2_666_667)])
def test_netem_cuts_the_time_on_the_line(maker: type[LinkModel], line_ns: int) -> None:
    assert model(maker, rate_bps=3_000_000).arrive(0, IP_BYTES).due_ns == line_ns


def test_without_a_rate_nothing_waits() -> None:
    wire = model(NetemModel, rate_bps=None, delay_ns=7)
    assert [wire.arrive(3, IP_BYTES).due_ns for _ in range(5)] == [10] * 5
