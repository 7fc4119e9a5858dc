"""Loads, stores and records by address, against the same bytes read in Python."""

import struct

import numba
import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from netemu.trace import memory as m

PAIR = np.dtype([("first", np.int64), ("second", np.int64)])
pair_at = m.record_at(PAIR)


@numba.njit
def loads(data: int, at: int) -> tuple[int, ...]:
    return m.byte(data, at), m.le16(data, at), m.le32(data, at), m.be16(data, at), m.be32(data, at), m.be64(data, at)


@numba.njit
def swap(base: int, a: int, b: int) -> None:
    kept = m.word(base, a)
    m.set_word(base, a, m.word(base, b))
    m.set_word(base, b, kept)


@numba.njit
def add(base: int, index: int, value: int) -> int:
    record = pair_at(base, index)
    record.first += value
    record.second = m.i64(-1)
    return int(record.first)


@given(st.binary(min_size=20, max_size=20), st.integers(0, 12))
def test_loads_at_any_alignment_are_unsigned_below_64_bits(data: bytes, at: int) -> None:
    array = np.frombuffer(data, np.uint8)
    formats = ("B", "<H", "<I", ">H", ">I", ">q")
    expected = tuple(struct.unpack_from(form, data, at)[0] for form in formats)
    assert loads(array.ctypes.data, at) == expected


def test_words_are_loaded_and_stored_in_place() -> None:
    array = np.array([1, -2, 3], np.int64)
    swap(array.ctypes.data, 0, 2)
    swap(array.ctypes.data, 1, 2)
    assert array.tolist() == [3, 1, -2]


def test_a_record_is_the_memory_itself() -> None:
    array = np.zeros(3, PAIR)
    array["first"] = [1, 2, 3]
    assert add(array.ctypes.data, 1, 40) == 42
    assert array.tolist() == [(1, 0), (42, -1), (3, 0)]


@numba.njit
def stores(data: int, at: int, value: int) -> None:
    m.put8(data, at, value)
    m.put16(data, at + 1, value)
    m.put32(data, at + 3, value)
    m.put64(data, at + 7, value)


@numba.njit
def bits(value: int, count: int) -> tuple[int, int]:
    m.prefetch(value)
    return m.shift_right(value, count), m.bit_width(value)


@given(st.integers(-(2**63), 2**63 - 1), st.integers(0, 9))
def test_stores_at_any_alignment_keep_the_lowest_bits(value: int, at: int) -> None:
    array = np.zeros(24, np.uint8)
    stores(array.ctypes.data, at, value)
    word = value % (1 << 64)
    expected = b"".join((word % (1 << 8 * size)).to_bytes(size, "little") for size in (1, 2, 4, 8))
    assert array.tobytes() == bytes(at) + expected + bytes(24 - at - 15)


@given(st.integers(-(2**63), 2**63 - 1), st.integers(0, 63))
def test_bits_are_those_of_a_number_without_sign_and_any_address_may_be_announced(value: int, count: int) -> None:
    word = value % (1 << 64)
    assert bits(value, count) == ((word >> count) - (1 << 64 if word >> count >> 63 else 0), word.bit_length())


@numba.njit
def signed(value: int) -> int:
    return m.signed32(value)


@given(st.integers(-(2**63), 2**63 - 1))
def test_the_lowest_half_of_a_word_with_its_sign(value: int) -> None:
    assert signed(value) == struct.unpack("<i", struct.pack("<q", value)[:4])[0]
