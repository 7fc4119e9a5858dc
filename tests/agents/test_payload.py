"""The pattern that agents send shows bytes that are lost, moved or flipped."""

from __future__ import annotations

import ctypes

from hypothesis import given
from hypothesis import strategies as st

from netemu.agents.payload import PERIOD_BYTES, Payload

PAYLOAD = Payload(4096)


def receive(data: bytes) -> None:
    ctypes.memmove(PAYLOAD.receive_address, data, len(data))


@given(st.integers(0, 1 << 40), st.integers(0, 4096))
def test_the_stream_matches_itself_at_any_offset(offset: int, count: int) -> None:
    data = PAYLOAD.expected(offset, count)
    assert len(data) == count
    receive(data)
    assert PAYLOAD.mismatches(offset, count) == 0


@given(st.integers(0, 1 << 40), st.integers(1, 4096), st.data())
def test_one_flipped_byte_is_one_mismatch(offset: int, count: int, data: st.DataObject) -> None:
    at = data.draw(st.integers(0, count - 1))
    wrong = bytearray(PAYLOAD.expected(offset, count))
    wrong[at] ^= 1 << data.draw(st.integers(0, 7))
    receive(bytes(wrong))
    assert PAYLOAD.mismatches(offset, count) == 1


@given(st.integers(0, 1 << 40), st.integers(1, PERIOD_BYTES - 1))
def test_a_shifted_stream_does_not_match(offset: int, shift: int) -> None:
    receive(PAYLOAD.expected(offset + shift, 64))
    assert PAYLOAD.mismatches(offset, 64) > 0


def test_words_are_their_own_index() -> None:
    assert PAYLOAD.expected(4 * 1000, 4) == (1000).to_bytes(4, "big")
    assert PAYLOAD.expected(PERIOD_BYTES, 8) == bytes(7) + b"\x01"


def test_a_part_behind_a_header_is_compared_from_its_own_start() -> None:
    receive(b"headerheader1234" + PAYLOAD.expected(16, 100))
    assert PAYLOAD.mismatches(16, 100, 16) == 0
