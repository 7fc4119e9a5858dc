"""The Plan's hash names what is executed: any difference in it is another run, the order of keys is not."""

from __future__ import annotations

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from netemu.specs import Endpoint, LinkDirection, LinkSpec, NodeSpec, Plan

A = Endpoint("h1", "h1-eth0", "02:00:00:01:00:00", "10.0.0.1/24", None)
B = Endpoint("h2", "h2-eth0", "02:00:00:02:00:00", "10.0.0.2/24", None)
PLAN = Plan(
    "e",
    1,
    (NodeSpec("h1", "host"), NodeSpec("h2", "host")),
    (LinkSpec("h1-h2", A, B, LinkDirection(), LinkDirection()),),
    (),
    (),
    (),
)


def test_the_digest_is_twelve_hexadecimal_digits() -> None:
    assert len(PLAN.digest) == 12
    assert int(PLAN.digest, 16) >= 0


@pytest.mark.parametrize(
    "change",
    [
        {"seed": 2},
        {"experiment": "f"},
        {"duration_ns": 1},
        {"drain_ns": 1},
        {"parameters": {"size": 1}},
        {"accept": ("mtu_black_hole:s1",)},
        {"nodes": (NodeSpec("h1", "host", sysctls={"net.ipv4.tcp_sack": "0"}), NodeSpec("h2", "host"))},
        {"links": (LinkSpec("h1-h2", A, B, LinkDirection(delay_ns=1), LinkDirection()),)},
        {"links": (LinkSpec("h1-h2", A, B, LinkDirection(), LinkDirection(delay_ns=1)),)},
    ],
)
def test_any_difference_is_another_digest(change: dict[str, object]) -> None:
    assert msgspec.structs.replace(PLAN, **change).digest != PLAN.digest


@given(st.dictionaries(st.text(max_size=4), st.integers(), min_size=2))
def test_the_order_of_keys_is_no_difference(parameters: dict[str, int]) -> None:
    backwards = dict(reversed(parameters.items()))
    assert (
        msgspec.structs.replace(PLAN, parameters=parameters).digest
        == msgspec.structs.replace(PLAN, parameters=backwards).digest
    )


def test_nodes_do_not_share_their_default_sysctls() -> None:
    first, second = NodeSpec("a", "host"), NodeSpec("b", "host")
    first.sysctls["net.ipv4.tcp_sack"] = "0"
    assert second.sysctls == {}
