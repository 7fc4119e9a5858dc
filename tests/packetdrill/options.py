"""TCP options of scripts as bytes."""

from __future__ import annotations

import struct
from collections.abc import Iterable

from tests.packetdrill.syntax import Option

_MASK = 0xFFFFFFFF
_PLAIN = {"nop": b"\x01", "eol": b"\x00", "sackOK": b"\x04\x02"}


def options_bytes(options: Iterable[Option], sack_offset: int = 0, ts: tuple[int, int] | None = None) -> bytes:
    """``options`` in their order. ``sack_offset`` is added to SACK blocks; ``ts``: other timestamps."""
    return b"".join(_one(name, values, sack_offset, ts) for name, values in options)


def _one(name: str, values: tuple[int, ...], sack_offset: int, ts: tuple[int, int] | None) -> bytes:
    if name in _PLAIN:
        return _PLAIN[name]
    if name == "mss":
        return struct.pack("!BBH", 2, 4, *values)
    if name == "wscale":
        return struct.pack("!BBB", 3, 3, *values)
    if name == "TS":
        return struct.pack("!BBII", 8, 10, *(ts or values))
    if name == "sack":
        numbers = [(value + sack_offset) & _MASK for value in values]
        return struct.pack(f"!BB{len(numbers)}I", 5, 2 + 4 * len(numbers), *numbers)
    raise ValueError(f"no TCP option {name!r}")


def timestamps(options: Iterable[Option]) -> tuple[int, int] | None:
    """(val, ecr) of ``options``; None: they have none."""
    return next(((values[0], values[1]) for name, values in options if name == "TS"), None)


def described(data: bytes) -> str:
    """Options as a script writes them; sequence numbers as they are."""
    words, at = [], 0
    while at < len(data):
        kind = data[at]
        if kind < 2:
            words.append("nop" if kind else "eol")
            at += 1
            continue
        length = data[at + 1]
        words.append(_word(kind, data[at + 2 : at + length]))
        at += length
    return f"<{','.join(words)}>" if words else ""


def _word(kind: int, value: bytes) -> str:
    if kind == 2:
        return f"mss {int.from_bytes(value, 'big')}"
    if kind == 3:
        return f"wscale {value[0]}"
    if kind == 4:
        return "sackOK"
    if kind == 8:
        return "TS val {} ecr {}".format(*struct.unpack("!II", value))
    if kind == 5:
        return "sack " + " ".join(f"{left}:{right}" for left, right in struct.iter_unpack("!II", value))
    return f"option {kind} {value.hex()}"
