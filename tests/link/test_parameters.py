from __future__ import annotations

from typing import get_args

import msgspec
import pytest

from netemu.errors import BadInput
from netemu.link.parameters import SEGMENT_KINDS, LinkParameters
from netemu.specs import DropRule, FixedLoss, GilbertElliott, LinkChange, LinkDirection, Queue, SegmentKind


def parameters(direction: LinkDirection) -> LinkParameters:
    return LinkParameters.from_mapping(msgspec.to_builtins(direction), "link l1.a_to_b")


def test_the_kinds_are_those_of_the_spec() -> None:
    assert set(get_args(SegmentKind)) == SEGMENT_KINDS


def test_json_and_builtins_say_the_same() -> None:
    direction = LinkDirection(rate_bps=8, drops=(DropRule("data", (1, 3), 80),), loss=FixedLoss(0.5))
    text = LinkParameters.from_mapping(msgspec.json.decode(msgspec.json.encode(direction)), "x")
    assert text.drops[0].nth == (1, 3)
    assert text.phases[0].rate_bps == parameters(direction).phases[0].rate_bps == 8


def test_a_change_keeps_what_it_does_not_name() -> None:
    made = parameters(
        LinkDirection(
            rate_bps=100,
            delay_ns=20,
            loss=GilbertElliott(0.1, 0.2),
            schedule=(LinkChange(5, delay_ns=7), LinkChange(9, rate_bps=50)),
        )
    )
    found = [(p.start_ns, p.rate_bps, p.delay_ns) for p in made.phases]
    assert found == [(0, 100, 20), (5, 100, 7), (9, 50, 7)]
    assert made.phases[2].loss is made.phases[0].loss  # the chain goes on


@pytest.mark.parametrize(
    ("direction", "says"),
    [
        (LinkDirection(rate_bps=0), "rate_bps: 0"),
        (LinkDirection(delay_ns=-1), "delay_ns: -1"),
        (LinkDirection(delay_ns=1, jitter_ns=2), "jitter_ns: 2"),
        (LinkDirection(reorder_ratio=1.5), "reorder_ratio: 1.5"),
        (LinkDirection(loss=FixedLoss(-0.1)), "loss.ratio: -0.1"),
        (LinkDirection(queue=Queue()), "queue"),
        (LinkDirection(queue=Queue(packets=1, bytes=1)), "queue"),
        (LinkDirection(queue=Queue(packets=0)), "queue.packets: 0"),
        (LinkDirection(drops=(DropRule("data", (0,)),)), "drops[0].nth: (0,)"),
        (LinkDirection(drops=(DropRule("data", ()),)), "drops[0].nth: ()"),
        (LinkDirection(schedule=(LinkChange(9), LinkChange(5))), "schedule[1].t_ns: 5"),
        (LinkDirection(delay_ns=9, jitter_ns=5, schedule=(LinkChange(1, delay_ns=2),)), "schedule[0].jitter_ns: 5"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_an_impossible_value_is_named_with_its_place(direction: LinkDirection, says: str) -> None:
    with pytest.raises(BadInput) as caught:
        parameters(direction)
    assert f"link l1.a_to_b.{says}" in str(caught.value)


def test_an_unknown_kind_is_refused() -> None:
    mapping = msgspec.to_builtins(LinkDirection(drops=(DropRule("data", (1,)),)))
    mapping["drops"][0]["kind"] = "sparkle"
    with pytest.raises(BadInput, match="'sparkle' is not one of"):
        LinkParameters.from_mapping(mapping, "x")
