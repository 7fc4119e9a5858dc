"""Tables that lie in Parquet files, as frames when they are asked for."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

import polars as pl


class TableFiles(Mapping[str, pl.DataFrame]):
    """The tables ``names`` in ``directory``, each read at its first use and kept."""

    def __init__(self, directory: Path, names: Iterable[str]) -> None:
        self._directory, self._names = directory, tuple(names)
        self._read: dict[str, pl.DataFrame] = {}

    def __getitem__(self, name: str) -> pl.DataFrame:
        if name not in self._names:
            raise KeyError(name)
        if name not in self._read:
            self._read[name] = pl.read_parquet(self._directory / f"{name}.parquet")
        return self._read[name]

    def height(self, name: str) -> int:
        """How many rows a table has; they are not read."""
        return int(pl.scan_parquet(self._directory / f"{name}.parquet").select(pl.len()).collect().item())

    def __iter__(self) -> Iterator[str]:
        return iter(self._names)

    def __len__(self) -> int:
        return len(self._names)
