"""Structures in Thrift's compact protocol, in which Parquet keeps its metadata (thrift-compact-protocol.md)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

I32, I64, TEXT, LIST, STRUCT = 5, 6, 8, 9, 12
_TRUE, _FALSE, _BYTE = 1, 2, 3
_SHORT_LIST = 15

_BYTES = [bytes((value,)) for value in range(256)]

Field = tuple[int, bytes]
"""Type and encoded value of a field."""


def varint(value: int) -> bytes:
    """A number without sign, seven bits a byte, lowest first."""
    if value <= 0x7F:
        return _BYTES[value]
    if value <= 0x3FFF:
        return bytes((value & 0x7F | 0x80, value >> 7))
    if value <= 0x1FFFFF:
        return bytes((value & 0x7F | 0x80, value >> 7 & 0x7F | 0x80, value >> 14))
    if value <= 0xFFFFFFF:
        return bytes((value & 0x7F | 0x80, value >> 7 & 0x7F | 0x80, value >> 14 & 0x7F | 0x80, value >> 21))
    found = bytearray()
    while value > 0x7F:
        found.append(value & 0x7F | 0x80)
        value >>= 7
    found.append(value)
    return bytes(found)


def integer(value: int) -> bytes:
    """A number with sign (zigzag)."""
    return varint(value * 2 if value >= 0 else -value * 2 - 1)


def text(value: str) -> bytes:
    """Text as UTF-8 behind its length."""
    raw = value.encode()
    return varint(len(raw)) + raw


def flag(value: bool) -> Field:
    """A field that is true or false: its type says it."""
    return (_TRUE if value else _FALSE), b""


def int8(value: int) -> Field:
    """A field of one byte."""
    return _BYTE, bytes([value])


def listed(kind: int, items: Sequence[bytes]) -> bytes:
    """A list of encoded values of one type."""
    size = len(items)
    head = bytes([size << 4 | kind]) if size < _SHORT_LIST else bytes([0xF0 | kind]) + varint(size)
    return head + b"".join(items)


def struct(fields: Mapping[int, Field], head: bytes = b"\x00", last: int = 0) -> bytes:
    """A structure of fields by their number, behind those of the structure ``head``, whose last number is ``last``."""
    parts = [head[:-1]]
    for number in sorted(fields):
        kind, value = fields[number]
        step = number - last
        parts.append(_BYTES[step << 4 | kind] if step < _SHORT_LIST else _BYTES[kind] + integer(number))
        parts.append(value)
        last = number
    return b"".join(parts) + b"\x00"
