"""Figures over several runs of one experiment: what all runs have in common, and how far they differ.

::

    tables of each run --> chosen flow, time since its start --> common grid --> median and band --> Figure

:class:`SeveralRuns` holds the runs' tables; :data:`REPEATED` names the module of each figure's version over several
runs, which takes the options of the figure for one run; :func:`make_repeated_figures` draws and writes them.
"""

from netemu.figures.repeated.registry import REPEATED, draw_repeated
from netemu.figures.repeated.runs import SeveralRuns

__all__ = ["REPEATED", "SeveralRuns", "draw_repeated"]
