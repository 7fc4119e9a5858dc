"""UDP flows as text, those with most payload: how much, how fast, and of netemu's own what was lost and overtaken."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator
from typing import Any

import polars as pl

from netemu.trace.show.words import counted, format_bytes, format_duration, format_rate, format_share

SHOWN = 5
"""Flows that the summary has a line for."""


def datagrams_text(datagrams: pl.DataFrame, width: int) -> list[str]:
    """Lines about the rows of the table ``datagrams``; none without."""
    if datagrams.is_empty():
        return []
    several = datagrams["capture"].n_unique() > 1
    lines = ["", "UDP, most payload first"]
    for row in datagrams.sort("payload_bytes", descending=True, maintain_order=True).head(SHOWN).iter_rows(named=True):
        place = f"{row['capture']}  " if several else ""
        text = f"  {place}{row['source']} > {row['destination']}  {', '.join(_told(row))}"
        lines += textwrap.wrap(
            text, max(width, 40), subsequent_indent=" " * 7, break_long_words=False, break_on_hyphens=False
        )
    if datagrams.height > SHOWN:
        lines.append(f"  and {counted(datagrams.height - SHOWN, 'flow')} more; --out writes all")
    return lines


def _told(row: dict[str, Any]) -> Iterator[str]:
    yield counted(row["packets"], "datagram")
    yield f"{format_bytes(row['payload_bytes'])} in {format_duration(row['last_ns'] - row['first_ns'])}"
    if row["rate_bps"] is not None:
        yield format_rate(row["rate_bps"])
    if not row["numbered"]:
        return
    whole = row["last_number"] - row["first_number"] + 1
    longest = f", at most {row['longest_gap_packets']:,} at once" if row["gaps"] else ""
    lost = f"{row['lost']:,} lost ({format_share(row['lost'], whole)})" if row["lost"] else "none lost"
    yield f"{lost} in {counted(row['gaps'], 'gap')}{longest}" if row["gaps"] else lost
    if row["reordered"]:
        yield f"{row['reordered']:,} reordered"
    if row["duplicates"]:
        yield counted(row["duplicates"], "duplicate")
    if row["mean_delay_ns"] is not None:
        yield f"delay {format_duration(row['min_delay_ns'])} to {format_duration(row['max_delay_ns'])}"
