"""Figures, from stored tables only: each can be made again years later, and comes out equal to the byte.

::

    tables/*.parquet --> RunTables --> REGISTRY[name].draw(run, width_in=..., **options) --> Figure
    manifest.json ----------^                                                                  |
                                                        figures/<name>.{pdf,svg,png,xpl} <-----+

An experiment asks for a figure by name with a :class:`FigureSpec`; :func:`make_figures` draws and writes them.
One module holds the paper style (``style``), one the writing of files (``output``), one the choice of a connection
(``selection``), and each figure is one small module. Matplotlib is imported when a figure is drawn, not before.
"""

from typing import TYPE_CHECKING

from netemu.figures.registry import FIGURES, FigureSpec, allowed_options, check_names, check_spec, draw
from netemu.figures.tables import RunTables

if TYPE_CHECKING:
    from netemu.figures.output import make_figures

__all__ = ["FIGURES", "FigureSpec", "RunTables", "allowed_options", "check_names", "check_spec", "draw", "make_figures"]


def __getattr__(name: str) -> object:
    if name == "make_figures":  # pulls in Matplotlib, which takes most of a second
        from netemu.figures.output import make_figures

        return make_figures
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
