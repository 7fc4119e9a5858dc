"""Units of an axis chosen from the range of its data, and the conversion into them."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from netemu.errors import BadInput
from netemu.units import parse_time_ns

if TYPE_CHECKING:
    import polars as pl
    from matplotlib.axis import Axis


@dataclass(frozen=True, slots=True)
class Scale:
    """``value / divisor`` is the number on an axis labelled with ``unit``."""

    unit: str
    divisor: float

    def label(self, quantity: str) -> str:
        """The axis label: what, and its unit in parentheses."""
        return f"{quantity} ({self.unit})"


_TIMES = (Scale("s", 1e9), Scale("ms", 1e6), Scale("µs", 1e3), Scale("ns", 1.0))
_SIZES = (Scale("GB", 1e9), Scale("MB", 1e6), Scale("kB", 1e3), Scale("B", 1.0))
_RATES = (Scale("Gbit/s", 1e9), Scale("Mbit/s", 1e6), Scale("kbit/s", 1e3), Scale("bit/s", 1.0))


def _fitting(scales: tuple[Scale, ...], largest: float, least: float) -> Scale:
    for scale in scales:
        if abs(largest) >= least * scale.divisor:
            return scale
    return scales[-1]


def time_scale(largest_ns: float) -> Scale:
    """The unit in which ``largest_ns`` is at least 2: 1.5 s reads as 1500 ms, 2 s as 2 s."""
    return _fitting(_TIMES, largest_ns, 2.0)


def size_scale(largest_bytes: float) -> Scale:
    """The decimal unit in which ``largest_bytes`` is at least 2; plain bytes below 10 kB, as an MSS is written."""
    return Scale("B", 1.0) if abs(largest_bytes) < 10_000 else _fitting(_SIZES, largest_bytes, 2.0)


def rate_scale(largest_bps: float) -> Scale:
    """The decimal unit in which ``largest_bps`` is at least 2."""
    return _fitting(_RATES, largest_bps, 2.0)


def column_scale(column: str, largest: float) -> tuple[str, Scale]:
    """What a column is called on an axis, and its scale, from the unit in its name."""
    for suffix, chooser in (("_ns", time_scale), ("_bytes", size_scale), ("_bps", rate_scale)):
        if column.endswith(suffix):
            return _words(column.removesuffix(suffix)), chooser(largest)
    stem, _, unit = column.rpartition("_")
    if unit in ("packets", "segments") and stem:
        return _words(stem), Scale(unit, 1.0)
    return _words(column), Scale("", 1.0)


_ABBREVIATIONS = {"rtt": "RTT", "srtt": "smoothed RTT", "rto": "RTO", "ip": "IP", "mss": "MSS", "mtu": "MTU"}


def _words(name: str) -> str:
    words = " ".join(_ABBREVIATIONS.get(word, word) for word in name.split("_"))
    return words[:1].upper() + words[1:]


SCALES = ("auto", "linear", "log")


def check_scale(scale: object) -> None:
    """Refuse a scale that does not exist."""
    if scale not in SCALES:
        raise BadInput(f"scale {scale!r} is none of {', '.join(SCALES)}")


def time_span(start: Any, stop: Any) -> tuple[int, int]:
    """The half-open interval ``[start, stop)`` of ``t_ns`` that a figure shows; ``None`` leaves a side open.

    Each is a number of nanoseconds or a text such as ``"1.5s"``; :class:`BadInput` for anything else.
    """
    start_ns = -(2**62) if start is None else parse_time_ns(start, "start")
    stop_ns = 2**62 if stop is None else parse_time_ns(stop, "stop")
    if stop_ns <= start_ns:
        raise BadInput(f"stop {stop!r} is not after start {start!r}")
    return start_ns, stop_ns


def within(span: tuple[int, int]) -> pl.Expr:
    """The rows whose ``t_ns`` lies in ``span``."""
    import polars as pl

    return (pl.col("t_ns") >= span[0]) & (pl.col("t_ns") < span[1])


def plain_log_ticks(axis: Axis, low: float, high: float) -> None:
    """Ticks of a logarithmic axis as plain numbers: 1, 2, 5 of each decade while the range has few decades."""
    from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter

    decades = math.log10(high / low) if low > 0 else 9.0
    axis.set_major_locator(LogLocator(base=10, subs=(1.0, 2.0, 5.0) if decades < 2.5 else (1.0,)))
    axis.set_minor_locator(LogLocator(base=10, subs=tuple(range(2, 10))))
    axis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    axis.set_minor_formatter(NullFormatter())
