"""Figures over several runs as files, beside one another as those of one run."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from netemu.figures.output import FORMATS, file_bytes, file_stem, write_whole
from netemu.figures.registry import FigureSpec, check_names
from netemu.figures.repeated.registry import draw_repeated
from netemu.figures.style import COLUMN_WIDTH_IN

if TYPE_CHECKING:
    from netemu.figures.repeated.runs import SeveralRuns


def make_repeated_figures(
    specs: Iterable[FigureSpec],
    runs: SeveralRuns,
    directory: Path,
    *,
    widths_in: Sequence[float] = (COLUMN_WIDTH_IN,),
) -> list[Path]:
    """Draw every figure over ``runs`` at every width and write it to ``directory``; the paths, in the order made.

    Equal to the byte whenever they are made from the same tables. Raises :class:`BadInput` as
    :func:`~netemu.figures.repeated.draw_repeated` does; nothing is written before all are drawn.
    """
    specs = list(specs)
    check_names([spec.name for spec in specs])
    files: dict[str, bytes] = {}
    for spec in specs:
        for width_in in widths_in:
            figure = draw_repeated(spec, runs, width_in=width_in)
            for suffix in FORMATS:
                files[f"{file_stem(spec.name, width_in)}.{suffix}"] = file_bytes(figure, suffix, spec.name, runs.note())
    return [write_whole(directory / name, content) for name, content in files.items()]
