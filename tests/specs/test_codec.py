"""Every spec goes to JSON and back unchanged; what JSON cannot hold, and what is no spec, is refused with its place."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from netemu.errors import BadInput
from netemu.specs import (
    AgentSpec,
    CaptureSpec,
    DropRule,
    Endpoint,
    FixedLoss,
    GilbertElliott,
    LinkChange,
    LinkDirection,
    LinkSpec,
    NodeSpec,
    Plan,
    ProbeSpec,
    Queue,
    RouteSpec,
    from_json,
    to_json,
)

json_values: st.SearchStrategy[Any] = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**63 - 1)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(max_size=6),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=6), inner, max_size=3),
    max_leaves=5,
)
text = st.text(max_size=6)
whole = st.integers(0, 2**63 - 1)
ratios = st.floats(0, 1)
losses = st.builds(FixedLoss, ratios) | st.builds(GilbertElliott, ratios, ratios, ratios, ratios)
some = st.none() | whole
directions = st.builds(
    LinkDirection,
    mtu_bytes=whole,
    rate_bps=some,
    overhead_bytes=whole,
    delay_ns=whole,
    jitter_ns=whole,
    loss=st.none() | losses,
    drops=st.tuples() | st.tuples(st.builds(DropRule, st.just("data"), st.tuples(whole), some)),
    reorder_ratio=ratios,
    duplicate_ratio=ratios,
    corrupt_ratio=ratios,
    ecn_threshold=some,
    queue=st.builds(Queue, packets=some, bytes=some),
    schedule=st.tuples() | st.tuples(st.builds(LinkChange, whole, some, some, some, st.none() | losses)),
)
ends = st.builds(Endpoint, text, text, text, st.none() | text, st.none() | text)
links = st.builds(
    LinkSpec, text, ends, ends, directions, directions, st.sampled_from(["auto", "netem", "relay"]), st.booleans()
)
nodes = st.builds(NodeSpec, text, st.just("router"), st.none() | text, st.dictionaries(text, text, max_size=2))
mappings = st.dictionaries(text, json_values, max_size=3)


def few(items: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    """Tuples of up to two."""
    return st.lists(items, max_size=2).map(tuple)


plans = st.builds(
    Plan,
    text,
    whole,
    few(nodes),
    few(links),
    few(st.builds(RouteSpec, text, text, st.none() | text, text)),
    few(st.builds(AgentSpec, text, text, text, mappings, whole, whole)),
    few(st.builds(CaptureSpec, text, text, whole)),
    st.builds(ProbeSpec, whole, st.booleans(), st.booleans()),
    mappings,
    whole,
    whole,
    few(text),
)
empty = Plan("e", 1, (), (), (), (), ())


@given(plans)
@settings(max_examples=50)
def test_a_plan_comes_back_equal_and_to_the_same_bytes(plan: Plan) -> None:
    text = to_json(plan)
    again = from_json(text, Plan, "plan.json")
    assert again == plan
    assert to_json(again) == text
    assert again.digest == plan.digest


@given(directions)
def test_a_link_direction_comes_back_equal(direction: LinkDirection) -> None:
    assert from_json(to_json(direction), LinkDirection, "x") == direction


def test_the_text_does_not_depend_on_the_order_of_keys() -> None:
    one = Plan("e", 1, (), (), (), (), (), parameters={"a": 1, "b": {"c": 2, "d": 3}})
    two = Plan("e", 1, (), (), (), (), (), parameters={"b": {"d": 3, "c": 2}, "a": 1})
    assert to_json(one) == to_json(two)
    assert one.digest == two.digest


def test_the_model_of_a_loss_is_told_by_its_tag() -> None:
    for loss in (FixedLoss(0.5), GilbertElliott(0.1, 0.2)):
        read = from_json(to_json(LinkDirection(loss=loss)), LinkDirection, "x")
        assert read.loss == loss
        assert type(read.loss) is type(loss)


@pytest.mark.parametrize(
    "value", [float("nan"), float("inf"), {1, 2}, b"bytes", object(), "\ud800", {1: 2}, [{"deep": {("a", "b"): 1}}]]
)
def test_what_json_cannot_hold_is_refused_with_its_place(value: object) -> None:
    plan = Plan("e", 1, (), (), (), (), (), parameters={"size": value})
    with pytest.raises(BadInput, match=r"^Plan: \$\.parameters\.size.* cannot be written as JSON$"):
        to_json(plan)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "truncated"),
        ("[]", "Expected `object`"),
        ("\ud800", "surrogates"),
        (b"\xff", "malformed"),
        ('{"experiment": 1}', r"Expected `str`, got `int` - at `$.experiment`"),
        (to_json(empty).replace('"accept"', '"accepted"'), "unknown field `accepted`"),
        (to_json(empty).replace('"parameters": {}', '"parameters": {"a": ' + "[" * 100_000), ""),
        (to_json(empty)[:-20], "truncated"),
    ],
)
def test_what_is_no_plan_is_refused_with_the_files_name(text: str | bytes, reason: str) -> None:
    with pytest.raises(BadInput, match=r"^run/plan\.json: not a Plan: ") as caught:
        from_json(text, Plan, "run/plan.json")
    assert reason in str(caught.value)
