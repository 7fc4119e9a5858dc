"""Values of a manifest for a reader: the unit in a name becomes the unit of the number."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

_UNITS: dict[str, tuple[tuple[float, str], ...]] = {
    "_ns": ((1e9, "s"), (1e6, "ms"), (1e3, "µs"), (1.0, "ns")),
    "_bps": ((1e9, "Gbit/s"), (1e6, "Mbit/s"), (1e3, "kbit/s"), (1.0, "bit/s")),
    "_bytes": ((1.0, "B"),),
}


def unit_suffix(name: str) -> str:
    """``_ns``, ``_bps`` or ``_bytes`` when ``name`` ends in it, else nothing."""
    return next((suffix for suffix in _UNITS if name.endswith(suffix)), "")


def words(name: str) -> str:
    """A name as words, its unit left out: ``rate_asked_bps`` -> ``rate asked``."""
    return name.removesuffix(unit_suffix(name)).replace("_", " ").replace(".", " ")


def readable(name: str, value: Any) -> str:
    """``value`` with the unit that ``name`` gives it, to four figures; nothing for None."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if not isinstance(value, int | float):
        return str(value)
    suffix = unit_suffix(name)
    if not suffix:
        return f"{value:.4g}" if isinstance(value, float) else str(value)
    factor, unit = next((pair for pair in _UNITS[suffix] if abs(value) >= pair[0]), _UNITS[suffix][-1])
    number = value / factor
    return f"{number:.4g} {unit}" if number < 10_000 else f"{number:.0f} {unit}"


def rows_of(value: Any) -> list[dict[str, Any]]:
    """A list of records, or a mapping from names to records, as flat rows; nested records become dotted columns.

    Anything else gives no rows: it is shown as it is, not as a table.
    """
    if isinstance(value, Mapping):
        named = [{"name": name, **_flat(record)} for name, record in value.items() if isinstance(record, Mapping)]
        return named if len(named) == len(value) else []
    if isinstance(value, list) and value and all(isinstance(record, Mapping) for record in value):
        return [_flat(record) for record in value]
    return []


def _flat(record: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    flat: dict[str, Any] = {}
    for name, value in record.items():
        if isinstance(value, Mapping):
            flat.update(_flat(value, f"{prefix}{name}."))
        else:
            flat[f"{prefix}{name}"] = value
    return flat
