"""Connections whose addresses or ports were changed on the way (NAT): several captures show them with other ends.

What stays on such a way are the initial sequence numbers: 64 random bits, if both SYNs are captured (RFC 6528).
"""

from __future__ import annotations

import polars as pl

_KEY = ("a_isn", "b_isn")


def translated(connections: pl.DataFrame) -> pl.DataFrame:
    """The rows of ``connections`` that another capture holds between other ends, as both initial sequence numbers tell.

    A capture that holds such a connection twice, as one of all interfaces of the router does, is left out with it.
    """
    known = connections.drop_nulls(_KEY)
    pairs = pl.concat_str("client", "server", separator=" ")
    several = pl.col("capture").n_unique().over(_KEY) == pl.len().over(_KEY)
    return known.filter((pairs.n_unique().over(_KEY) > 1) & several).sort(*_KEY, "capture")
