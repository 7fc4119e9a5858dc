"""Loads, stores and records by address, against the same bytes read in Python."""

import struct

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from netemu.trace import memory as m
from netemu.trace.compiled import entry

PAIR = np.dtype([("first", np.int64), ("second", np.int64)])
pair_at = m.record_at(PAIR)


@entry
def loads(data: int, at: int) -> tuple[int, ...]:
    return m.byte(data, at), m.le16(data, at), m.le32(data, at), m.be16(data, at), m.be32(data, at), m.be64(data, at)


@entry
def swap(base: int, a: int, b: int) -> None:
    kept = m.word(base, a)
    m.set_word(base, a, m.word(base, b))
    m.set_word(base, b, kept)


@entry
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


@entry
def stores(data: int, at: int, value: int) -> None:
    m.put8(data, at, value)
    m.put16(data, at + 1, value)
    m.put32(data, at + 3, value)
    m.put64(data, at + 7, value)


@entry
def bits(value: int, count: int) -> tuple[int, int]:
    m.prefetch(value)
    m.prefetch_to_write(value)
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


@entry
def signed(value: int) -> int:
    return m.signed32(value)


@given(st.integers(-(2**63), 2**63 - 1))
def test_the_lowest_half_of_a_word_with_its_sign(value: int) -> None:
    assert signed(value) == struct.unpack("<i", struct.pack("<q", value)[:4])[0]


SMALL = np.dtype(
    [("wide", np.int64), ("half", np.int32), ("count", np.uint32), ("flag", np.int8), ("port", np.uint16)], align=True
)
small_at = m.record_at(SMALL)


@entry
def put_small(base: int, value: int) -> tuple[int, int, int, int]:
    r = small_at(base, 1)
    r.half = r.count = r.flag = r.port = value
    return r.half, r.count, r.flag, r.port


@given(st.integers(-(2**63), 2**63 - 1))
def test_small_fields_keep_the_lowest_bits_and_come_back_with_their_sign(value: int) -> None:
    array = np.zeros(3, SMALL)
    array["wide"] = -1
    found = put_small(array.ctypes.data, value)
    word = struct.pack("<q", value)
    expected = tuple(
        int.from_bytes(word[:size], "little", signed=signed)
        for size, signed in ((4, True), (4, False), (1, True), (2, False))
    )
    assert found == expected
    assert tuple(array[["half", "count", "flag", "port"]][1]) == expected
    assert array["wide"].tolist() == [-1, -1, -1]
    assert array[0] == array[2] and array["count"][0] == 0


@entry
def move(words: int, packed: int, back: int) -> None:
    m.eight_to_8(packed, words)
    m.eight_to_16(packed + 8, words)
    m.eight_to_32(packed + 24, words)
    m.eight_to_64(packed + 56, words)
    m.eight_of_8(back, packed)
    m.eight_of_16(back + 64, packed + 8)
    m.eight_of_32(back + 128, packed + 24)
    m.eight_of_signed_32(back + 192, packed + 24)
    m.eight_of_64(back + 256, packed + 56)


@given(st.lists(st.integers(-(2**63), 2**63 - 1), min_size=8, max_size=8))
def test_eight_words_are_packed_and_taken_out_again(words: list[int]) -> None:
    given_words, packed, back = np.array(words, np.int64), np.zeros(121, np.uint8), np.zeros((5, 8), np.int64)
    move(given_words.ctypes.data, packed.ctypes.data, back.ctypes.data)
    assert packed[-1] == 0
    unsigned = [given_words.view(np.uint64) & np.uint64((1 << bits) - 1) for bits in (8, 16, 32)]
    assert [row.tolist() for row in back[:3]] == [row.tolist() for row in unsigned]
    assert back[3].tolist() == given_words.astype(np.int32).tolist()
    assert back[4].tolist() == words
