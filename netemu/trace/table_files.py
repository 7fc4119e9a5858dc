"""Tables that lie in Parquet files, as frames when they are asked for."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from pathlib import Path

import polars as pl

Chosen = Callable[[Collection[str]], pl.Expr]
"""Which rows of a table are shown, by the names of its columns."""


class TableFiles(Mapping[str, pl.DataFrame]):
    """The tables ``names`` in ``directory``, each read at its first use and kept; of each the rows ``chosen``."""

    def __init__(self, directory: Path, names: Iterable[str], chosen: Chosen | None = None) -> None:
        self._directory, self._names, self._chosen = directory, tuple(names), chosen
        self._read: dict[str, pl.DataFrame] = {}

    def __getitem__(self, name: str) -> pl.DataFrame:
        if name not in self._read:
            self._read[name] = self.scan(name).collect()
        return self._read[name]

    def scan(self, name: str) -> pl.LazyFrame:
        """A table that is not read but by who collects it, and of which only the columns asked for are."""
        if name not in self._names:
            raise KeyError(name)
        whole = pl.scan_parquet(self._directory / f"{name}.parquet")
        return whole if self._chosen is None else whole.filter(self._chosen(whole.collect_schema().names()))

    def height(self, name: str) -> int:
        """How many rows a table has; they are not read."""
        return int(self.scan(name).select(pl.len()).collect(engine="streaming").item())

    def where(self, chosen: Chosen | None) -> TableFiles:
        """The same tables, of each the rows ``chosen``."""
        return TableFiles(self._directory, self._names, chosen)

    def __iter__(self) -> Iterator[str]:
        return iter(self._names)

    def __len__(self) -> int:
        return len(self._names)
