"""Where a packet was lost: the last capture that saw it, and the wire that dropped it and why."""

from __future__ import annotations

from typing import Any

import numpy as np
import polars as pl

from netemu.trace.ends_groups import SLACK_NS
from netemu.trace.ends_match import Matches


def last_seen(matches: Matches, first: str, between: list[tuple[str, Matches]], last: str) -> pl.Series:
    """Name of the last capture on the way that saw each row of ``matches``; null for what no capture saw leaving.

    ``between`` are the captures in between in order, each with its own matches of the same sent packets.
    """
    place = np.where(matches.arrived >= 0, len(between) + 1, 0)
    for number, (_, own) in enumerate(between, start=1):
        seen = np.unique(own.sent[(own.arrived >= 0) & (own.sent >= 0)])
        there = np.isin(matches.sent, seen) & (place < number)
        place[there] = number
    names = pl.Series([first, *(name for name, _ in between), last], dtype=pl.String)
    known = pl.Series(matches.sent >= 0) | pl.Series(matches.arrived >= 0)
    return pl.select(pl.when(known).then(names.gather(place)).otherwise(None)).to_series()


def dropped_by(lost: pl.DataFrame, wires: pl.DataFrame | None) -> pl.DataFrame:
    """link and action of the drop that each row of ``lost`` met; null where no account holds one.

    ``lost`` has row, source, destination, raw_seq, raw_ack, payload_bytes and t_ns. A wire notes a packet when it
    arrives there, so it is the first such drop after the packet was sent, as far as the two agree on the time.
    """
    schema: dict[str, Any] = {"row": pl.UInt32, "link": pl.String, "action": pl.String}
    if wires is None or lost.is_empty():
        return pl.DataFrame(schema=schema)
    what = ["source", "destination", "raw_seq", "raw_ack", "payload_bytes"]
    drops = (
        wires.filter(pl.col("action").str.starts_with("drop_"), pl.col("protocol") == 6, ~pl.col("probe"))
        .rename({"seq": "raw_seq", "ack": "raw_ack"})
        .select(*what, "t_ns", "link", "action")
        .sort("t_ns", maintain_order=True)
    )
    keyed = lost.with_columns(pl.col("payload_bytes").cast(pl.Int64), pl.col("t_ns") - SLACK_NS).sort(
        "t_ns", maintain_order=True
    )
    joined = keyed.join_asof(drops, on="t_ns", by=what, strategy="forward", check_sortedness=False)
    return joined.select(pl.col("row").cast(pl.UInt32), "link", "action")
