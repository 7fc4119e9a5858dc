"""Bytes in flight and advertised window over time, as the packets of one capture tell them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from netemu.errors import BadInput
from netemu.figures.scales import within
from netemu.figures.selection import Selection
from netemu.figures.sequence_data import ACK, FIN, RST, SYN, has_flag

if TYPE_CHECKING:
    import polars as pl

    from netemu.figures.tables import RunTables


def flight_and_window(run: RunTables, selection: Selection, span: tuple[int, int]) -> pl.DataFrame:
    """After each packet of the connection within ``span``: t_ns, flight, window_bytes.

    ``flight`` is the highest sequence number sent minus the highest acknowledged, ``window_bytes`` the window the
    receiver advertised last; null before the first of either was seen, and for a flight while more is acknowledged
    than the capture saw sent. Data sent before ``span`` counts.
    Raises :class:`BadInput` when no packet lies within.
    """
    import polars as pl

    forward = pl.col("direction") == selection.direction
    takes = pl.col("payload_bytes") + has_flag(SYN).cast(pl.Int64) + has_flag(FIN).cast(pl.Int64)
    answer = ~forward & has_flag(ACK) & ~has_flag(RST)
    rows = (
        run.scan("packets")
        .filter(pl.col("protocol") == 6, selection.where(direction=False))
        .sort("frame")
        .with_columns(
            sent=pl.when(forward & ~has_flag(RST)).then(pl.col("seq_offset_bytes") + takes).cum_max().forward_fill(),
            acked=pl.when(answer).then(pl.col("ack_offset_bytes")).cum_max().forward_fill(),
            window_bytes=pl.when(answer).then(pl.col("window_bytes")).forward_fill(),
        )
        .with_columns(flight=pl.col("sent") - pl.col("acked"))
        .select("t_ns", flight=pl.when(pl.col("flight") >= 0).then("flight"), window_bytes="window_bytes")
        .filter(within(span))
        .collect()
    )
    if rows.is_empty():
        raise BadInput(f"{run.label}: no packet of {selection.client} > {selection.server} between start and stop")
    return rows


def changes(rows: pl.DataFrame, column: str) -> pl.DataFrame:
    """Of rows in order of time those where ``column`` changes, and the last: a step line needs no others."""
    import polars as pl

    changed = pl.col(column).ne_missing(pl.col(column).shift()) | pl.int_range(pl.len()).is_in([0, rows.height - 1])
    return rows.filter(changed)


def sender_samples(run: RunTables, selection: Selection, span: tuple[int, int]) -> pl.DataFrame | None:
    """Samples of the sender's socket within ``span``, in order of time; None when the run has none of it.

    Before the SYN is answered a socket has only guesses of its MSS and windows, and in TIME_WAIT the kernel keeps no
    struct tcp_info for it: those samples are left out.
    """
    import polars as pl

    if not run.has("sockets"):
        return None
    ends = (pl.col("local") == selection.sender) & (pl.col("remote") == selection.receiver)
    rows = (
        run.scan("sockets")
        .filter(ends, pl.col("state") != "SYN_SENT", pl.col("busy_ns").is_not_null(), within(span))
        .sort("t_ns")
        .collect()
    )
    return None if rows.is_empty() else rows
