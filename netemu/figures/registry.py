"""The figures by name, and the request for one as data."""

from __future__ import annotations

import importlib
import inspect
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import msgspec

from netemu.errors import BadInput
from netemu.figures.scales import check_scale, time_span
from netemu.figures.selection import SHOWN_OPTIONS, check_choices

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from netemu.figures.tables import RunTables

FIGURES: dict[str, tuple[str, str]] = {
    "time_sequence": ("netemu.figures.time_sequence", "sequence numbers over time with tcptrace's conventions"),
    "window": ("netemu.figures.window", "advertised window and bytes in flight, and what limited the sender"),
    "sender": ("netemu.figures.sender", "the sender's windows as packets tell them, its phases and what held it"),
    "segment_size": ("netemu.figures.segment_size", "segment size and path MTU steps with the ICMP behind each"),
    "rtt": ("netemu.figures.rtt", "RTT samples, smoothed RTT and retransmission timeout"),
    "retransmissions": ("netemu.figures.retransmissions", "retransmissions by class, and what the wire dropped"),
    "arrival": (
        "netemu.figures.arrival",
        "when each byte of a transfer arrived first; over runs, how far that scatters",
    ),
    "life": ("netemu.figures.life", "the life of a send(): call, buffers, packets, read and ACK"),
    "cdf": ("netemu.figures.cdf", "empirical distribution of any column of any table"),
}
"""Name -> (module with ``draw``, what it shows)."""


class FigureSpec(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A figure that an experiment asks for.

    ``name`` is the stem of its files; ``figure`` one of :data:`FIGURES`; ``options`` go to that figure's ``draw``:
    the selection of a connection (``capture``, ``client``, ``server``, ``port``, ``connection``, ``direction``,
    ``pick``), ``title``, ``start``, ``stop``, and what the figure has of its own.
    """

    name: str
    figure: str
    options: dict[str, Any] = {}


def _draw_function(figure: str, place: str) -> Callable[..., Figure]:
    if figure not in FIGURES:
        raise BadInput(f"{place}: no figure is called {figure!r}; there are {', '.join(sorted(FIGURES))}")
    function: Callable[..., Figure] = importlib.import_module(FIGURES[figure][0]).draw
    return function


def _check_options(spec: FigureSpec, function: Callable[..., Figure], place: str) -> None:
    """Refuse a switch that is not true or false, and the lack of an option that the figure cannot do without."""
    for name, parameter in inspect.signature(function).parameters.items():
        if isinstance(parameter.default, bool) and not isinstance(spec.options.get(name, True), bool):
            raise BadInput(f"{place}: option {name} is {spec.options[name]!r}; use true or false")
        required = parameter.kind is parameter.KEYWORD_ONLY and parameter.default is parameter.empty
        if required and name != "width_in" and name not in spec.options:
            raise BadInput(f"{place}: {spec.figure} needs the option {name!r}")


def allowed_options(figure: str, place: str = "figure") -> tuple[str, ...]:
    """The options that ``figure`` takes; :class:`BadInput` names ``place`` when there is no such figure."""
    parameters = inspect.signature(_draw_function(figure, place)).parameters.values()
    own = [p.name for p in parameters if p.kind is p.KEYWORD_ONLY and p.name != "width_in"]
    takes_selection = any(p.kind is p.VAR_KEYWORD for p in parameters)
    return tuple(own) + (SHOWN_OPTIONS if takes_selection else ())


def check_names(names: Sequence[str]) -> None:
    """Refuse two figures of one name, and a name that is no plain file name."""
    for name in names:
        if names.count(name) > 1:
            raise BadInput(f"two figures are called {name!r}; give each its own name")
        if not name or not all(c.isalnum() or c in "._-" for c in name) or name.startswith("."):
            raise BadInput(f"figure name {name!r} is no file name; use letters, digits, '-', '_' and '.'")


def check_spec(spec: FigureSpec) -> None:
    """Refuse what no run can make good: an unknown figure, option or value. Needs no run, so it costs no run.

    A figure's module may have ``check(**options)`` for options of its own.
    """
    place = f"figure {spec.name!r}"
    function = _draw_function(spec.figure, place)
    allowed = allowed_options(spec.figure, place)
    options = spec.options
    for option in options:
        if option not in allowed:
            raise BadInput(f"{place}: {spec.figure} has no option {option!r}; it takes {', '.join(allowed)}")
    _check_options(spec, function, place)
    try:
        check_choices(options.get("direction"), options.get("pick", "only"))
        time_span(options.get("start"), options.get("stop"))
        check_scale(options.get("scale", "auto"))
        own = getattr(importlib.import_module(FIGURES[spec.figure][0]), "check", None)
        if own is not None:
            own(**options)
    except BadInput as error:
        raise BadInput(f"{place}: {error}") from error


def draw(spec: FigureSpec, run: RunTables, *, width_in: float) -> Figure:
    """Draw ``spec`` from the tables of ``run`` at ``width_in`` inches, in the paper style.

    Raises :class:`BadInput` for a figure or option that does not exist, a selection that matches nothing or more
    than one connection, and a table that the run does not have.
    """
    from netemu.figures.style import paper_style, settle
    from netemu.figures.validity import mark_validity

    place = f"figure {spec.name!r}"
    check_spec(spec)
    function = _draw_function(spec.figure, place)
    try:
        with paper_style():
            figure = function(run, width_in=width_in, **spec.options)
            mark_validity(figure, run.validity, run.reasons, run.judgement)
            settle(figure)
    except BadInput as error:
        raise BadInput(f"{place}: {error}") from error
    return figure
