"""Names that may name a node, the order they stand in, and the names made of them."""

from __future__ import annotations

import re
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from netemu.errors import BadInput
from netemu.topology.names import check_name, interface_name, link_name, natural_key


@given(st.text(max_size=12) | st.from_regex(r"[a-z][a-z0-9]{0,10}\n?", fullmatch=True) | st.integers() | st.none())
def test_only_the_documented_names_are_allowed(name: object) -> None:
    if isinstance(name, str) and re.match(r"^[a-z][a-z0-9]{0,8}\Z", name):
        assert check_name(name, "graph") == name
    else:
        with pytest.raises(BadInput, match=r"^graph: the node name .* is not allowed") as caught:
            check_name(name, "graph")
        assert repr(name) in str(caught.value)
        assert len(str(caught.value).splitlines()) == 1


def test_numbers_in_names_are_ordered_as_numbers() -> None:
    names = ["r1", "h10", "h2", "h", "h1x10", "h1x9", "h01", "h1"]
    assert sorted(names, key=natural_key) == ["h", "h01", "h1", "h1x9", "h1x10", "h2", "h10", "r1"]


@given(st.lists(st.from_regex(r"[a-z][a-z0-9]{0,8}", fullmatch=True), unique=True), st.randoms(use_true_random=False))
def test_the_order_is_total(names: list[str], random: Random) -> None:
    shuffled = random.sample(names, len(names))
    assert sorted(shuffled, key=natural_key) == sorted(names, key=natural_key)


def test_a_link_is_named_by_its_ends_in_order() -> None:
    assert link_name("r10", "r9") == link_name("r9", "r10") == "r9-r10"


def test_an_interface_fits_the_kernels_fifteen_characters() -> None:
    assert interface_name("h1", 1000) == "h1-eth1000"
    assert len(interface_name("abcdefghi", 99)) == 15
    with pytest.raises(BadInput, match="node abcdefghi: its interface 'abcdefghi-eth100' is longer than 15 characters"):
        interface_name("abcdefghi", 100)
