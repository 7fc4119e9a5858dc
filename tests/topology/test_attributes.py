"""Unknown attributes name the nearest known one; values per direction are told from values for both."""

from __future__ import annotations

import pytest

from netemu.errors import BadInput
from netemu.topology.attributes import (
    DIRECTION_ATTRIBUTES,
    LINK_ATTRIBUTES,
    NODE_ATTRIBUTES,
    check_known,
    is_per_direction,
    split_directions,
)

EDGE = DIRECTION_ATTRIBUTES + LINK_ATTRIBUTES


@pytest.mark.parametrize(
    ("given", "allowed", "nearest"),
    [
        ("dealy", EDGE, "delay"),
        ("mtu", EDGE, "mtu_bytes"),
        ("bandwidth", EDGE, None),
        ("que", EDGE, "queue"),
        ("sysctl", NODE_ATTRIBUTES, "sysctls"),
        (7, EDGE, None),
    ],
)
def test_an_unknown_attribute_names_the_nearest(given: object, allowed: tuple[str, ...], nearest: str | None) -> None:
    with pytest.raises(BadInput, match=f"^edge a-b: unknown attribute {given!r}; ") as caught:
        check_known([given], allowed, "edge a-b")
    assert (f"did you mean {nearest!r}?" in str(caught.value)) == (nearest is not None)
    assert ", ".join(allowed) in str(caught.value)


def test_one_value_counts_for_both_directions_and_a_mapping_by_arrow_for_each() -> None:
    given = {"delay": "1ms", "loss": {"p": 1, "r": 1}, "rate": {"a->b": 5}, "jitter": None, "cost": {"b->a": None}}
    there, back = split_directions(given, "a->b", "b->a", "edge a-b")
    assert there == {
        "delay": ("1ms", "edge a-b: delay"),
        "loss": ({"p": 1, "r": 1}, "edge a-b: loss"),
        "rate": (5, "edge a-b: rate['a->b']"),
    }
    assert back == {"delay": ("1ms", "edge a-b: delay"), "loss": ({"p": 1, "r": 1}, "edge a-b: loss")}


@pytest.mark.parametrize("key", ["a->c", "b -> a", "->", 3])
def test_a_direction_of_another_edge_is_refused(key: object) -> None:
    with pytest.raises(BadInput, match=r"^edge a-b: rate: .* is no direction of this edge; use 'a->b', 'b->a'$"):
        split_directions({"rate": {"a->b": 1, key: 2}}, "a->b", "b->a", "edge a-b")


def test_only_a_mapping_with_arrows_is_by_direction() -> None:
    assert is_per_direction({"a->b": 1})
    assert not any(map(is_per_direction, [{}, {"p": 1}, "a->b", ["a->b"], None]))
