"""Values as the pages of a Parquet file hold them, compiled (github.com/apache/parquet-format, Encodings.md)."""
# mypy: disable-error-code="no-any-return"
# ruff: noqa: PLR0917 (compiled functions take their state by position)

from __future__ import annotations

from netemu.trace.compiled import compiled, entry
from netemu.trace.memory import bit_width, i64, put64, set_word, shift_right, signed32, word

BLOCK = 128
MINIBLOCKS = 4
_MINIBLOCK = BLOCK // MINIBLOCKS
SPARE_BYTES = 64
"""What an output buffer must have beyond its content: whole words are stored."""


@compiled
def _varint(out: int, at: int, value: int) -> int:
    """``value``, 64 bits without sign, seven bits a byte; returns the place behind it."""
    while shift_right(value, 7):
        put64(out, at, (value & 0x7F) | 0x80)
        value = shift_right(value, 7)
        at += 1
    put64(out, at, value)
    return at + 1


@compiled
def _zigzag(value: int) -> int:
    return (value << 1) ^ (value >> 63)


@compiled
def _pack(values: int, first: int, count: int, width: int, out: int, at: int) -> int:
    """``count`` words of at most ``width`` bits (1 to 64) without gaps, lowest first; returns the place behind them."""
    kept, filled = i64(0), i64(0)
    for i in range(first, first + count):
        value = word(values, i)
        kept |= value << filled
        filled += width
        if filled >= 64:
            put64(out, at, kept)
            at += 8
            filled -= 64
            kept = shift_right(value, width - filled) if filled else i64(0)
    if filled:
        put64(out, at, kept)
    return at + (filled + 7) // 8


@compiled
def _differences(values: int, first: int, count: int, narrow: bool, deltas: int) -> int:
    """Put ``count`` differences to the value before, less the smallest of them, into ``deltas``; returns that.

    ``narrow``: those of 32-bit columns wrap.
    """
    least = i64(0x7FFFFFFFFFFFFFFF)
    for i in range(count):
        delta = word(values, first + i) - word(values, first + i - 1)
        delta = signed32(delta) if narrow else delta
        set_word(deltas, i, delta)
        least = min(least, delta)
    for i in range(count):
        set_word(deltas, i, word(deltas, i) - least)
    for i in range(count, BLOCK):
        set_word(deltas, i, i64(0))
    return least


@entry
def encode_delta(values: int, count: int, narrow: bool, deltas: int, out: int) -> int:
    """DELTA_BINARY_PACKED of ``count`` words at ``values``; returns the bytes written to ``out``.

    ``narrow`` for columns of type INT32; ``deltas`` is room for :data:`BLOCK` words.
    """
    at = _varint(out, i64(0), i64(BLOCK))
    at = _varint(out, at, i64(MINIBLOCKS))
    at = _varint(out, at, count)
    at = _varint(out, at, _zigzag(word(values, 0)) if count else i64(0))
    done = i64(1)
    while done < count:
        some = min(i64(BLOCK), count - done)
        least = _differences(values, done, some, narrow, deltas)
        at = _varint(out, at, _zigzag(least))
        widths = at
        at += MINIBLOCKS
        sizes = i64(0)
        for k in range(MINIBLOCKS):
            bits = i64(0)
            for i in range(k * _MINIBLOCK, (k + 1) * _MINIBLOCK):
                bits |= word(deltas, i)
            width = bit_width(bits)
            sizes |= width << (8 * k)
            if width:
                at = _pack(deltas, k * _MINIBLOCK, i64(_MINIBLOCK), width, out, at)
        keep = word(out + widths + 4, 0) if at > widths + 4 else i64(0)
        put64(out, widths, sizes | (keep << 32))
        done += some
    return at


@entry
def encode_codes(values: int, count: int, width: int, out: int) -> int:
    """Numbers of a dictionary as RLE_DICTIONARY holds them: one bit-packed run; returns the bytes written.

    There is room for seven words more than the ``count`` at ``values``.
    """
    put64(out, 0, width)
    groups = (count + 7) // 8
    at = _varint(out, i64(1), (groups << 1) | 1)
    for i in range(count, 8 * groups):
        set_word(values, i, i64(0))
    return _pack(values, i64(0), 8 * groups, width, out, at)
