"""Figures as files: PDF, SVG and PNG that are equal to the byte whenever they are made from the same tables."""

from __future__ import annotations

import importlib
import io
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from netemu.errors import NetemuError
from netemu.figures.registry import FIGURES, FigureSpec, check_names, draw
from netemu.figures.style import COLUMN_WIDTH_IN, paper_style
from netemu.figures.tables import RunTables
from netemu.figures.validity import validity_line

if TYPE_CHECKING:
    from matplotlib.figure import Figure

FORMATS = ("pdf", "svg", "png")


def file_stem(name: str, width_in: float) -> str:
    """``name`` at the width of a column, ``name-7in`` at any other: two widths stand side by side."""
    return name if width_in == COLUMN_WIDTH_IN else f"{name}-{width_in:.4g}in"


def make_figures(
    specs: Iterable[FigureSpec],
    run: RunTables,
    directory: Path,
    *,
    widths_in: Sequence[float] = (COLUMN_WIDTH_IN,),
) -> list[Path]:
    """Draw every figure at every width and write it to ``directory``; the paths, in the order made.

    A figure with a companion (the ``.xpl`` of a time-sequence graph) writes it once. Raises :class:`BadInput` as
    :func:`~netemu.figures.registry.draw` does, and for two figures of one name; nothing is written before all
    figures of the call are drawn.
    """
    specs = list(specs)
    check_names([spec.name for spec in specs])
    files: dict[str, bytes] = {}
    for spec in specs:
        for width_in in widths_in:
            figure = draw(spec, run, width_in=width_in)
            for suffix in FORMATS:
                files[f"{file_stem(spec.name, width_in)}.{suffix}"] = render(figure, suffix, spec.name, run)
        companion = getattr(importlib.import_module(FIGURES[spec.figure][0]), "companion", None)
        if companion is not None:
            suffix, text = companion(run, **spec.options)
            files[f"{spec.name}.{suffix}"] = text.encode()
    return [write_whole(directory / name, content) for name, content in files.items()]


def render(figure: Figure, suffix: str, name: str, run: RunTables) -> bytes:
    """The bytes of ``figure`` as ``pdf``, ``svg`` or ``png``, without dates and without versions of any tool."""
    return file_bytes(figure, suffix, name, validity_line(run.validity, run.reasons) or "Valid run")


def file_bytes(figure: Figure, suffix: str, name: str, verdict: str) -> bytes:
    """As :func:`render`, with what the file's metadata says of the runs it was made from."""
    metadata: dict[str, dict[str, Any]] = {
        "pdf": {"Creator": "netemu", "Producer": "netemu", "CreationDate": None, "Title": name, "Subject": verdict},
        "svg": {"Creator": "netemu", "Date": None, "Title": name, "Description": verdict},
        "png": {"Software": "netemu", "Title": name, "Description": verdict},
    }
    buffer = io.BytesIO()
    with paper_style():
        figure.savefig(buffer, format=suffix, metadata=metadata[suffix], dpi=300 if suffix == "png" else 600)
    return buffer.getvalue()


def write_whole(path: Path, content: bytes) -> Path:
    """Write the whole file or none of it."""
    partial = path.with_name(f".{path.name}.partial")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        partial.write_bytes(content)
        partial.replace(path)
    except OSError as error:
        if partial.exists():
            partial.unlink()
        raise NetemuError(
            f"{path}: cannot be written ({error.strerror}); free space or choose another place"
        ) from error
    return path
