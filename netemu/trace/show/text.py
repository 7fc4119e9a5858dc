"""An analysis as text: what was captured, what is worth a look, the connections, and what to be careful about."""

from __future__ import annotations

import textwrap
from collections.abc import Callable, Sequence
from typing import Any

import polars as pl

from netemu.trace.show.datagrams import datagrams_text
from netemu.trace.show.findings import WHY, Finding, again_classes, worst_of
from netemu.trace.show.result import Analysis
from netemu.trace.show.words import (
    columns_text,
    counted,
    format_bytes,
    format_count,
    format_duration,
    format_rate,
    times,
)

DETAILED = 3
"""Up to so many connections are shown in full without being asked for."""
_FINDINGS = 12
_END = pl.col("start_ns") + pl.col("duration_ns")
_PAYLOAD = pl.sum_horizontal("a_payload_bytes", "b_payload_bytes").alias("payload_bytes")


def headline(analysis: Analysis) -> str:
    """What was captured, in one line."""
    parts = [counted(analysis.packet_count, "packet"), counted(analysis.connection_count, "TCP connection")]
    if datagrams := analysis.height("datagrams"):
        parts.append(counted(datagrams, "UDP flow"))
    sums = (pl.len(), _PAYLOAD.sum(), pl.col("start_ns").min(), _END.max().alias("end_ns"))
    shown, payload, begin, end = analysis.scan("connections").select(*sums).collect(engine="streaming").row(0)
    if shown:
        if analysis.selection:
            parts.append(f"{shown:,} shown")
        parts.append(f"{format_bytes(payload)} of payload in {format_duration(end - begin)}")
    return ", ".join(parts) + (", PARTIAL: a file ends before its data does" if analysis.partial else "")


def as_text(analysis: Analysis, limit: int, *, width: int = 100, details: bool = False) -> str:
    """The summary that ``netemu analyze`` prints, of at most ``limit`` connections: those with most payload."""
    connections = analysis.scan("connections")
    several = analysis.has_several_captures
    lines = [headline(analysis)]
    if analysis.selection:
        lines += _wrapped(f"shown: {analysis.selection}; analysed: everything", width)
    lines += _findings_text(*worst_of(analysis, _FINDINGS), several, width)
    shown, count = _rows(connections, _largest(connections, limit)), analysis.height("connections")
    if shown.height:
        lines += ["", *_overview(shown, several, width)]
    left = count - shown.height
    if left > 0:
        lines.append(f"{counted(left, 'connection')} with less payload not shown; --limit N shows more")
    if details or count <= DETAILED:
        for row in shown.iter_rows(named=True):
            lines += ["", *connection_text(row, several=several)]
    lines += datagrams_text(analysis.tables["datagrams"], width)
    lines += _icmp_text(analysis.icmp)
    lines += _comments_text(analysis, width)
    lines += _warnings_text(analysis.warnings, width)
    return "\n".join(lines)


def _largest(connections: pl.LazyFrame, limit: int) -> list[int]:
    """The numbers of the rows with most payload, those first; of millions no more is held."""
    numbered = connections.select(_PAYLOAD).with_row_index("row")
    found = numbered.top_k(limit, by=["payload_bytes", "row"], reverse=[False, True]).collect(engine="streaming")
    return found.sort("payload_bytes", "row", descending=[True, False])["row"].to_list()


def _rows(table: pl.LazyFrame, numbers: list[int]) -> pl.DataFrame:
    """The rows of these numbers, in that order; no others are held."""
    found = table.with_row_index("row").filter(pl.col("row").is_in(numbers)).collect(engine="streaming").sort("row")
    place = {number: k for k, number in enumerate(sorted(numbers))}
    return found[[place[number] for number in numbers]].drop("row")


def _wrapped(text: str, width: int, indent: str = "") -> list[str]:
    return textwrap.wrap(text, max(width, 40), subsequent_indent=indent, break_long_words=False, break_on_hyphens=False)


# ---- what is worth a look ------------------------------------------------------------------------------------------


def _findings_text(findings: Sequence[Finding], count: int, several: bool, width: int) -> list[str]:
    if not findings:
        return []
    lines = ["", "Worth a look, the worst first"]
    for one in findings:
        name = _name(one.capture, one.connection, several) if one.connection >= 0 else "-"
        lines += _wrapped(f"  {name:<4} {one.text} - {WHY[one.kind]}", width, " " * 7)
    if count > len(findings):
        lines.append(f"  and {count - len(findings):,} more; --json lists all")
    return lines


def _name(capture: str, number: int, several: bool) -> str:
    return f"{capture}/{number}" if several else f"#{number}"


# ---- the connections, one line each --------------------------------------------------------------------------------

_OVERVIEW: tuple[tuple[str, Callable[[dict[str, Any]], str]], ...] = (
    ("client", lambda row: str(row["client"])),
    ("server", lambda row: str(row["server"])),
    ("start", lambda row: format_duration(row["start_ns"])),
    ("lasts", lambda row: format_duration(row["duration_ns"])),
    ("client sent", lambda row: format_bytes(row["a_unique_payload_bytes"])),
    ("server sent", lambda row: format_bytes(row["b_unique_payload_bytes"])),
    ("goodput", lambda row: format_rate(_faster(row)[1])),
    ("RTT", lambda row: format_duration(row[_faster(row)[0] + "rtt_median_ns"])),
    (
        "again",
        lambda row: format_count((row["a_retransmitted_segments"] or 0) + (row["b_retransmitted_segments"] or 0)),
    ),
    ("end", lambda row: (row["end"] or "not told").replace("_", " ")),
)
_LEAST_FIRST = ("end", "start", "RTT", "goodput", "lasts")
"""What goes when the terminal is narrow."""
_TO_THE_LEFT = frozenset({"client", "server", "end"})


def _faster(row: dict[str, Any]) -> tuple[str, float | None]:
    """The direction with more payload, and its goodput."""
    prefix = "a_" if (row["a_unique_payload_bytes"] or 0) >= (row["b_unique_payload_bytes"] or 0) else "b_"
    return prefix, row[prefix + "goodput_bps"]


def _overview(shown: pl.DataFrame, several: bool, width: int) -> list[str]:
    rows = list(shown.iter_rows(named=True))
    columns = {name: [text(row) for row in rows] for name, text in _OVERVIEW}
    names = [_name(row["capture"], row["connection"], several) for row in rows]
    lines = _table(names, columns)
    for name in _LEAST_FIRST:
        if max(map(len, lines)) <= width:
            break
        del columns[name]
        lines = _table(names, columns)
    return lines


def _table(names: list[str], columns: dict[str, list[str]]) -> list[str]:
    rows = list(zip(names, *columns.values(), strict=True))
    return columns_text(["", *columns], rows, _TO_THE_LEFT)


# ---- one connection in full ----------------------------------------------------------------------------------------


def _again(side: dict[str, Any]) -> str:
    total = side["retransmitted_segments"]
    return f"{total:,} ({again_classes(side, '')})" if total else format_count(total)


_LINES: tuple[tuple[str, Callable[[dict[str, Any]], str]], ...] = (
    ("packets / with data", lambda s: f"{s['packets']:,} / {format_count(s['data_segments'])}"),
    ("payload / unique", lambda s: f"{format_bytes(s['payload_bytes'])} / {format_bytes(s['unique_payload_bytes'])}"),
    ("goodput", lambda s: format_rate(s["goodput_bps"])),
    ("retransmitted", _again),
    ("out of order", lambda s: format_count(s["out_of_order_segments"])),
    ("zero windows / probes", lambda s: f"{format_count(s['zero_windows'])} / {format_count(s['window_probes'])}"),
    ("keepalives", lambda s: format_count(s["keepalives"])),
    ("RTT min / median", lambda s: f"{format_duration(s['rtt_min_ns'])} / {format_duration(s['rtt_median_ns'])}"),
    (
        "MSS announced / used",
        lambda s: f"{format_count(s['mss_announced_bytes'])} / {format_count(s['mss_used_bytes'])}",
    ),
    ("path MTU", lambda s: format_count(s["path_mtu_bytes"])),
    ("window scale / largest", lambda s: f"{format_count(s['window_scale'])} / {format_bytes(s['max_window_bytes'])}"),
    ("duplicate ACKs sent", lambda s: format_count(s["duplicate_acks"])),
    ("SACK blocks sent", lambda s: format_count(s["sack_blocks"])),
)
_DULL = frozenset({"0", "-", "0 / 0", "- / -"})


def connection_text(row: dict[str, Any], *, several: bool = False) -> list[str]:
    """One row of ``connections`` in full: what each side sent, side by side; lines without news are left out."""
    sides = [{name[2:]: value for name, value in row.items() if name.startswith(prefix)} for prefix in ("a_", "b_")]
    told = [(label, text(sides[0]), text(sides[1])) for label, text in _LINES]
    told = [line for line in told if line[1] not in _DULL or line[2] not in _DULL]
    state = (row["end"] or "only one direction captured").replace("_", " ")
    if row["opening"] != "handshake":
        state += f" ({row['opening'].replace('_', ' ')})"
    heading = (
        f"{_name(row['capture'], row['connection'], several)}  {row['client']} -> {row['server']}   {state},"
        f" {format_duration(row['duration_ns'])} from {format_duration(row['start_ns'])}"
    )
    body = columns_text(["", "client sends", "server sends"], told, frozenset({"", "client sends", "server sends"}))
    return [heading, *("  " + line for line in body)]


# ---- the rest ------------------------------------------------------------------------------------------------------


def _icmp_text(icmp: pl.DataFrame) -> list[str]:
    """One line for each kind of ICMP error, router and MTU, in order of the first."""
    grouped = icmp.group_by("capture", "kind", "reporter", "mtu_bytes", maintain_order=True)
    rows = grouped.agg(count=pl.len(), first_ns=pl.col("t_ns").min())
    lines = [""] if rows.height else []
    for row in rows.iter_rows(named=True):
        mtu = f", MTU {row['mtu_bytes']}" if row["mtu_bytes"] is not None else ""
        first = format_duration(row["first_ns"])
        lines.append(f"ICMP {row['kind']} from {row['reporter']}{mtu}: {times(row['count'])}, first at {first}")
    return lines


def _comments_text(analysis: Analysis, width: int) -> list[str]:
    """What the files say of themselves, the same text once."""
    lines = [
        line
        for text in dict.fromkeys(analysis.comments)
        for line in _wrapped(f"  {' '.join(text.split())}", width, " " * 4)
    ]
    if analysis.packet_comments:
        lines.append(f"  and {counted(analysis.packet_comments, 'comment')} on single packets")
    return ["", "Comments in the files", *lines] if lines else []


def _warnings_text(warnings: Sequence[str], width: int) -> list[str]:
    if not warnings:
        return []
    return ["", "Warnings", *(line for text in warnings for line in _wrapped(f"  {text}", width, " " * 4))]
