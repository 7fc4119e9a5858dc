"""JSON that RFC 8259 does not allow, or leaves open, is refused."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from netemu.errors import BadInput
from netemu.topology.jsontext import load_json

documents: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=8,
)


@given(documents)
def test_what_json_writes_is_read(document: Any) -> None:
    assert load_json(json.dumps(document), "x") == document
    assert load_json(json.dumps(document).encode(), "x") == document


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ('{"a": 1,\n "b" 2}', "x, line 2, column 6: not JSON: Expecting ':' delimiter"),
        (b"", "x, line 1, column 1: not JSON: Expecting value"),
        (b'"\xff"', "x: byte 1 is not UTF-8"),
        ('{"a": {"b": 1, "b": 2}}', "x: the key 'b' is there twice"),
        ('{"a": NaN}', "x: NaN is no JSON number"),
        ("[-Infinity]", "x: -Infinity is no JSON number"),
        ("[" * 200_000, "x: nested too deeply"),
        ("9" * 5000, "x: Exceeds the limit"),
    ],
)
def test_what_is_refused_and_why(content: str | bytes, message: str) -> None:
    with pytest.raises(BadInput) as caught:
        load_json(content, "x")
    assert str(caught.value).startswith(message)
