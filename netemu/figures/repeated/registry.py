"""Which figure has a version over several runs, and the drawing of one."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING

from netemu.errors import BadInput
from netemu.figures.registry import FigureSpec, check_spec

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from netemu.figures.repeated.runs import SeveralRuns

REPEATED: dict[str, tuple[str, str]] = {
    "time_sequence": ("netemu.figures.repeated.time_sequence", "highest acknowledged offset: median and band"),
    "window": ("netemu.figures.repeated.window", "bytes in flight, cwnd and peer's window: median and band"),
    "sender": ("netemu.figures.repeated.sender", "bytes in flight and estimated cwnd: median and band"),
    "segment_size": ("netemu.figures.repeated.segment_size", "segment size and path MTU: median and band"),
    "rtt": ("netemu.figures.repeated.rtt", "RTT in bins of time, smoothed RTT and RTO: median and band"),
    "retransmissions": ("netemu.figures.repeated.retransmissions", "count by class: mean, interval and single runs"),
    "arrival": ("netemu.figures.repeated.arrival", "arrival of each byte less its median over the runs: bands"),
    "life": ("netemu.figures.repeated.life", "when a send()'s bytes pass each place: median and band"),
    "cdf": ("netemu.figures.repeated.cdf", "mean empirical distribution and band"),
}
"""Figure -> (module with ``draw``, what it shows of several runs)."""


def draw_repeated(spec: FigureSpec, runs: SeveralRuns, *, width_in: float) -> Figure:
    """Draw ``spec`` over ``runs`` at ``width_in`` inches, in the paper style.

    Raises :class:`BadInput` as :func:`netemu.figures.draw` does, and for a figure that only one run can have.
    """
    from netemu.figures.style import BLACK, VERMILLION, paper_style, settle
    from netemu.figures.validity import note_below

    place = f"figure {spec.name!r}"
    check_spec(spec)
    if spec.figure not in REPEATED:
        raise BadInput(f"{place}: {spec.figure} shows one run; over several there are {', '.join(REPEATED)}")
    function = importlib.import_module(REPEATED[spec.figure][0]).draw
    try:
        with paper_style():
            figure: Figure = function(runs, width_in=width_in, **spec.options)
            colour, weight = (BLACK, "normal") if runs.is_flawless else (VERMILLION, "bold")
            note_below(figure, runs.note(), colour, weight)
            settle(figure)
    except BadInput as error:
        raise BadInput(f"{place}: {error}") from error
    return figure
