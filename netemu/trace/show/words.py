"""Numbers as people read them, and columns of them."""

from __future__ import annotations

from collections.abc import Sequence

DULL = "-"


def format_duration(ns: int | None) -> str:
    """Four significant digits: ``"1.234 ms"``; a dash for None."""
    if ns is None:
        return DULL
    for unit, scale in (("s", 10**9), ("ms", 10**6), ("us", 10**3)):
        if abs(ns) >= scale:
            return f"{ns / scale:.4g} {unit}" if abs(ns) < 10**13 else f"{ns / scale:,.0f} {unit}"
    return f"{ns} ns" if ns else "0 s"


def format_bytes(count: int | None) -> str:
    """Exact below 10,000 bytes, four significant digits with a decimal unit above."""
    if count is None:
        return DULL
    for unit, scale in (("GB", 10**9), ("MB", 10**6), ("kB", 10**3)):
        if count >= 10 * scale or (unit != "kB" and count >= scale):
            return f"{count / scale:.4g} {unit}"
    return f"{count:,} B"


def format_rate(bps: float | None) -> str:
    """Four significant digits with a decimal unit: ``"5.2 Mbit/s"``."""
    if bps is None:
        return DULL
    for unit, scale in (("Gbit/s", 1e9), ("Mbit/s", 1e6), ("kbit/s", 1e3)):
        if bps >= scale:
            return f"{bps / scale:.4g} {unit}"
    return f"{bps:.4g} bit/s"


def format_count(value: int | None) -> str:
    """With commas; a dash for None."""
    return DULL if value is None else f"{value:,}"


def format_share(part: int, whole: int) -> str:
    """A share in percent, two significant digits."""
    share = 100 * part / whole
    return f"{share:.0f}%" if share >= 10 else f"{share:.2g}%"


def counted(count: int, noun: str) -> str:
    """``"1 packet"``, ``"2 packets"``."""
    return f"{count:,} {noun}{'' if count == 1 else 's'}"


def times(count: int) -> str:
    """``"once"``, ``"3 times"``."""
    return "once" if count == 1 else f"{count:,} times"


def columns_text(
    heads: Sequence[str], rows: Sequence[Sequence[str]], left: frozenset[str], gap: str = "  "
) -> list[str]:
    """Lines of an aligned table; columns named in ``left`` to the left, numbers to the right."""
    widths = [max(len(head), *(len(row[i]) for row in rows)) if rows else len(head) for i, head in enumerate(heads)]

    def line(cells: Sequence[str]) -> str:
        padded = [
            cell.ljust(width) if head in left else cell.rjust(width)
            for head, cell, width in zip(heads, cells, widths, strict=True)
        ]
        return gap.join(padded).rstrip()

    return [line(heads), *map(line, rows)]
