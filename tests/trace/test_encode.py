"""Pages of numbers: a reader written from the specification gets back what was put in."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as st_numpy

from netemu.trace.encode import BLOCK, ROOM_WORDS, SPARE_BYTES, encode_codes, encode_delta, keep_present

COUNTS = st.sampled_from([0, 1, 2, 31, 32, 33, 127, 128, 129, 130, 400])


def unsigned(data: bytes, at: int) -> tuple[int, int]:
    value = shift = 0
    while True:
        value |= (data[at] & 0x7F) << shift
        shift, at = shift + 7, at + 1
        if data[at - 1] < 0x80:
            return value, at


def signed(data: bytes, at: int) -> tuple[int, int]:
    value, at = unsigned(data, at)
    return (value >> 1) ^ -(value & 1), at


def decode_delta(data: bytes, bits: int) -> list[int]:
    """DELTA_BINARY_PACKED by Encodings.md, as numbers without sign of ``bits`` bits."""
    block, at = unsigned(data, 0)
    miniblocks, at = unsigned(data, at)
    total, at = unsigned(data, at)
    value, at = signed(data, at)
    found = [value] if total else []
    each = block // miniblocks
    while len(found) < total:
        least, at = signed(data, at)
        widths, at = data[at : at + miniblocks], at + miniblocks
        for width in widths:
            packed = int.from_bytes(data[at : at + width * each // 8], "little")
            at += width * each // 8
            found += [least + (packed >> (k * width) & ((1 << width) - 1)) for k in range(each)]
    for k in range(1, len(found)):
        found[k] += found[k - 1]
    assert at == len(data)
    return [one % (1 << bits) for one in found[:total]]


def size_of(kind: Any) -> int:
    """Bytes of a value as the functions are told of them."""
    kind = np.dtype(kind)
    return -kind.itemsize if kind in (np.int8, np.int16, np.int32) else kind.itemsize


def delta(values: Any, narrow: bool, shift: int = 0) -> bytes:
    room = np.full(ROOM_WORDS, -1, np.int64)
    out = np.full((values.size // BLOCK + 2) * (8 * BLOCK + 16) + SPARE_BYTES, 0xAA, np.uint8)
    where = values.ctypes.data, size_of(values.dtype), values.size
    size = encode_delta(*where, shift, narrow, room.ctypes.data, out.ctypes.data)
    assert (out[size + SPARE_BYTES :] == 0xAA).all()
    return out[:size].tobytes()


def whole(kind: Any, bits: int) -> Any:
    """Numbers of all sizes: few bits, many bits, the ends of the range."""
    low, high = np.iinfo(kind).min, np.iinfo(kind).max
    elements = st.one_of(st.integers(max(low, -3), 3), st.sampled_from([low, high]), st.integers(low, high))
    return st_numpy.arrays(kind, COUNTS, elements=elements).map(lambda values: (values, bits))


KINDS = [(np.int64, 64), *[(kind, 32) for kind in (np.int32, np.uint32, np.int16, np.uint16, np.int8, np.uint8)]]


@given(st.one_of([whole(*kind) for kind in KINDS]))
def test_differences_come_back(case: tuple[Any, int]) -> None:
    values, bits = case
    expected = [int(value) % (1 << bits) for value in values]
    assert decode_delta(delta(values, narrow=bits == 32), bits) == expected


@pytest.mark.parametrize("kind", [np.int64, np.uint32, np.int32, np.uint16, np.int16, np.uint8, np.int8])
def test_a_shift_is_taken_from_every_value(kind: Any) -> None:
    values = np.arange(300).astype(kind)
    bits = 64 if kind is np.int64 else 32
    expected = [(int(value) - 1000) % (1 << bits) for value in values]
    assert decode_delta(delta(values, bits == 32, 1000), bits) == expected


@pytest.mark.parametrize("width", range(1, 65))
def test_differences_of_any_width_come_back(width: int) -> None:
    rng = np.random.default_rng(width)
    steps = rng.integers(0, 2**width - 1, 500, np.uint64, endpoint=True).astype(np.int64)
    steps[::32] = [-1 if k % 2 else 0 for k in range(len(steps[::32]))] if width == 64 else 2**width - 1
    values = np.cumsum(steps)
    assert decode_delta(delta(values, narrow=False), 64) == [int(value) % (1 << 64) for value in values]


@pytest.mark.parametrize(("kind", "step"), [(np.int64, 0), (np.int64, 7), (np.uint32, 1)])
def test_steady_columns_take_almost_nothing(kind: Any, step: int) -> None:
    assert len(delta(np.arange(128 * 100 + 1, dtype=kind) * step, narrow=kind is not np.int64)) < 100 * 7 + 10


def decode_codes(data: bytes, count: int) -> list[int]:
    """One bit-packed run of the RLE hybrid, behind the byte that tells the width."""
    width = data[0]
    head, at = unsigned(data, 1)
    groups, packed_run = head >> 1, head & 1
    assert packed_run and groups == -(-count // 8) and len(data) == at + groups * width
    packed = int.from_bytes(data[at:], "little")
    return [packed >> (k * width) & ((1 << width) - 1) for k in range(count)]


@given(st.integers(1, 16), COUNTS, st.sampled_from([8, 32, 64]), st.randoms(use_true_random=False))
def test_codes_come_back(width: int, count: int, bits: int, random: Any) -> None:
    width = min(width, bits)
    codes = np.array([random.randrange(1 << width) for _ in range(count)] + 7 * [1], f"u{bits // 8}")
    room, out = np.full(ROOM_WORDS, -1, np.int64), np.full(2 * count + 100 + SPARE_BYTES, 0xAA, np.uint8)
    size = encode_codes(codes.ctypes.data, size_of(codes.dtype), count, width, room.ctypes.data, out.ctypes.data)
    assert decode_codes(out[:size].tobytes(), count) == codes[:count].tolist()


@pytest.mark.parametrize("count", [0, 1, 7, 8, 9, 200])
@pytest.mark.parametrize(("absent", "least"), [(-1, -(1 << 63)), (-1, 0), (7, -(1 << 63)), (2, 3)])
def test_what_is_present_is_kept_and_told_by_bits(count: int, absent: int, least: int) -> None:
    values = np.random.default_rng(count).integers(-3, 9, count)
    bits, kept = np.full((count + 7) // 8 + 1, 0xA5, np.uint8), np.full(count + 1, 99, np.int64)
    number = keep_present(values.ctypes.data, count, absent, least, bits.ctypes.data, kept.ctypes.data)
    present = (values != absent) & (values >= least)
    assert kept[:number].tolist() == values[present].tolist() and kept[count] == 99
    assert bits[:-1].tolist() == np.packbits(present, bitorder="little").tolist() and bits[-1] == 0xA5
