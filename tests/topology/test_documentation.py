"""docs/topology.md: its examples run, and it lists every attribute and kind."""

from __future__ import annotations

import doctest
from pathlib import Path
from typing import get_args

from netemu.specs import SegmentKind
from netemu.topology.attributes import DIRECTION_ATTRIBUTES, GRAPH_ATTRIBUTES, LINK_ATTRIBUTES, NODE_ATTRIBUTES

PAGE = Path(__file__).parents[2] / "docs" / "topology.md"


def test_its_examples_run() -> None:
    result = doctest.testfile(str(PAGE), module_relative=False)
    assert result.attempted > 15
    assert result.failed == 0


def test_it_names_every_attribute_and_every_kind_of_packet() -> None:
    text = PAGE.read_text(encoding="utf-8")
    names = (*DIRECTION_ATTRIBUTES, *LINK_ATTRIBUTES, *NODE_ATTRIBUTES, *GRAPH_ATTRIBUTES, *get_args(SegmentKind))
    assert [name for name in names if f"`{name}`" not in text] == []
