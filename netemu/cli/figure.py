"""``netemu figure RUN [NAME]``: make figures of a run again from its stored tables."""

from __future__ import annotations

import argparse
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

from netemu.errors import BadInput

if TYPE_CHECKING:
    from netemu.figures import FigureSpec
    from netemu.recording.layout import Recording

DESCRIPTION = """\
Make the figures of RUN again from its tables: all that its experiment asked for, or the one called NAME. NAME may also
be any figure of netemu, drawn with the options given by --option. The files are equal to the byte whenever they are
made from the same tables; other widths than 3.33in get files of their own (NAME-7in.pdf). RUN may also be the summary
that `netemu run --repeat` leaves: the figures are then those over its runs, whose tables must still be there.
"""


def add_parser(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Declare the subcommand."""
    parser = subparsers.add_parser(
        "figure",
        help="make figures of a run again from its stored tables",
        description=DESCRIPTION,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("stored", type=Path, metavar="RUN", help="the directory of a finished run")
    parser.add_argument("name", nargs="?", metavar="NAME", help="one figure; without it, all that were asked for")
    parser.add_argument(
        "--width", action="append", metavar="LENGTH", help="3.33in (the default), 7in, 85mm; may be repeated"
    )
    parser.add_argument(
        "--option",
        action="append",
        default=[],
        metavar="KEY=VALUE",
        help="an option of the figure on top of what is stored, such as start=1s, port=5001, capture=h1-eth0",
    )
    parser.add_argument("--out", type=Path, metavar="DIR", help="where to write (default: RUN/figures)")
    parser.add_argument("--list", action="store_true", help="list the figures by name and make none")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Draw and write; print the path of every file made."""
    from netemu.recording.layout import Recording

    recording = Recording(args.stored)
    if not recording.root.is_dir():
        raise BadInput(f"{recording.root}: no such directory; RUN is the directory of a finished run")
    stored = stored_figures(recording)
    if args.list:
        print(_listing(stored))
        return 0
    options = parse_options(args.option)
    specs = choose_figures(args.stored, stored, args.name, options)
    widths = [parse_width_in(text) for text in args.width or ["3.33in"]]
    for path in _make(recording, specs, args.out or recording.figures, list(dict.fromkeys(widths))):
        print(path)
    return 0


def _make(recording: Recording, specs: list[FigureSpec], out: Path, widths_in: list[float]) -> list[Path]:
    """The figures of one run, or over the runs that a summary names."""
    from netemu.results import repeat

    if repeat.is_repeat(recording.root):
        from netemu.figures.repeated.output import make_repeated_figures

        return make_repeated_figures(specs, repeat.several_runs(recording.root), out, widths_in=widths_in)
    from netemu.figures import RunTables, make_figures

    return make_figures(specs, RunTables.read(recording.root), out, widths_in=widths_in)


def stored_figures(recording: Recording) -> list[FigureSpec]:
    """The figures that the experiment asked for, from the manifest or the summary; none where there is neither."""
    import msgspec

    from netemu.figures import FigureSpec
    from netemu.figures.tables import read_json_object
    from netemu.results import repeat

    if repeat.is_repeat(recording.root):
        return repeat.stored_figures(recording.root)
    if not recording.manifest.is_file():
        return []
    try:
        return msgspec.convert(read_json_object(recording.manifest).get("figures", []), list[FigureSpec])
    except msgspec.ValidationError as error:
        raise BadInput(f"{recording.manifest}: figures: {error}") from error


def choose_figures(run: Path, stored: list[FigureSpec], name: str | None, options: dict[str, Any]) -> list[FigureSpec]:
    """The stored figures, or the one called ``name``: a stored one first, else a figure of netemu by its own name."""
    from netemu.figures import FIGURES, FigureSpec
    from netemu.recording.layout import Recording

    if name is None and not stored:
        manifest = Recording(run).manifest
        why = "its experiment asked for no figure" if manifest.is_file() else "no manifest.json, so no run"
        raise BadInput(f"{run}: {why}; name one of {', '.join(FIGURES)}")
    if name is None and options:
        raise BadInput("--option needs the NAME of the figure it is for")
    if name is None:
        return stored
    for spec in stored:
        if spec.name == name:
            return [FigureSpec(name, spec.figure, {**spec.options, **options})]
    if name in FIGURES:
        return [FigureSpec(name, name, options)]
    raise BadInput(
        f"{run}: no figure is called {name!r}; the run has {', '.join(s.name for s in stored) or 'none'};"
        f" any run can have {', '.join(FIGURES)}"
    )


def parse_options(texts: list[str]) -> dict[str, Any]:
    """All ``--option`` texts together; ``where.call=send`` becomes an entry of the option ``where``."""
    options: dict[str, Any] = {}
    for key, value in map(parse_option, texts):
        outer, dot, inner = key.partition(".")
        if dot:
            options.setdefault(outer, {})[inner] = value
        else:
            options[key] = value
    return options


def parse_option(text: str) -> tuple[str, Any]:
    """``key=value``; whole numbers and true/false become what they look like, the rest stays text."""
    key, equals, value = text.partition("=")
    if not equals or not key:
        raise BadInput(f"--option {text!r} is not KEY=VALUE, such as start=1s")
    if value in ("true", "false"):
        return key, value == "true"
    return key, int(value) if re.fullmatch(r"-?\d+", value) else value


def parse_width_in(text: str) -> float:
    """Inches from ``3.33in``, ``85mm`` or ``8.5cm``; :class:`BadInput` outside 2 to 20 in."""
    match = re.fullmatch(r"(\d+(?:\.\d+)?)(in|mm|cm)", text)
    if match is None:
        raise BadInput(f"--width {text!r} is not a length such as 3.33in, 7in or 85mm")
    width_in = float(match[1]) / {"in": 1.0, "cm": 2.54, "mm": 25.4}[match[2]]
    if not 2.0 <= width_in <= 20.0:
        raise BadInput(f"--width {text!r} is out of range; use 2in to 20in")
    return width_in


def _listing(stored: list[FigureSpec]) -> str:
    from netemu.figures import FIGURES

    lines = ["asked for by the experiment:"]
    lines += [f"  {s.name}  ({s.figure}{''.join(f' {k}={v}' for k, v in s.options.items())})" for s in stored] or [
        "  none"
    ]
    lines += ["for any run:", *(f"  {name:<16} {meaning}" for name, (_, meaning) in FIGURES.items())]
    return "\n".join(lines)
