"""An analysis for people (text) and for machines (JSON)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import polars as pl

from netemu.recording.tables import CONNECTION_SIDE
from netemu.trace.analysis import Analysis

CLASSES = ("timeout", "fast", "tail_loss_probe", "syn", "syn_ack", "fin")
_CLASS_COLUMNS = frozenset(f"retransmits_{name}" for name in CLASSES)


def _side(row: dict[str, Any], prefix: str) -> dict[str, Any]:
    side = {name: row[prefix + name] for name in CONNECTION_SIDE if name not in _CLASS_COLUMNS}
    side["retransmits"] = {name: row[f"{prefix}retransmits_{name}"] for name in CLASSES}
    return side


def _connection(row: dict[str, Any]) -> dict[str, Any]:
    names = ("capture", "connection", "client", "server", "start_ns", "duration_ns", "complete")
    return {name: row[name] for name in names} | {"a_to_b": _side(row, "a_"), "b_to_a": _side(row, "b_")}


def as_json(analysis: Analysis) -> dict[str, Any]:
    """What ``netemu analyze --json`` prints; a is the client, absent values are null."""
    return {
        "packets": analysis.packet_count,
        "connections": [_connection(row) for row in analysis.connections.iter_rows(named=True)],
        "partial": analysis.partial,
        "warnings": analysis.warnings,
    }


def format_duration(ns: int | None) -> str:
    """Three significant digits: ``"1.23 ms"``; a dash for None."""
    if ns is None:
        return "-"
    for unit, scale in (("s", 10**9), ("ms", 10**6), ("us", 10**3)):
        if abs(ns) >= scale:
            return f"{ns / scale:.4g} {unit}"
    return f"{ns} ns"


def format_bytes(count: int | None) -> str:
    """Exact below 10,000 bytes, three significant digits with a decimal unit above."""
    if count is None:
        return "-"
    for unit, scale in (("GB", 10**9), ("MB", 10**6), ("kB", 10**3)):
        if count >= 10 * scale or (unit != "kB" and count >= scale):
            return f"{count / scale:.4g} {unit}"
    return f"{count} B"


def _rate(bps: float | None) -> str:
    if bps is None:
        return "-"
    for unit, scale in (("Gbit/s", 1e9), ("Mbit/s", 1e6), ("kbit/s", 1e3)):
        if bps >= scale:
            return f"{bps / scale:.4g} {unit}"
    return f"{bps:.4g} bit/s"


def _plain(value: int | None) -> str:
    return "-" if value is None else f"{value:,}"


def _retransmissions(side: dict[str, Any]) -> str:
    total = side["retransmitted_segments"]
    kinds = ", ".join(f"{name.replace('_', ' ')} {n}" for name, n in side["retransmits"].items() if n)
    spurious = f"; {side['spurious_retransmits']} spurious" if side["spurious_retransmits"] else ""
    return f"{total} ({kinds}{spurious})" if total else "0"


_LINES: tuple[tuple[str, Callable[[dict[str, Any]], str]], ...] = (
    ("packets / with data", lambda s: f"{s['packets']:,} / {s['data_segments']:,}"),
    ("payload / unique", lambda s: f"{format_bytes(s['payload_bytes'])} / {format_bytes(s['unique_payload_bytes'])}"),
    ("goodput", lambda s: _rate(s["goodput_bps"])),
    ("MSS announced / used", lambda s: f"{_plain(s['mss_announced_bytes'])} / {_plain(s['mss_used_bytes'])}"),
    ("path MTU", lambda s: _plain(s["path_mtu_bytes"])),
    ("window scale / largest", lambda s: f"{_plain(s['window_scale'])} / {format_bytes(s['max_window_bytes'])}"),
    ("zero windows / probes", lambda s: f"{s['zero_windows']:,} / {s['window_probes']:,}"),
    ("keepalives", lambda s: f"{s['keepalives']:,}"),
    ("retransmitted", _retransmissions),
    ("out of order", lambda s: f"{s['out_of_order_segments']:,}"),
    ("duplicate ACKs sent", lambda s: f"{s['duplicate_acks']:,}"),
    ("SACK blocks sent", lambda s: f"{s['sack_blocks']:,}"),
    ("RTT min / median", lambda s: f"{format_duration(s['rtt_min_ns'])} / {format_duration(s['rtt_median_ns'])}"),
)
_DULL = frozenset({"0", "-", "0 / 0", "- / -"})


def _connection_text(row: dict[str, Any]) -> list[str]:
    one = _connection(row)
    state = "complete" if one["complete"] else "handshake or end not captured"
    lines = [
        f"{one['client']} -> {one['server']}   {state}, {format_duration(one['duration_ns'])}"
        f" from {format_duration(one['start_ns'])}",
        f"  {'':<24}{'client sends':<34}server sends",
    ]
    for label, text in _LINES:
        a, b = text(one["a_to_b"]), text(one["b_to_a"])
        if a not in _DULL or b not in _DULL:
            lines.append(f"  {label:<24}{a:<34}{b}".rstrip())
    return lines


def _icmp_text(analysis: Analysis) -> list[str]:
    """One line for each kind of ICMP error, router and MTU, in order of the first."""
    grouped = analysis.icmp.group_by("capture", "kind", "reporter", "mtu_bytes", maintain_order=True)
    rows = grouped.agg(count=pl.len(), first_ns=pl.col("t_ns").min())
    lines = [""] if rows.height else []
    for row in rows.iter_rows(named=True):
        mtu = f", MTU {row['mtu_bytes']}" if row["mtu_bytes"] is not None else ""
        times = "once" if row["count"] == 1 else f"{row['count']} times"
        lines.append(
            f"ICMP {row['kind']} from {row['reporter']}{mtu}: {times}, first at {format_duration(row['first_ns'])}"
        )
    return lines


def as_text(analysis: Analysis, limit: int) -> str:
    """The summary that ``netemu analyze`` prints: at most ``limit`` connections, those with most payload."""
    frame = analysis.connections
    count = frame.height
    lines = [f"{analysis.packet_count:,} packets, {count:,} TCP connection{'' if count == 1 else 's'}"]
    if analysis.partial:
        lines[0] += ", PARTIAL: a file ends before its data does"
    payload = frame["a_payload_bytes"] + frame["b_payload_bytes"]
    chosen = frame[sorted(payload.arg_sort(descending=True).head(limit).to_list())]
    several = frame["capture"].n_unique() > 1
    last = None
    for row in chosen.iter_rows(named=True):
        if several and row["capture"] != last:
            last = row["capture"]
            lines += ["", f"== {last}"]
        lines += ["", *_connection_text(row)]
    if count > limit:
        lines += ["", f"{count - limit:,} connections with less payload are not shown; --limit N shows more"]
    lines += _icmp_text(analysis)
    return "\n".join(lines)
