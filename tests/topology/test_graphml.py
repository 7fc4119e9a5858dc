"""Values in GraphML: whatever is encoded is decoded to the same value of the same type, also after XML had it."""

from __future__ import annotations

import xml.etree.ElementTree as ET
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from netemu.errors import BadInput
from netemu.topology.graphml import decode, encode, render_graphml
from topologies import chain

letters = st.characters(exclude_categories=["Cs"])
texts = st.text(letters) | st.sampled_from(
    ["null", "true", "3", "", " ", "a\r\nb", "\0", "[", '{"a": 1}', '"q"', "30p"]
)
values: st.SearchStrategy[Any] = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | texts
    | st.lists(st.integers() | texts, max_size=3)
    | st.dictionaries(texts, texts | st.none() | st.integers(), max_size=3)
)


@given(values)
def test_values_survive_xml(value: Any) -> None:
    kind, text = encode(value)
    element = ET.Element("data")
    element.text = text
    read = ET.fromstring(ET.tostring(element)).text or ""
    again = decode(kind, read, "x")
    assert again == value
    assert type(again) is type(value)


@pytest.mark.parametrize(
    ("value", "kind", "text"),
    [
        (1500, "long", "1500"),
        (0.5, "double", "0.5"),
        (True, "boolean", "true"),
        ("10ms", "string", "10ms"),
        ({"h1->r1": 1}, "string", '{"h1->r1": 1}'),
        (None, "string", "null"),
        ("null", "string", '"null"'),
    ],
)
def test_simple_values_look_as_other_tools_write_them(value: Any, kind: str, text: str) -> None:
    assert encode(value) == (kind, text)


@pytest.mark.parametrize(
    ("kind", "text", "message"),
    [
        ("int", "1.5", "x: '1.5' is no int"),
        ("boolean", "yes", "x: 'yes' is no boolean"),
        ("double", "", "x: '' is no double"),
        ("string", "{bad", "x, line 1, column 2: not JSON"),
    ],
)
def test_text_of_another_type_is_refused(kind: str, text: str, message: str) -> None:
    with pytest.raises(BadInput, match=message):
        decode(kind, text, "x")


def test_a_key_is_declared_once_per_type() -> None:
    graph = chain(3)
    graph.edges["h1", "r1"]["delay"] = "1ms"
    graph.edges["r1", "r2"]["delay"] = 5
    root = ET.fromstring(render_graphml(graph))
    keys = [(key.get("for"), key.get("attr.name"), key.get("attr.type")) for key in root if key.tag.endswith("key")]
    assert keys == [("node", "role", "string"), ("edge", "delay", "string"), ("edge", "delay", "long")]
