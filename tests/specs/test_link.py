"""What a link's specs promise: immutable, compared by value, explicit defaults, nothing unknown."""

from __future__ import annotations

from typing import get_args

import pytest

from netemu.errors import BadInput
from netemu.specs import (
    DropRule,
    FixedLoss,
    GilbertElliott,
    LinkChange,
    LinkDirection,
    Queue,
    SegmentKind,
    from_json,
)


def test_a_link_that_was_asked_for_nothing_does_nothing() -> None:
    direction = LinkDirection()
    assert (direction.mtu_bytes, direction.rate_bps, direction.delay_ns, direction.loss) == (1500, None, 0, None)
    assert direction.queue == Queue(packets=1000, bytes=None)
    assert (direction.drops, direction.schedule, direction.ecn_threshold) == ((), (), None)


def test_gilbert_elliott_loses_all_in_bad_and_nothing_in_good_unless_said() -> None:
    loss = GilbertElliott(p=0.1, r=0.5)
    assert (loss.loss_in_bad, loss.loss_in_good) == (1.0, 0.0)


@pytest.mark.parametrize("spec", [LinkDirection(), Queue(packets=3), FixedLoss(0.1), DropRule("data", (1,))])
def test_specs_are_immutable_hashable_values(spec: object) -> None:
    field = type(spec).__struct_fields__[0]  # type: ignore[attr-defined]
    with pytest.raises(AttributeError):
        setattr(spec, field, 1)
    assert len({spec, type(spec)(**{name: getattr(spec, name) for name in type(spec).__struct_fields__})}) == 1  # type: ignore[attr-defined]


@pytest.mark.parametrize("kind", [LinkDirection, Queue, DropRule, LinkChange, FixedLoss, GilbertElliott])
def test_unknown_fields_in_a_file_are_refused(kind: type) -> None:
    with pytest.raises(BadInput, match=f"not a {kind.__name__}"):
        from_json('{"dealy_ns": 1}', kind, "x")


def test_drop_rules_name_a_kind_of_the_closed_list() -> None:
    assert "new_data" in get_args(SegmentKind)
    with pytest.raises(BadInput, match="Invalid enum value 'ping'"):
        from_json('{"kind": "ping", "nth": [1]}', DropRule, "x")
