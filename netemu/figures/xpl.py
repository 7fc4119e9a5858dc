"""The time-sequence graph as an xplot file, with the colours and marks of ``tcptrace -S``.

xplot reads one command a line: a colour, or a shape with its coordinates. Times are seconds with six decimals
(its type ``timeval``); nanoseconds are cut. Sequence numbers are offsets, of xplot's type ``unsigned`` (32 bits),
or ``double`` once they pass that.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from netemu.figures.sequence_data import FIN, PSH, SYN, largest
from netemu.figures.style import RETRANSMISSIONS

if TYPE_CHECKING:
    from netemu.figures.sequence_data import SequenceData

_COLOURS = {
    "timeout": "red",
    "fast": "blue",
    "tail_loss_probe": "magenta",
    "syn": "pink",
    "syn_ack": "pink",
    "fin": "pink",
}
_LETTERS = {"window_probe": "P", "keepalive": "K"}


def time_sequence_xpl(data: SequenceData, *, window: bool, title: str | None) -> str:
    """The text of the .xpl file of ``data``."""
    selection = data.selection
    rows = _events(data, window)
    wide = max(largest(data.segments["end"]), largest(data.acks["edge"])) >= 2**32
    name = title or f"{selection.sender}_==>_{selection.receiver} (time sequence graph)"
    head = [f"timeval {'double' if wide else 'unsigned'}", "title", name, "xlabel", "time"]
    return "\n".join([*head, "ylabel", "sequence offset", *rows, "go", ""])


def _time(t_ns: int) -> str:
    return f"{t_ns // 10**9}.{t_ns % 10**9 // 1000:06d}"


def _events(data: SequenceData, window: bool) -> list[str]:
    lines: list[str] = []
    for row in data.segments.iter_rows(named=True):
        lines += _segment(row)
    lines += _ack_lines(data, window)
    for row in data.sacks.iter_rows(named=True):
        t, letter = _time(row["t_ns"]), "D" if row["dsack"] else "S"
        lines += ["purple", f"line {t} {row['start']} {t} {row['end']}", f"ltext {t} {row['end']}", letter]
    for row in data.resets.iter_rows(named=True):
        lines += ["orange", f"atext {_time(row['t_ns'])} {row['position']}", "RST"]
    for row in data.drops.iter_rows(named=True):
        lines += ["red", f"x {_time(row['t_ns'])} {row['start']}"]
    return lines


def _segment(row: dict[str, Any]) -> list[str]:
    """A segment: arrows at both ends and the line between, as tcptrace draws it; a diamond on PSH.

    A FIN is a line of its own behind the data that came with it.
    """
    t, end = _time(row["t_ns"]), row["end"]
    lines: list[str] = []
    if row["payload_bytes"] or not row["flags"] & FIN:
        lines = _bar(row, t, row["start"], end - 1 if row["flags"] & FIN else end)
    if row["flags"] & FIN:
        again = row["kind"] in RETRANSMISSIONS and not row["payload_bytes"]
        colour = _COLOURS[row["kind"]] if again else "orange"
        lines += [colour, f"line {t} {end - 1} {t} {end}", f"atext {t} {end}", "FIN"]
        if again:
            lines += [f"atext {t} {end}", "R"]
    return lines


def _bar(row: dict[str, Any], t: str, start: int, end: int) -> list[str]:
    """What a segment carries but a FIN: its SYN or its data."""
    again = row["kind"] in RETRANSMISSIONS
    letter = "R" if again else _LETTERS.get(row["kind"], "O" if row["out_of_order"] else "")
    colour = _COLOURS.get(row["kind"], "orange" if row["flags"] & SYN else "white")
    lines = [colour, f"darrow {t} {start}", f"{'diamond' if row['flags'] & PSH else 'uarrow'} {t} {end}"]
    lines.append(f"line {t} {start} {t} {end}")
    for text in [*(["SYN"] if row["flags"] & SYN else []), *([letter] if letter else [])]:
        lines += [f"atext {t} {end}", text]
    return lines


def _ack_lines(data: SequenceData, window: bool) -> list[str]:
    """The green ACK steps and yellow window steps; ticks where an ACK repeats, Z where it shuts the window."""
    lines: list[str] = []
    before: dict[str, Any] | None = None
    ack = edge = 0
    for row in data.acks.iter_rows(named=True):
        t = _time(row["t_ns"])
        risen, pushed = max(ack, row["ack"]), row["edge"]
        if before is not None:
            last = _time(before["t_ns"])
            lines += ["green", f"line {last} {ack} {t} {ack}"]
            lines.append(f"line {t} {ack} {t} {risen}" if risen > ack else f"dtick {t} {ack}")
            if window:
                lines += ["yellow", f"line {last} {edge} {t} {edge}"]
                lines.append(f"line {t} {edge} {t} {pushed}" if pushed != edge else f"utick {t} {edge}")
        if row["window_bytes"] == 0:
            lines += ["yellow", f"btext {t} {row['edge']}", "Z"]
        before, ack, edge = row, risen, pushed
    return lines
