"""Thrift's compact protocol, against its specification's examples and a reader of it."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from netemu.trace import thrift as t


def unsigned(data: bytes) -> tuple[int, bytes]:
    value = shift = 0
    for at, byte in enumerate(data):
        value |= (byte & 0x7F) << shift
        shift += 7
        if byte < 0x80:
            return value, data[at + 1 :]
    raise AssertionError("cut short")


@given(st.integers(0, 1 << 70))
def test_numbers_without_sign_come_back(value: int) -> None:
    assert unsigned(t.varint(value) + b"rest") == (value, b"rest")


@pytest.mark.parametrize("bits", range(1, 40))
def test_numbers_of_every_length_come_back(bits: int) -> None:
    for value in ((1 << bits) - 1, 1 << bits, 0x5A5A5A5A5A >> (40 - bits)):
        assert unsigned(t.varint(value) + b"rest") == (value, b"rest")
        assert len(t.varint(value)) == max(-(-value.bit_length() // 7), 1)


@pytest.mark.parametrize(("value", "code"), [(0, 0), (-1, 1), (1, 2), (-2, 3), (2, 4), (2**31 - 1, 2**32 - 2)])
def test_numbers_with_sign_are_folded(value: int, code: int) -> None:
    assert unsigned(t.integer(value)) == (code, b"")


def test_text_is_utf8_behind_its_length() -> None:
    assert t.text("\xe4b") == b"\x03\xc3\xa4b"


@pytest.mark.parametrize(("count", "head"), [(0, b"\x05"), (14, b"\xe5"), (15, b"\xf5\x0f"), (200, b"\xf5\xc8\x01")])
def test_lists_of_fifteen_and_more_have_a_longer_head(count: int, head: bytes) -> None:
    assert t.listed(t.I32, [b"x"] * count) == head + b"x" * count


def test_fields_are_sorted_and_their_numbers_told_as_steps() -> None:
    fields = {19: (t.I32, b"c"), 1: (t.TEXT, b"a"), 3: t.flag(True), 4: t.flag(False), 5: t.int8(8)}
    assert t.struct(fields) == b"\x18a" + b"\x21" + b"\x12" + b"\x13\x08" + b"\xe5c" + b"\x00"


def test_a_step_beyond_fourteen_gives_the_number_itself() -> None:
    assert t.struct({16: (t.I32, b"v")}) == b"\x05\x20v\x00"
