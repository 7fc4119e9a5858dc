"""What of a packet is compared, in terms that do not change from run to run: offsets, relative clocks, flags.

TSval counts from the first TSval that its sender sent in the connection, TSecr from the first that the other end sent;
the time of a packet counts from the first packet of its connection in any capture of the run.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import polars as pl

    from netemu.figures.tables import RunTables

FIELDS = (
    "seq",  # sequence offset
    "ack",  # acknowledgement offset; 0 without ACK
    "payload",  # bytes
    "flags",  # TCP flags
    "window",  # advertised bytes, scaled
    "sack",  # SACK blocks as offsets of the other direction, in their order
    "mss",  # MSS option of a SYN; -1 elsewhere
    "window_scale",  # window scale option of a SYN; -1 elsewhere
    "timestamps",  # whether the timestamp option is there
    "header",  # bytes of the IP and TCP headers: an option that nothing above names shows here
    "ecn",  # ECN field of the IP header
    "dont_fragment",
    "ts_val",  # ticks of the sender's clock
    "ts_ecr",  # ticks of the other end's clock
    "time",  # ns
)
"""What is compared, in the order in which differences are told."""

CLOCKS = ("ts_val", "ts_ecr", "time")
"""What is compared within the tolerance; no packet is recognised by it."""

IDENTITY = ("seq", "payload", "control", "pure_ack")
"""Packets that agree in these are the same packet: the bytes it carries, SYN, FIN and RST, and what a pure ACK acks."""

STREAM = ("capture", "flow", "number", "direction")
"""One direction of one connection in one capture; ``number`` counts the connections of a flow in order of start."""

ABSENT = -(2**40)
"""A relative TSval or TSecr where the packet has none."""

_SYN, _CONTROL, _ACK = 2, 1 | 2 | 4, 16
_LINKED = {"a_mss_announced_bytes": 0, "b_mss_announced_bytes": 1, "a_window_scale": 0, "b_window_scale": 1}


def compared_packets(run: RunTables, connections: pl.DataFrame) -> pl.DataFrame:
    """Every packet of ``connections``: :data:`STREAM`, frame, t_ns, :data:`FIELDS`, :data:`IDENTITY`; in that order.

    ``connections`` are rows of the table with ``flow``, ``number`` and ``begun_ns`` (see
    :func:`netemu.compare.flows.named_connections`). ``t_ns`` is the run's clock.
    """
    import polars as pl

    here = ["capture", "connection"]
    linked = connections.lazy().select(*here, "flow", "number", "begun_ns", *_LINKED)
    packets = (
        run.scan("packets")
        .filter(pl.col("protocol") == 6)
        .join(linked, on=here, how="inner")
        .join(_sack_texts(run), on=["capture", "frame"], how="left")
        .sort(*here, "frame")
        .with_columns(_first_tick(0), _first_tick(1))
    )
    acks, pure = (pl.col("flags") & _ACK) != 0, pl.col("payload_bytes") == 0
    ack = pl.when(acks).then("ack_offset_bytes").otherwise(0)
    compared = {
        "seq": pl.col("seq_offset_bytes"),
        "ack": ack,
        "payload": pl.col("payload_bytes"),
        "flags": pl.col("flags"),
        "window": pl.col("window_bytes"),
        "sack": pl.col("sack").fill_null(""),
        "mss": _of_syn("mss_announced_bytes"),
        "window_scale": _of_syn("window_scale"),
        "timestamps": pl.col("ts_val") >= 0,
        "header": pl.col("ip_bytes") - pl.col("payload_bytes"),
        "ecn": pl.col("ecn"),
        "dont_fragment": pl.col("dont_fragment"),
        "ts_val": _ticks("ts_val", own=True),
        "ts_ecr": pl.when(pl.col("ts_ecr") == 0).then(ABSENT).otherwise(_ticks("ts_ecr", own=False)),
        "time": pl.col("t_ns") - pl.col("begun_ns"),
        "control": pl.col("flags") & _CONTROL,
        "pure_ack": pl.when(pure).then(ack).otherwise(-1),
    }
    whole = [expression.cast(pl.Int64).alias(name) for name, expression in compared.items() if name != "sack"]
    return (
        packets.select(*STREAM, "frame", "t_ns", compared["sack"].alias("sack"), *whole)
        .sort(*STREAM, "frame")
        .collect()
    )


def _sack_texts(run: RunTables) -> pl.LazyFrame:
    """The blocks of each packet that has some, as ``"1449-2897 4345-5793"``."""
    import polars as pl

    if not run.has("sacks"):
        return pl.LazyFrame(schema={"capture": pl.String, "frame": pl.UInt32, "sack": pl.String})
    block = pl.format("{}-{}", "start_offset_bytes", "end_offset_bytes")
    return run.scan("sacks").group_by("capture", "frame", maintain_order=True).agg(sack=block.str.join(" "))


def _first_tick(direction: int) -> pl.Expr:
    """The first TSval that the sender of ``direction`` sent in the connection."""
    import polars as pl

    sent = (pl.col("ts_val") >= 0) & (pl.col("direction") == direction)
    return pl.col("ts_val").filter(sent).first().over("capture", "connection").alias(f"tick_{direction}")


def _ticks(column: str, *, own: bool) -> pl.Expr:
    """Ticks since the sender's (``own``) or the other end's first, across the wrap at 2^32."""
    import polars as pl

    zero, one = ("tick_0", "tick_1") if own else ("tick_1", "tick_0")
    since = pl.col(column) - pl.when(pl.col("direction") == 0).then(zero).otherwise(one)
    relative = (since + 2**31) % 2**32 - 2**31
    return pl.when(pl.col("ts_val") < 0).then(ABSENT).otherwise(relative.fill_null(ABSENT))


def _of_syn(name: str) -> pl.Expr:
    """An option of the SYN that the sender of the packet sent; -1 for other packets and where the SYN has none."""
    import polars as pl

    value = pl.when(pl.col("direction") == 0).then(f"a_{name}").otherwise(f"b_{name}")
    return pl.when((pl.col("flags") & _SYN) != 0).then(value.fill_null(-1)).otherwise(-1)
