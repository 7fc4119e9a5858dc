"""Text at the edge, integers inside: ``"10ms"`` -> 10_000_000 ns, ``"20Mbit/s"`` -> 20_000_000 bit/s.

Every parser takes the name of the place the value stands in, and raises :class:`~netemu.errors.BadInput`
with that place, the value and what is allowed. Numbers are exact: a value that is not a whole number of the
base unit is refused, never rounded.
"""

from __future__ import annotations

import re
from fractions import Fraction

from netemu.errors import BadInput

_NUMBER = re.compile(r"^\s*([+-]?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?)\s*([A-Za-z%/]*)\s*$")

_TIME_NS = {"ns": 1, "us": 10**3, "ms": 10**6, "s": 10**9, "min": 60 * 10**9, "h": 3600 * 10**9}
_RATE_BPS = {
    "bit": 1,
    "bit/s": 1,
    "bps": 1,
    "kbit": 10**3,
    "kbit/s": 10**3,
    "mbit": 10**6,
    "mbit/s": 10**6,
    "gbit": 10**9,
    "gbit/s": 10**9,
}
_SIZE_BYTES = {"": 1, "b": 1, "kb": 10**3, "mb": 10**6, "gb": 10**9, "kib": 2**10, "mib": 2**20, "gib": 2**30}


def _parse(value: object, place: str, units: dict[str, int], allowed: str) -> int:
    if isinstance(value, bool) or not isinstance(value, int | str):
        raise BadInput(f"{place}: {value!r} is not {allowed}")
    match = _NUMBER.match(value) if isinstance(value, str) else None
    if isinstance(value, int):
        result = Fraction(value)
    elif (
        match is None
        or match[2].lower() not in units
        or abs(int("0" + match[1].lower().partition("e")[2].lstrip("+-"))) > 18
    ):
        raise BadInput(f"{place}: {value!r} is not {allowed}")
    else:
        result = Fraction(match[1]) * units[match[2].lower()]
    if result < 0:
        raise BadInput(f"{place}: {value!r} is negative; use {allowed}")
    if result.denominator != 1:
        raise BadInput(f"{place}: {value!r} is not a whole number of the base unit; use {allowed}")
    return int(result)


def parse_time_ns(value: object, place: str) -> int:
    """Nanoseconds from an ``int`` (already nanoseconds) or a text such as ``"10ms"``, ``"1.5s"``, ``"0s"``."""
    return _parse(value, place, _TIME_NS, "a time such as '10ms', '1.5s' or a whole number of nanoseconds")


def parse_rate_bps(value: object, place: str) -> int:
    """Bits per second from an ``int`` (already bit/s) or a text such as ``"20Mbit/s"`` (1 Mbit = 10**6 bit)."""
    return _parse(value, place, _RATE_BPS, "a rate such as '20Mbit/s', '64kbit' or a whole number of bit/s")


def parse_size_bytes(value: object, place: str) -> int:
    """Bytes from an ``int`` or a text such as ``"64KiB"`` (2**10) or ``"1MB"`` (10**6)."""
    return _parse(value, place, _SIZE_BYTES, "a size such as '64KiB', '1MB' or a whole number of bytes")


def parse_ratio(value: object, place: str) -> float:
    """A probability in [0, 1] from a number or a text such as ``"1%"`` or ``"0.01"``."""
    allowed = "a ratio from 0 to 1 such as 0.01 or '1%'"
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        raise BadInput(f"{place}: {value!r} is not {allowed}")
    if isinstance(value, str):
        match = _NUMBER.match(value)
        if match is None or match[2] not in ("", "%"):
            raise BadInput(f"{place}: {value!r} is not {allowed}")
        number = float(match[1]) / (100.0 if match[2] == "%" else 1.0)
    else:
        number = float(value)
    if not 0.0 <= number <= 1.0:
        raise BadInput(f"{place}: {value!r} is out of range; use {allowed}")
    return number


def format_time(ns: int) -> str:
    """The shortest exact text of a time, in the largest unit that keeps it readable: ``20000000`` -> ``"20ms"``."""
    for unit in ("s", "ms", "us"):
        if ns % (_TIME_NS[unit] // 1000 if unit != "us" else 1) == 0 and ns >= _TIME_NS[unit]:
            return f"{Fraction(ns, _TIME_NS[unit]) if ns % _TIME_NS[unit] == 0 else ns / _TIME_NS[unit]:}{unit}"
    return f"{ns}ns"


def format_rate(bps: int) -> str:
    """A rate in the largest decimal unit: ``20000000`` -> ``"20Mbit/s"``."""
    for unit, factor in (("Gbit/s", 10**9), ("Mbit/s", 10**6), ("kbit/s", 10**3)):
        if bps >= factor:
            return f"{bps / factor:g}{unit}"
    return f"{bps}bit/s"
