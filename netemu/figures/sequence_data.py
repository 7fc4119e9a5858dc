"""What a time-sequence graph shows, as frames: the drawing and the .xpl file say the same."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from netemu.errors import BadInput
from netemu.figures.scales import within
from netemu.figures.selection import Selection

if TYPE_CHECKING:
    import polars as pl

    from netemu.figures.tables import RunTables

FIN, SYN, RST, PSH, ACK = 1, 2, 4, 8, 16


@dataclass(frozen=True, slots=True)
class SequenceData:
    """One direction's sequence space over time; every offset is in bytes from that direction's SYN.

    - ``segments``: t_ns, start, end (SYN and FIN take one), kind, flags, payload_bytes, spurious, out_of_order:
      the packets of the direction that take sequence space, and window and keepalive probes,
    - ``acks``: t_ns, ack, edge (ack plus advertised window), window_bytes, duplicate_ack, in the order captured,
    - ``sacks``: t_ns, start, end, dsack,
    - ``resets``: t_ns, position of RST packets of either end,
    - ``drops``: t_ns, start, end, action of packets of the direction that a wire dropped; empty without `wires`.
    """

    selection: Selection
    segments: pl.DataFrame
    acks: pl.DataFrame
    sacks: pl.DataFrame
    resets: pl.DataFrame
    drops: pl.DataFrame


def has_flag(flag: int) -> pl.Expr:
    """The packets whose TCP flags hold ``flag``."""
    import polars as pl

    return (pl.col("flags") & flag) != 0


def largest(column: pl.Series) -> int:
    """The largest value of an integer column; 0 when it has none."""
    return int(column.drop_nulls().to_numpy().max(initial=0))


def sequence_data(run: RunTables, selection: Selection, span: tuple[int, int]) -> SequenceData:
    """Read what the graph of ``selection`` shows within ``span``; :class:`BadInput` when nothing lies there."""
    import polars as pl

    packets = run.scan("packets").filter(pl.col("protocol") == 6, selection.where(direction=False), within(span))
    both = packets.sort("frame").collect()
    sent = both.filter(pl.col("direction") == selection.direction)
    received = both.filter(pl.col("direction") != selection.direction, has_flag(ACK))
    if sent.is_empty() and received.is_empty():
        raise BadInput(f"{run.label}: no packet of {selection.client} > {selection.server} between start and stop")
    takes = pl.col("payload_bytes") + has_flag(SYN).cast(pl.Int64) + has_flag(FIN).cast(pl.Int64)
    segments = sent.with_columns(start=pl.col("seq_offset_bytes"), end=pl.col("seq_offset_bytes") + takes)
    acks = received.filter(~has_flag(RST)).select(
        "t_ns",
        "window_bytes",
        "duplicate_ack",
        ack=pl.col("ack_offset_bytes"),
        edge=pl.col("ack_offset_bytes") + pl.col("window_bytes"),
    )
    position = (
        pl.when(pl.col("direction") == selection.direction).then("seq_offset_bytes").otherwise("ack_offset_bytes")
    )
    return SequenceData(
        selection,
        segments.filter(
            ((pl.col("end") > pl.col("start")) | pl.col("kind").is_in(["window_probe", "keepalive"])) & ~has_flag(RST)
        ).select("t_ns", "start", "end", "kind", "flags", "payload_bytes", "spurious", "out_of_order"),
        acks,
        _sacks(run, selection, span, received),
        both.filter(has_flag(RST)).select("t_ns", position=position),
        _drops(run, selection, span, sent),
    )


def _sacks(run: RunTables, selection: Selection, span: tuple[int, int], received: pl.DataFrame) -> pl.DataFrame:
    """SACK blocks that the receiver sent; the first block of a packet flagged so is a D-SACK (RFC 2883)."""
    import polars as pl

    columns = {"start": pl.col("start_offset_bytes"), "end": pl.col("end_offset_bytes")}
    if not run.has("sacks"):
        return pl.DataFrame(schema={"t_ns": pl.Int64, "start": pl.Int64, "end": pl.Int64, "dsack": pl.Boolean})
    blocks = run.scan("sacks").filter(selection.where(reverse=True), within(span)).collect()
    flagged = received.select("frame", "dsack").unique("frame", maintain_order=True)
    joined = blocks.join(flagged, on="frame", how="left", maintain_order="left")
    first = pl.int_range(pl.len()).over("frame") == 0
    return joined.with_columns(**columns, dsack=pl.col("dsack").fill_null(False) & first).select(
        "t_ns", "start", "end", "dsack"
    )


def wire_drops(run: RunTables, selection: Selection, span: tuple[int, int]) -> pl.LazyFrame:
    """Rows of `wires` for packets of the selected direction that a wire dropped within ``span``, in order of time."""
    import polars as pl

    return (
        run.scan("wires")
        .filter(
            pl.col("action").str.starts_with("drop_"),
            ~pl.col("probe"),
            pl.col("protocol") == 6,
            pl.col("source") == selection.sender,
            pl.col("destination") == selection.receiver,
            within(span),
        )
        .sort("t_ns", maintain_order=True)
    )


def _drops(run: RunTables, selection: Selection, span: tuple[int, int], sent: pl.DataFrame) -> pl.DataFrame:
    """What the wires dropped of the direction, placed on the sequence axis.

    A wire logs sequence numbers as sent; the offset is the one that the capture gave the same number, so what a
    capture behind the wire never saw stays out.
    """
    import polars as pl

    schema = {"t_ns": pl.Int64, "start": pl.Int64, "end": pl.Int64, "action": pl.String}
    if not run.has("wires"):
        return pl.DataFrame(schema=schema)
    offsets = sent.select(pl.col("seq").cast(pl.Int64), start=pl.col("seq_offset_bytes")).unique(
        "seq", keep="last", maintain_order=True
    )
    dropped = wire_drops(run, selection, span).collect()
    joined = dropped.join(offsets, on="seq", how="inner", maintain_order="left")
    return joined.select("t_ns", "start", pl.col("start").add(pl.col("payload_bytes")).alias("end"), "action")
