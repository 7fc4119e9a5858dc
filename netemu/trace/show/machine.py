"""An analysis as one JSON object: ``netemu analyze --json``. docs/analysis.md describes it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import asdict
from itertools import chain, islice
from typing import Any

from netemu.recording.tables import CONNECTION_SIDE, RETRANSMISSION_KINDS
from netemu.trace.show.findings import WHY, findings_of
from netemu.trace.show.result import Analysis
from netemu.trace.show.rows import batches_of

SCHEMA = 1
"""Grows when a name goes or changes its meaning; names may be added without."""
_JOINED = 1 << 14
"""Pieces of JSON, a name or a number each, that are given together."""
_CLASS_COLUMNS = frozenset(f"retransmits_{name}" for name in RETRANSMISSION_KINDS)


def _side(row: dict[str, Any], prefix: str) -> dict[str, Any]:
    side = {name: row[prefix + name] for name in CONNECTION_SIDE if name not in _CLASS_COLUMNS}
    side["retransmits"] = {name: row[f"{prefix}retransmits_{name}"] for name in RETRANSMISSION_KINDS}
    return side


def _connection(row: dict[str, Any]) -> dict[str, Any]:
    shared = {name: value for name, value in row.items() if not name.startswith(("a_", "b_"))}
    return shared | {"a_to_b": _side(row, "a_"), "b_to_a": _side(row, "b_")}


class _Made(list[dict[str, Any]]):
    """A list for the encoder of JSON: its items are made one by one as they are written, and none is kept."""

    def __init__(self, items: Iterator[dict[str, Any]]) -> None:
        super().__init__()
        first = next(items, None)
        self._items = iter(()) if first is None else chain((first,), items)
        self._any = first is not None

    def __bool__(self) -> bool:
        return self._any

    def __iter__(self) -> Iterator[dict[str, Any]]:
        return self._items


def json_text(analysis: Analysis) -> Iterator[str]:
    """What ``--json`` prints, piece by piece; a is the client, absent values are null, times are nanoseconds."""
    rows = (row for batch in batches_of(analysis.scan("connections")) for row in batch.iter_rows(named=True))
    told = {
        "schema": SCHEMA,
        "packets": analysis.packet_count,
        "connection_count": analysis.connection_count,
        "selection": str(analysis.selection) or None,
        "connections": _Made(map(_connection, rows)),
        "findings": _Made(asdict(one) | {"why": WHY[one.kind]} for one in findings_of(analysis)),
        "rows": {name: analysis.height(name) for name in analysis.tables},
        "partial": analysis.partial,
        "warnings": analysis.warnings,
        "comments": analysis.comments,
        "packet_comments": analysis.packet_comments,
    }
    pieces = json.JSONEncoder(indent=2).iterencode(told)
    while some := list(islice(pieces, _JOINED)):
        yield "".join(some)
