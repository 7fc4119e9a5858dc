"""An analysis as one JSON object: ``netemu analyze --json``. docs/analysis.md describes it."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from netemu.recording.tables import CONNECTION_SIDE, RETRANSMISSION_KINDS
from netemu.trace.show.findings import WHY, findings_of
from netemu.trace.show.result import Analysis

SCHEMA = 1
"""Grows when a name goes or changes its meaning; names may be added without."""
_CLASS_COLUMNS = frozenset(f"retransmits_{name}" for name in RETRANSMISSION_KINDS)


def _side(row: dict[str, Any], prefix: str) -> dict[str, Any]:
    side = {name: row[prefix + name] for name in CONNECTION_SIDE if name not in _CLASS_COLUMNS}
    side["retransmits"] = {name: row[f"{prefix}retransmits_{name}"] for name in RETRANSMISSION_KINDS}
    return side


def _connection(row: dict[str, Any]) -> dict[str, Any]:
    shared = {name: value for name, value in row.items() if not name.startswith(("a_", "b_"))}
    return shared | {"a_to_b": _side(row, "a_"), "b_to_a": _side(row, "b_")}


def as_json(analysis: Analysis) -> dict[str, Any]:
    """What ``--json`` prints; a is the client, absent values are null, times are nanoseconds."""
    return {
        "schema": SCHEMA,
        "packets": analysis.packet_count,
        "connection_count": analysis.connection_count,
        "selection": str(analysis.selection) or None,
        "connections": [_connection(row) for row in analysis.connections.iter_rows(named=True)],
        "findings": [asdict(one) | {"why": WHY[one.kind]} for one in findings_of(analysis)],
        "rows": {name: analysis.height(name) for name in analysis.tables},
        "partial": analysis.partial,
        "warnings": analysis.warnings,
        "comments": analysis.comments,
        "packet_comments": analysis.packet_comments,
    }
