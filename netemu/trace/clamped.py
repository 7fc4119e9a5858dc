"""MSS clamping: a router on the path lowered the MSS option of a SYN, which only captures on both sides of it show."""

from __future__ import annotations

import polars as pl


def clamped_mss(connections: pl.DataFrame) -> pl.DataFrame:
    """SYNs whose MSS differs between captures: one row per connection, direction and pair of captures.

    ``connections`` is the table of that name, of captures on both sides of the router: the same connection is the one
    with the same addresses, ports and initial sequence number. A router that clamps only lowers the option,
    so the larger value is what was announced. Columns: client, server, direction, announced_capture,
    announced_bytes, arrived_capture, arrived_connection (its number there), arrived_bytes.
    """
    sides = [
        connections.select(
            "client",
            "server",
            direction=pl.lit(direction, pl.Int8),
            isn=pl.col(f"{prefix}isn"),
            capture="capture",
            connection="connection",
            mss=pl.col(f"{prefix}mss_announced_bytes"),
        )
        for direction, prefix in ((0, "a_"), (1, "b_"))
    ]
    seen = pl.concat(sides).drop_nulls(["isn", "mss"])
    keys = ["client", "server", "direction", "isn"]
    pairs = seen.join(seen, on=keys, suffix="_arrived").filter(pl.col("mss") > pl.col("mss_arrived"))
    return pairs.select(
        "client",
        "server",
        "direction",
        announced_capture="capture",
        announced_bytes="mss",
        arrived_capture="capture_arrived",
        arrived_connection="connection_arrived",
        arrived_bytes="mss_arrived",
    ).sort("client", "server", "direction", "announced_capture", "arrived_capture")
