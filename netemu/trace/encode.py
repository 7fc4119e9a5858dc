"""Values as the pages of a Parquet file hold them, compiled (github.com/apache/parquet-format, Encodings.md).

Eight values of a width take as many bytes as that has bits: so groups of eight begin at bytes, and up to 16 bits each
they are put together as one word or two, without a look at what came before.
"""
# mypy: disable-error-code="no-any-return"
# ruff: noqa: PLR0917 (compiled functions take their state by position)

from __future__ import annotations

from netemu.trace.compiled import compiled, entry
from netemu.trace.memory import (
    bit_width,
    byte,
    i64,
    le16,
    le32,
    put8,
    put32,
    put64,
    set_word,
    shift_right,
    signed32,
    word,
)

BLOCK = 128
MINIBLOCKS = 4
_MINIBLOCK = BLOCK // MINIBLOCKS
_GROUPS = _MINIBLOCK // 8
ROOM_WORDS = 2 * BLOCK + 1
"""What :func:`encode_delta` needs of memory: a block of values and the one before, and their differences."""
SPARE_BYTES = 64
"""What an output buffer must have beyond its content: whole words are stored."""


@compiled
def _varint(out: int, at: int, value: int) -> int:
    """``value``, 64 bits without sign, seven bits a byte; returns the place behind it."""
    while shift_right(value, 7):
        put8(out, at, (value & 0x7F) | 0x80)
        value = shift_right(value, 7)
        at += 1
    put8(out, at, value)
    return at + 1


@compiled
def _zigzag(value: int) -> int:
    return (value << 1) ^ (value >> 63)


@compiled
def _take(source: int, size: int, count: int, shift: int, values: int) -> None:
    """``count`` values of ``size`` bytes at ``source`` as words, less ``shift``; below 0 the sizes have a sign."""
    half = i64(1) << (-8 * size - 1) if size < 0 else i64(0)  # by exclusive or and then by subtraction it is the sign
    if size == 8:
        for i in range(count):
            set_word(values, i, word(source, i) - shift)
    elif abs(size) == 4:
        for i in range(count):
            set_word(values, i, (le32(source, 4 * i) ^ half) - half - shift)
    elif abs(size) == 2:
        for i in range(count):
            set_word(values, i, (le16(source, 2 * i) ^ half) - half - shift)
    else:
        for i in range(count):
            set_word(values, i, (byte(source, i) ^ half) - half - shift)


@compiled
def _is_constant(source: int, size: int, value: int) -> bool:
    """Whether a whole block of ``size`` bytes each at ``source`` is ``value``, as :func:`_first` gives it."""
    other = i64(0)
    if size == 8:
        for i in range(BLOCK):
            other |= word(source, i) ^ value
    elif size == 4:
        for i in range(BLOCK):
            other |= le32(source, 4 * i) ^ value
    elif size == 2:
        for i in range(BLOCK):
            other |= le16(source, 2 * i) ^ value
    else:
        repeated = value * i64(0x0101010101010101)
        for i in range(BLOCK // 8):
            other |= word(source, i) ^ repeated
    return other == 0


@compiled
def _first(source: int, size: int) -> int:
    """The value of ``size`` bytes at ``source``, without a sign."""
    if size == 8:
        return word(source, 0)
    if size == 4:
        return le32(source, 0)
    return le16(source, 0) if size == 2 else byte(source, 0)


@compiled
def _together(values: int, first: int, count: int, width: int) -> int:
    """``count`` words of ``width`` bits, 64 in all at most, as one."""
    found = i64(0)
    for i in range(count):
        found |= word(values, first + i) << (i * width)
    return found


@compiled
def _put_two(out: int, at: int, low: int, high: int, bits: int) -> None:
    """Two words of ``bits`` (1 to 64) one behind the other."""
    if bits < 64:
        put64(out, at, low | (high << bits))
        put64(out, at + 8, shift_right(high, 64 - bits))
    else:
        put64(out, at, low)
        put64(out, at + 8, high)


@compiled
def _pack_wide(values: int, each: int, width: int, out: int, at: int) -> None:
    """A miniblock of which ``each`` values make a word of 33 to 64 bits."""
    kept, filled, bits = i64(0), i64(0), each * width
    for i in range(0, _MINIBLOCK, each):
        value = _together(values, i, each, width)
        kept |= value << filled
        put64(out, at, kept)
        filled += bits
        if filled >= 64:
            at += 8
            filled -= 64
            kept = shift_right(shift_right(value, 1), bits - 1 - filled)
    put64(out, at, kept)


@compiled
def _pack(values: int, width: int, out: int, at: int) -> int:
    """A miniblock of words of at most ``width`` bits (0 to 64) without gaps, lowest first; the place behind them."""
    if width == 0:
        return at
    if width <= 8:
        for k in range(_GROUPS):
            put64(out, at + k * width, _together(values, 8 * k, 8, width))
    elif width <= 16:
        for k in range(_GROUPS):
            low, high = _together(values, 8 * k, 4, width), _together(values, 8 * k + 4, 4, width)
            _put_two(out, at + k * width, low, high, 4 * width)
    elif width <= 32:
        _pack_wide(values, i64(2), width, out, at)
    else:
        _pack_wide(values, i64(1), width, out, at)
    return at + _GROUPS * width


@compiled
def _differences(values: int, count: int, narrow: bool, deltas: int) -> int:
    """Put ``count`` differences to the value before into ``deltas``; returns the smallest of them."""
    least = i64(0x7FFFFFFFFFFFFFFF)
    if narrow:  # differences of 32-bit columns wrap
        for i in range(count):
            delta = signed32(word(values, i + 1) - word(values, i))
            set_word(deltas, i, delta)
            least = min(least, delta)
    else:
        for i in range(count):
            delta = word(values, i + 1) - word(values, i)
            set_word(deltas, i, delta)
            least = min(least, delta)
    return least


@compiled
def _lower(deltas: int, least: int) -> int:
    """Make the differences of a miniblock less by ``least``; returns all bits that any of them has then."""
    bits = i64(0)
    for i in range(_MINIBLOCK):
        value = word(deltas, i) - least
        set_word(deltas, i, value)
        bits |= value
    return bits


@entry
def encode_delta(source: int, size: int, count: int, shift: int, narrow: bool, room: int, out: int) -> int:
    """DELTA_BINARY_PACKED of ``count`` values less ``shift``; returns the bytes written to ``out``.

    The values have ``size`` bytes each, with a sign where that is below 0 or 8. ``narrow`` for columns of type INT32;
    ``room`` is for :data:`ROOM_WORDS`.
    """
    deltas = room + 8 * (BLOCK + 1)
    at = _varint(out, i64(0), i64(BLOCK))
    at = _varint(out, at, i64(MINIBLOCKS))
    at = _varint(out, at, count)
    if count:
        _take(source, size, i64(1), shift, room)
    at = _varint(out, at, _zigzag(word(room, 0)) if count else i64(0))
    done = i64(1)
    while done < count:
        some = min(i64(BLOCK), count - done)
        here = source + abs(size) * done
        before = _first(here - abs(size), abs(size))
        if some == BLOCK and _first(here, abs(size)) == before and _is_constant(here, abs(size), before):
            put64(out, at, i64(0))  # the least difference, and the widths of those above it
            at += 1 + MINIBLOCKS
            done += BLOCK
            continue
        _take(here, size, some, shift, room + 8)
        least = _differences(room, some, narrow, deltas)
        for i in range(some, BLOCK):
            set_word(deltas, i, least)
        set_word(room, 0, word(room, some))
        at = _varint(out, at, _zigzag(least))
        widths = at
        at += MINIBLOCKS
        sizes = i64(0)
        for k in range(MINIBLOCKS):
            width = bit_width(_lower(deltas + 8 * k * _MINIBLOCK, least))
            sizes |= width << (8 * k)
            at = _pack(deltas + 8 * k * _MINIBLOCK, width, out, at)
        put32(out, widths, sizes)
        done += some
    return at


@entry
def encode_codes(source: int, size: int, count: int, width: int, room: int, out: int) -> int:
    """Numbers of a dictionary as RLE_DICTIONARY holds them: one bit-packed run; returns the bytes written.

    The numbers have ``width`` bits, 1 to 16, of ``size`` bytes as in :func:`encode_delta`.
    """
    put8(out, 0, width)
    groups = (count + 7) // 8
    at = _varint(out, i64(1), (groups << 1) | 1)
    done = i64(0)
    while done < count:
        some = min(i64(BLOCK), count - done)
        _take(source + abs(size) * done, size, some, i64(0), room)
        for i in range(some, 8 * ((some + 7) // 8)):
            set_word(room, i, i64(0))
        for k in range((some + 7) // 8):
            if width <= 8:
                put64(out, at, _together(room, 8 * k, 8, width))
            else:
                low, high = _together(room, 8 * k, 4, width), _together(room, 8 * k + 4, 4, width)
                _put_two(out, at, low, high, 4 * width)
            at += width
        done += some
    return at


@entry
def keep_present(source: int, count: int, absent: int, least: int, bits: int, values: int) -> int:
    """Put those of ``count`` words that are neither ``absent`` nor below ``least`` into ``values``; returns how many.

    There are as many ``bits``, eight to a byte and lowest first, which tell where those are.
    """
    kept = i64(0)
    for first in range(0, count, 8):
        found = i64(0)
        for k in range(min(i64(8), count - first)):
            value = word(source, first + k)
            present = i64((value != absent) & (value >= least))
            set_word(values, kept, value)
            found |= present << k
            kept += present
        put8(bits, first >> 3, found)
    return kept
