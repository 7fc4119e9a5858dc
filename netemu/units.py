"""Text at the edge, integers inside: ``"10ms"`` -> 10_000_000 ns, ``"20Mbit/s"`` -> 20_000_000 bit/s.

Every parser takes the name of the place the value stands in, and raises :class:`~netemu.errors.BadInput`
with that place, the value and what is allowed. Numbers are exact: a value that is not a whole number of the
base unit is refused, never rounded. ``format_*`` gives exact text that the parser of the same name turns back
into the same number.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from decimal import Decimal
from fractions import Fraction

from netemu.errors import BadInput

_NUMBER = re.compile(r"\s*([+-]?[0-9]{1,30}(?:\.[0-9]{1,30})?(?:[eE][+-]?[0-9]{1,3})?)\s*([A-Za-z%/]*)\s*")
_LIMIT = 2**63  # times, rates and sizes fit the signed 64-bit columns of every table

_TIME_NS = {"ns": 1, "us": 10**3, "ms": 10**6, "s": 10**9, "min": 60 * 10**9, "h": 3600 * 10**9}
_RATE_BPS = {
    "bit/s": 1,
    "kbit/s": 10**3,
    "mbit/s": 10**6,
    "gbit/s": 10**9,
    "bit": 1,
    "bps": 1,
    "kbit": 10**3,
    "mbit": 10**6,
    "gbit": 10**9,
}
_SIZE_BYTES = {"": 1, "b": 1, "kb": 10**3, "mb": 10**6, "gb": 10**9, "kib": 2**10, "mib": 2**20, "gib": 2**30}

TIME_ALLOWED = "a time such as '10ms', '1.5s' or a whole number of nanoseconds"
RATE_ALLOWED = "a rate such as '20Mbit/s', '64kbit/s' or a whole number of bit/s"
SIZE_ALLOWED = "a size such as '64KiB', '1MB' or a whole number of bytes"
RATIO_ALLOWED = "a ratio from 0 to 1 such as 0.01 or '1%'"


def parse_time_ns(value: object, place: str) -> int:
    """Nanoseconds from an ``int`` (already nanoseconds) or a text such as ``"10ms"``, ``"1.5s"``, ``"0s"``."""
    return _parse(value, place, _TIME_NS, TIME_ALLOWED)


def parse_rate_bps(value: object, place: str) -> int:
    """Bits per second from an ``int`` (already bit/s) or a text such as ``"20Mbit/s"`` (1 Mbit = 10**6 bit)."""
    return _parse(value, place, _RATE_BPS, RATE_ALLOWED)


def parse_size_bytes(value: object, place: str) -> int:
    """Bytes from an ``int`` or a text such as ``"1400"``, ``"64KiB"`` (2**10) or ``"1MB"`` (10**6)."""
    return _parse(value, place, _SIZE_BYTES, SIZE_ALLOWED)


def parse_ratio(value: object, place: str) -> float:
    """A probability in [0, 1] from a number or a text such as ``"1%"`` or ``"0.01"``: the float nearest to it."""
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        raise BadInput(f"{place}: {value!r} is not {RATIO_ALLOWED}")
    number: Fraction | int | float = 0
    if isinstance(value, str):
        match = _NUMBER.fullmatch(value)
        if match is None or match[2] not in ("", "%"):
            raise BadInput(f"{place}: {value!r} is not {RATIO_ALLOWED}")
        number = Fraction(match[1]) / (100 if match[2] == "%" else 1)
    else:
        number = value
    if not 0 <= number <= 1:
        raise BadInput(f"{place}: {value!r} is out of range; use {RATIO_ALLOWED}")
    return float(number) + 0.0  # -0.0 becomes 0.0


def format_time(ns: int) -> str:
    """A time in the largest of s, ms, us, ns that it fills at least once, exact: ``1500000`` -> ``"1.5ms"``."""
    return _format(ns, {"s": 10**9, "ms": 10**6, "us": 10**3}, "ns", "0s")


def format_rate(bps: int) -> str:
    """A rate in the largest decimal unit that it fills at least once, exact: ``20000000`` -> ``"20Mbit/s"``."""
    return _format(bps, {"Gbit/s": 10**9, "Mbit/s": 10**6, "kbit/s": 10**3}, "bit/s", "0bit/s")


def format_size(size_bytes: int) -> str:
    """A size in the largest unit it is a whole multiple of, binary units first: ``65536`` -> ``"64KiB"``."""
    if size_bytes < 0:
        raise ValueError(f"a size is never negative: {size_bytes}")
    for unit in ("GiB", "MiB", "KiB", "GB", "MB", "kB"):
        count, rest = divmod(size_bytes, _SIZE_BYTES[unit.lower()])
        if count and not rest:
            return f"{count}{unit}"
    return f"{size_bytes}B"


def format_ratio(ratio: float) -> str:
    """A ratio in percent, exact: ``0.01`` -> ``"1%"``."""
    if not 0.0 <= ratio <= 1.0:
        raise ValueError(f"a ratio lies in [0, 1]: {ratio!r}")
    percent = Decimal(repr(float(ratio) + 0.0)).scaleb(2).normalize()
    return f"{percent:f}%" if percent.adjusted() >= -6 else f"{percent}%"


def _parse(value: object, place: str, units: Mapping[str, int], allowed: str) -> int:
    result = _exact(value, units)
    if result is None:
        if _exact(value, {**units, "": 1}) is not None:
            raise BadInput(f"{place}: {value!r} has no unit; use {allowed.partition(' or a whole')[0]}")
        raise BadInput(f"{place}: {value!r} is not {allowed}")
    if result < 0:
        raise BadInput(f"{place}: {value!r} is negative; use {allowed}")
    if result >= _LIMIT:
        raise BadInput(f"{place}: {value!r} does not fit 63 bits; use {allowed}")
    if result.denominator != 1:
        raise BadInput(f"{place}: {value!r} is not a whole number of the base unit; use {allowed}")
    return int(result)


def _exact(value: object, units: Mapping[str, int]) -> Fraction | None:
    """The value in the base unit; None when it is not a number with one of ``units``."""
    if isinstance(value, bool):
        return None
    if isinstance(value, int):
        return Fraction(value)
    match = _NUMBER.fullmatch(value) if isinstance(value, str) else None
    if match is None or match[2].lower() not in units:
        return None
    return Fraction(match[1]) * units[match[2].lower()]


def _format(value: int, units: Mapping[str, int], base: str, zero: str) -> str:
    """``units`` are powers of ten from the largest down, so every value has an exact decimal text."""
    if value < 0:
        raise ValueError(f"times and rates are never negative: {value}")
    if value == 0:
        return zero
    for unit, factor in units.items():
        if value >= factor:
            whole, rest = divmod(value, factor)
            digits = f"{rest:0{len(str(factor)) - 1}d}".rstrip("0")
            return f"{whole}.{digits}{unit}" if digits else f"{whole}{unit}"
    return f"{value}{base}"
