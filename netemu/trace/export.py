"""Tables of any capture into a directory, as Parquet and CSV."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import polars as pl

from netemu.errors import BadInput
from netemu.recording.tables import PACKET_TABLES
from netemu.trace.analysis import analyze_to_tables
from netemu.trace.ends_files import ends_of
from netemu.trace.show.result import Analysis
from netemu.trace.show.selection import EVERYTHING, Selection
from netemu.trace.table_files import TableFiles


def write_analysis(
    files: Sequence[Path], directory: Path, selection: Selection = EVERYTHING, *, inner: bool = False
) -> Analysis:
    """Analyse ``files`` and write the tables that packets give to ``directory``, all of them or none.

    ``transits`` and ``clocks`` are among them when two captures hold a connection in common. Of every table, the rows
    that ``selection`` shows are written; the analysis returned holds the same. ``inner`` is as in
    :func:`~netemu.trace.analysis.analyze`. Raises
    :class:`~netemu.errors.BadInput` when the directory cannot be made or written.
    """
    part = directory.with_name(directory.name + ".part")
    names = list(PACKET_TABLES)
    try:
        shutil.rmtree(part, ignore_errors=True)
        part.mkdir(parents=True)
        analysis = analyze_to_tables(files, part, inner=inner)
        if analysis.has_several_captures:
            ends = ends_of(files, part / "packets.parquet", analysis.connections)
            if not ends.transits.is_empty():
                names += ["transits", "clocks"]
                ends.transits.write_parquet(part / "transits.parquet")
                ends.clocks.write_parquet(part / "clocks.parquet")
        if selection:
            _narrow(part, selection, selection.chosen(analysis.scan("connections")))
        for path in sorted(part.glob("*.parquet")):
            pl.scan_parquet(path).sink_csv(path.with_suffix(".csv"))
        directory.mkdir(parents=True, exist_ok=True)
        for path in sorted(part.iterdir()):
            path.replace(directory / path.name)
    except OSError as error:
        raise BadInput(
            f"--out: {directory}: {error.strerror or error}; give a directory that can be written"
        ) from error
    finally:
        shutil.rmtree(part, ignore_errors=True)
    return replace(analysis, tables=TableFiles(directory, names), selection=selection)


def _narrow(directory: Path, selection: Selection, chosen: pl.DataFrame) -> None:
    """Keep the rows of each table that are shown, a piece of the file at a time."""
    for path in sorted(directory.glob("*.parquet")):
        whole, narrow = pl.scan_parquet(path), path.with_suffix(".narrow")
        rows = whole.filter(selection.predicate(whole.collect_schema().names(), chosen))
        rows.sink_parquet(narrow, compression="lz4", statistics=False, maintain_order=True)
        narrow.replace(path)
