"""Tables of any capture into a directory, as Parquet and CSV."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from pathlib import Path

import polars as pl

from netemu.errors import BadInput
from netemu.trace.analysis import Analysis, analyze_to_parquet
from netemu.trace.ends_files import ends_of


def write_analysis(files: Sequence[Path], directory: Path) -> Analysis:
    """Analyse ``files`` and write the tables that packets give to ``directory``, all of them or none.

    ``transits`` and ``clocks`` are among them when two captures hold a connection in common.

    Raises :class:`~netemu.errors.BadInput` when the directory cannot be made or written.
    """
    part = directory.with_name(directory.name + ".part")
    try:
        shutil.rmtree(part, ignore_errors=True)
        part.mkdir(parents=True)
        analysis = analyze_to_parquet(files, part / "packets.parquet")
        pl.scan_parquet(part / "packets.parquet").sink_csv(part / "packets.csv")
        ends = ends_of(files, part / "packets.parquet", analysis.connections)
        if not ends.transits.is_empty():
            analysis.tables.update(transits=ends.transits, clocks=ends.clocks)
        for name, frame in analysis.tables.items():
            frame.write_parquet(part / f"{name}.parquet")
            frame.write_csv(part / f"{name}.csv")
        directory.mkdir(parents=True, exist_ok=True)
        for path in sorted(part.iterdir()):
            path.replace(directory / path.name)
    except OSError as error:
        raise BadInput(
            f"--out: {directory}: {error.strerror or error}; give a directory that can be written"
        ) from error
    finally:
        shutil.rmtree(part, ignore_errors=True)
    return analysis
