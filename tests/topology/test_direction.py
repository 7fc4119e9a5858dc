"""One direction of an edge: defaults, schedules, and what is impossible only in combination."""

from __future__ import annotations

from typing import Any

import pytest

from netemu.errors import BadInput
from netemu.specs import FixedLoss, LinkChange, LinkDirection, Queue
from netemu.topology.direction import parse_direction


def parse(**values: Any) -> LinkDirection:
    return parse_direction({name: (value, f"edge a-b: {name}") for name, value in values.items()}, "edge a-b, a->b")


def test_what_is_left_out_has_the_default_of_the_spec() -> None:
    assert parse() == LinkDirection()


def test_every_attribute_reaches_its_field() -> None:
    assert parse(
        mtu_bytes=1400,
        rate="10Mbit/s",
        overhead=38,
        delay="10ms",
        jitter="1ms",
        loss="1%",
        drops=[],
        reorder=0.1,
        duplicate="2%",
        corrupt=1e-6,
        ecn="5p",
        queue="30p",
    ) == LinkDirection(
        mtu_bytes=1400,
        rate_bps=10_000_000,
        overhead_bytes=38,
        delay_ns=10_000_000,
        jitter_ns=1_000_000,
        loss=FixedLoss(0.01),
        reorder_ratio=0.1,
        duplicate_ratio=0.02,
        corrupt_ratio=1e-6,
        ecn_threshold=5,
        queue=Queue(packets=30),
    )


def test_no_loss_is_written_in_one_way() -> None:
    assert parse(loss=0) == parse(loss="0%") == parse() == LinkDirection(loss=None)


def test_a_schedule_changes_what_it_names_and_may_end_a_loss() -> None:
    given = [{"at": "1s", "delay": "40ms", "jitter": "5ms"}, {"at": "2s", "rate": "1Mbit/s", "loss": 0}]
    assert parse(delay="10ms", loss="5%", schedule=given).schedule == (
        LinkChange(10**9, delay_ns=40_000_000, jitter_ns=5_000_000),
        LinkChange(2 * 10**9, rate_bps=1_000_000, loss=FixedLoss(0.0)),
    )
    assert parse(schedule=[LinkChange(5, delay_ns=3)]).schedule == (LinkChange(5, delay_ns=3),)


@pytest.mark.parametrize(
    ("values", "message"),
    [
        (
            {"jitter": "2ms", "delay": "1ms"},
            "edge a-b, a->b: jitter: '2ms' is more than the delay '1ms'; a packet cannot leave before it came",
        ),
        (
            {"delay": "5ms", "jitter": "3ms", "schedule": [{"at": "1s", "delay": "2ms"}]},
            "edge a-b, a->b: jitter: '3ms' is more than the delay '2ms' from 1s on; a packet cannot leave",
        ),
        ({"reorder": 0.1}, "edge a-b, a->b: reorder: 0.1 needs a delay above 0 that a packet can skip"),
        (
            {"queue": "1KiB"},
            "edge a-b, a->b: queue: '1KiB' is less than one packet of mtu_bytes 1500; no full packet would ever pass",
        ),
        ({"ecn": "9KiB"}, "edge a-b: ecn: '9KiB' is in bytes, yet the queue limit '1000p' is not; use one unit"),
        ({"schedule": "2s"}, "edge a-b: schedule: '2s' is not a list of changes such as"),
        ({"schedule": ["2s"]}, "edge a-b: schedule[0]: '2s' is not a change such as"),
        (
            {"schedule": [{"at": "1s"}]},
            "edge a-b: schedule[0]: {'at': '1s'} needs 'at' and at least one of rate, delay",
        ),
        ({"schedule": [{"delay": "1s"}]}, "edge a-b: schedule[0]: {'delay': '1s'} needs 'at'"),
        ({"schedule": [{"at": "-1s", "delay": 1}]}, "edge a-b: schedule[0]: at: '-1s' is negative"),
        ({"schedule": [{"at": 1, "mtu": 1}]}, "edge a-b: schedule[0]: unknown attribute 'mtu'; allowed are at, rate"),
        ({"schedule": [{"at": 1, "rate": 0}]}, "edge a-b: schedule[0]: rate: 0 is zero"),
        (
            {"schedule": [{"at": "2s", "delay": 1}, {"at": "2s", "delay": 2}]},
            "edge a-b: schedule[1]: at: '2s' does not come after '2s'; list changes in order of time",
        ),
    ],
)
def test_what_is_refused_and_why(values: dict[str, Any], message: str) -> None:
    with pytest.raises(BadInput) as caught:
        parse(**values)
    assert str(caught.value).startswith(message)


def test_a_delay_that_only_the_schedule_brings_is_enough_for_reordering() -> None:
    assert parse(reorder=0.1, schedule=[{"at": "1s", "delay": "1ms"}]).reorder_ratio == 0.1
