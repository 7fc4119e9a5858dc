"""The stored tables of a run, checked against their schema when they are asked for."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from netemu.errors import BadInput
from netemu.recording.account import judgement_of
from netemu.recording.layout import Recording
from netemu.recording.tables import TABLES

if TYPE_CHECKING:
    import polars as pl

VALIDITIES = ("valid", "degraded", "void")


@dataclass(frozen=True, slots=True)
class RunTables:
    """Tables of one run by name, with what a figure must say about the run.

    ``judgement``: ``unjudged`` when a model made it that no real kernel was compared with, else empty.
    ``addresses``: node -> its addresses; ``captures``: name of a capture -> the node it was taken on (both empty
    for captures from elsewhere). A table is read when asked for, never kept.
    """

    sources: Mapping[str, Path | pl.DataFrame]
    label: str
    validity: str = "valid"
    reasons: tuple[str, ...] = ()
    judgement: str = ""
    addresses: Mapping[str, frozenset[str]] = field(default_factory=dict)
    captures: Mapping[str, str] = field(default_factory=dict)

    @classmethod
    def read(cls, root: Path) -> RunTables:
        """The tables under ``root``; validity from its manifest, nodes from its plan, where it has them.

        Raises :class:`BadInput` when ``root`` holds no tables, or its manifest or plan cannot be read.
        """
        recording = Recording(root)
        sources = {name: path for name in TABLES if (path := recording.tables / f"{name}.parquet").is_file()}
        if not sources:
            raise BadInput(
                f"{root}: no tables/*.parquet there; give the directory of a run, or run `netemu analyze` first"
            )
        manifest = read_json_object(recording.manifest) if recording.manifest.is_file() else {}
        validity = manifest.get("validity", "valid")
        if validity not in VALIDITIES:
            raise BadInput(f"{recording.manifest}: validity {validity!r} is none of {', '.join(VALIDITIES)}")
        plan = read_json_object(recording.plan) if recording.plan.is_file() else {}
        addresses, captures = _nodes(plan)
        reasons = tuple(manifest.get("reasons", ()))
        return cls(sources, str(root), validity, reasons, judgement_of(manifest), addresses, captures)

    def has(self, table: str) -> bool:
        """Whether the run has ``table``."""
        return table in self.sources

    def scan(self, table: str) -> pl.LazyFrame:
        """``table`` as a lazy frame; :class:`BadInput` when it is absent, unreadable or lacks a column."""
        import polars as pl

        if table not in TABLES:
            raise BadInput(f"{self.label}: no table is called {table!r}; there are {', '.join(TABLES)}")
        if table not in self.sources:
            raise BadInput(f"{self.label}: the run has no table {table!r}; it has {', '.join(sorted(self.sources))}")
        source = self.sources[table]
        try:
            frame = source.lazy() if isinstance(source, pl.DataFrame) else pl.scan_parquet(source)
            present = frame.collect_schema().names()
        except (pl.exceptions.PolarsError, OSError) as error:
            raise BadInput(f"{source}: not a readable Parquet file ({error}); analyse the run again") from error
        missing = [column for column in TABLES[table] if column not in present]
        if missing:
            raise BadInput(f"{self.label}: table {table!r} lacks column {', '.join(missing)}; analyse the run again")
        return frame.select(list(TABLES[table]))


def read_json_object(path: Path) -> dict[str, Any]:
    """The JSON object in ``path``; :class:`BadInput` names the file when there is none."""
    try:
        value = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise BadInput(f"{path}: not readable as JSON: {error}") from error
    if not isinstance(value, dict):
        raise BadInput(f"{path}: holds {type(value).__name__}, not a JSON object")
    return value


def _nodes(plan: Mapping[str, Any]) -> tuple[dict[str, frozenset[str]], dict[str, str]]:
    """Addresses by node, and node by interface, from the links of a plan."""
    addresses: dict[str, set[str]] = {}
    interfaces: dict[str, str] = {}
    for link in plan.get("links", ()):
        for end in (link["a"], link["b"]):
            interfaces[end["interface"]] = end["node"]
            for key in ("ipv4", "ipv6"):
                if end.get(key):
                    addresses.setdefault(end["node"], set()).add(end[key].partition("/")[0])
    return {node: frozenset(found) for node, found in addresses.items()}, interfaces
