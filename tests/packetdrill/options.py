"""TCP options of scripts as bytes."""

from __future__ import annotations

import struct
from collections.abc import Iterable

from tests.packetdrill.syntax import Option

_MASK = 0xFFFFFFFF
_PLAIN = {"nop": b"\x01", "eol": b"\x00", "sackOK": b"\x04\x02"}
_KINDS = {
    "mss": (2, "H", b""),
    "wscale": (3, "B", b""),
    "TS": (8, "I", b""),
    "sack": (5, "I", b""),
    "FO": (34, "B", b""),
    "FOEXP": (254, "B", b"\xf9\x89"),
}
"""Word -> the option's kind, how its numbers are packed, and what stands before them."""


_COUNTERS = {172: ("e0b", "ceb", "e1b"), 174: ("e1b", "ceb", "e0b")}


def options_bytes(options: Iterable[Option], sack_offset: int = 0, ts: tuple[int, int] | None = None) -> bytes:
    """``options`` in their order. ``sack_offset`` is added to SACK blocks; ``ts``: other timestamps."""
    return b"".join(_one(name, values, sack_offset, ts) for name, values in options)


def _one(name: str, values: tuple[int, ...], sack_offset: int, ts: tuple[int, int] | None) -> bytes:
    if name in _PLAIN:
        return _PLAIN[name]
    if name == "sack":
        values = tuple((value + sack_offset) & _MASK for value in values)
    elif name == "TS" and ts is not None:
        values = ts
    if name == "ECN":
        return bytes((values[0], 3 * len(values) - 1)) + b"".join(value.to_bytes(3, "big") for value in values[1:])
    if name not in _KINDS:
        raise ValueError(f"no TCP option {name!r}")
    kind, form, before = _KINDS[name]
    body = before + struct.pack(f"!{len(values)}{form}", *values)
    return bytes((kind, 2 + len(body))) + body


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
    if kind == 8:
        return "TS val {} ecr {}".format(*struct.unpack("!II", value))
    if kind == 5:
        return "sack " + " ".join(f"{left}:{right}" for left, right in struct.iter_unpack("!II", value))
    if kind in _COUNTERS:
        counts = (int.from_bytes(value[at : at + 3], "big") for at in range(0, len(value), 3))
        return " ".join(("ECN", *(f"{name} {count}" for name, count in zip(_COUNTERS[kind], counts, strict=False))))
    for name, (known, form, before) in _KINDS.items():
        if kind == known and value.startswith(before):
            rest = value[len(before) :]
            return f"{name} {rest.hex() if form == 'B' and name != 'wscale' else int.from_bytes(rest, 'big')}".rstrip()
    return "sackOK" if kind == 4 else f"option {kind} {value.hex()}"
