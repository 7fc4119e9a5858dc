"""An analysis in a notebook: a small table without scripts, and what each connection did as a drawn line."""

from __future__ import annotations

from html import escape
from typing import Any

import numpy as np
import polars as pl

from netemu.trace.show.result import Analysis, Connection
from netemu.trace.show.text import connection_text, headline
from netemu.trace.show.words import format_bytes, format_count, format_duration, format_rate

_ROWS = 20
_WIDTH, _HEIGHT, _POINTS = 120, 18, 60
_CELL = "padding:1px 8px;text-align:{};white-space:nowrap"


def sparkline(packets: pl.DataFrame, direction: int) -> str:
    """Payload over time of one direction of one connection, as an inline SVG; empty where there is none."""
    data = packets.filter((pl.col("direction") == direction) & (pl.col("payload_bytes") > 0))
    if data.height < 2:
        return ""
    t_ns, size = data["t_ns"].to_numpy(), data["payload_bytes"].to_numpy()
    begin, end = packets["t_ns"].min(), packets["t_ns"].max()
    sums, _ = np.histogram(t_ns, bins=_POINTS, range=(begin, max(end, begin + 1)), weights=size)  # type: ignore[arg-type,operator,type-var]
    x = (np.arange(_POINTS) + 0.5) * _WIDTH / _POINTS
    y = _HEIGHT - 1 - sums / sums.max() * (_HEIGHT - 2)
    points = " ".join(f"{a:.1f},{b:.1f}" for a, b in zip(x, y, strict=True))
    return (
        f'<svg width="{_WIDTH}" height="{_HEIGHT}" role="img" aria-label="payload over time">'
        f'<polyline points="{points}" fill="none" stroke="#0072b2" stroke-width="1"/></svg>'
    )


def _cells(values: list[tuple[str, str]], tag: str = "td") -> str:
    return "".join(f'<{tag} style="{_CELL.format(align)}">{text}</{tag}>' for text, align in values)


def _row(row: dict[str, Any], packets: pl.DataFrame) -> str:
    main = 0 if (row["a_unique_payload_bytes"] or 0) >= (row["b_unique_payload_bytes"] or 0) else 1
    prefix = "ab"[main] + "_"
    return _cells(
        [
            (escape(f"{row['capture']}/{row['connection']}"), "left"),
            (escape(row["client"]), "left"),
            (escape(row["server"]), "left"),
            (format_duration(row["duration_ns"]), "right"),
            (format_bytes(row["a_unique_payload_bytes"]), "right"),
            (format_bytes(row["b_unique_payload_bytes"]), "right"),
            (format_rate(row[prefix + "goodput_bps"]), "right"),
            (format_duration(row[prefix + "rtt_median_ns"]), "right"),
            (format_count(row["a_retransmitted_segments"] + row["b_retransmitted_segments"]), "right"),
            (sparkline(packets, main), "left"),
        ]
    )


def analysis_html(analysis: Analysis) -> str:
    """The connections with most payload, at most 20."""
    frame = analysis.connections
    payload = frame["a_payload_bytes"].fill_null(0) + frame["b_payload_bytes"].fill_null(0)
    shown = frame[payload.arg_sort(descending=True).head(_ROWS).to_list()]
    heads = (
        "",
        "client",
        "server",
        "lasts",
        "client sent",
        "server sent",
        "goodput",
        "RTT",
        "again",
        "payload over time",
    )
    rows = [
        _row(row, Connection(analysis, row).packets if analysis.packets.height else analysis.packets)
        for row in shown.iter_rows(named=True)
    ]
    body = "".join(f"<tr>{row}</tr>" for row in rows)
    left = frame.height - shown.height
    more = f"<p>{left:,} connections with less payload are not shown</p>" if left else ""
    notes = "".join(f"<li>{escape(text)}</li>" for text in analysis.warnings)
    return (
        f"<div><p>{escape(headline(analysis))}</p><table><thead><tr>{_cells([(head, 'left') for head in heads], 'th')}"
        f"</tr></thead><tbody>{body}</tbody></table>{more}{f'<ul>{notes}</ul>' if notes else ''}</div>"
    )


def connection_html(connection: Connection) -> str:
    """One connection in full, with both directions drawn."""
    lines = "".join(sparkline(connection.packets, direction) for direction in (0, 1))
    return f"<div><pre>{escape(chr(10).join(connection_text(connection.figures)))}</pre>{lines}</div>"
