"""``transits``: every packet of a connection that several captures hold, and where it came or was lost."""

from __future__ import annotations

from dataclasses import dataclass

import polars as pl

from netemu.recording.tables import CLOCKS, TRANSITS
from netemu.trace.ends_clock import Clock, estimate
from netemu.trace.ends_match import with_key
from netemu.trace.ends_path import candidates, joined
from netemu.trace.ends_route import routes
from netemu.trace.ends_rows import Captures, Passage
from netemu.trace.tables import empty, polars_schema

_COLUMNS = ("frame", "t_ns", "connection", "direction", "payload_bytes", "flags", "ts_val", "ts_ecr", "ip_id")
_WRAP = 1 << 32


@dataclass(frozen=True, slots=True)
class Ends:
    """The tables ``transits`` and ``clocks`` (:mod:`netemu.recording.tables`)."""

    transits: pl.DataFrame
    clocks: pl.DataFrame


def transits(
    packets: pl.DataFrame | pl.LazyFrame,
    connections: pl.DataFrame,
    *,
    shared_clock: bool,
    wires: pl.DataFrame | None = None,
) -> Ends:
    """Join the captures in ``packets``: a row for each packet sent, and for each arrival that nothing sent.

    ``shared_clock`` says that all captures have one clock and ran for the whole time, as those of one run do. Otherwise
    each clock is estimated against the other's, and what was sent while the other capture did not run is told so.
    ``wires`` is a run's account of its wires: it names the link that dropped what was lost. No rows when no connection
    is in two captures.
    """
    lazy = packets.lazy()
    wanted = candidates(connections)
    marks = joined(lazy, wanted) if wanted.height else None
    if marks is None or marks.is_empty():
        return Ends(empty(TRANSITS), empty(CLOCKS))
    captures = _captures(lazy, marks, shared_clock)
    passages = [Passage(route, captures) for route in routes(captures.frames, marks, shared_clock)]
    clocks = _clocks(passages, shared_clock)
    parts = [passage.rows(clocks[passage.ends], wires) for passage in passages]
    order = ["capture", "connection", "direction", "t_ns", "frame", "seq_offset_bytes"]
    table = pl.concat([empty(TRANSITS), *parts]).sort(order, nulls_last=True, maintain_order=True)
    return Ends(table, _clocks_table(clocks, captures))


def _captures(packets: pl.LazyFrame, marks: pl.DataFrame, shared_clock: bool) -> Captures:
    names = dict(marks.select("place", "capture").unique().sort("place").iter_rows())
    spans = {}
    if not shared_clock:
        times = packets.group_by("capture").agg(first=pl.col("t_ns").min(), last=pl.col("t_ns").max()).collect()
        by_name = {name: (first, last) for name, first, last in times.iter_rows()}
        spans = {place: by_name[name] for place, name in names.items()}
    return Captures(names, {place: _packets_of(packets, marks, place) for place in names}, spans, marks, shared_clock)


def _packets_of(packets: pl.LazyFrame, marks: pl.DataFrame, place: int) -> pl.DataFrame:
    """The joint connections' packets in one capture, in its order, with what they are matched by."""
    own = marks.filter(pl.col("place") == place)
    numbers = own.select(
        "connection", "direction", "seq_shift", "ack_base", flow=2 * pl.col("joint") + pl.col("way").cast(pl.Int64)
    )
    acknowledges = (pl.col("flags") & 16) != 0
    frame = (
        packets.filter(pl.col("capture") == own["capture"][0], pl.col("protocol") == 6, pl.col("connection") >= 0)
        .select(
            *_COLUMNS, "seq_offset_bytes", raw_seq=pl.col("seq").cast(pl.Int64), raw_ack=pl.col("ack").cast(pl.Int64)
        )
        .join(numbers.lazy(), on=["connection", "direction"], maintain_order="left")
        .with_columns(
            seq=pl.col("seq_offset_bytes") + pl.col("seq_shift"),
            ack=pl.when(acknowledges).then((pl.col("raw_ack") - pl.col("ack_base")) % _WRAP).otherwise(0),
        )
        .collect()
    )
    return with_key(frame)


def _clocks(passages: list[Passage], shared_clock: bool) -> dict[tuple[int, int], Clock | None]:
    """The clock of each capture that packets came to, against that of the one they came from."""
    found: dict[tuple[int, int], Clock | None] = {}
    times: dict[tuple[int, int], pl.DataFrame] = {}
    for passage in passages:
        times[passage.ends] = (
            pl.concat([times[passage.ends], passage.times()]) if passage.ends in times else passage.times()
        )
    none = pl.DataFrame(schema={"sent_ns": pl.Int64, "arrived_ns": pl.Int64})
    for (first, last), there in times.items():
        if shared_clock:
            found[first, last] = Clock(shared=True)
            continue
        back = times.get((last, first), none)
        found[first, last] = estimate(
            (there["sent_ns"].to_numpy(), there["arrived_ns"].to_numpy()),
            (back["arrived_ns"].to_numpy(), back["sent_ns"].to_numpy()),
        )
    return found


def _clocks_table(clocks: dict[tuple[int, int], Clock | None], captures: Captures) -> pl.DataFrame:
    rows = [
        {
            "capture": captures.names[first],
            "other_capture": captures.names[last],
            "shared": captures.shared_clock,
            "at_ns": clock.at_ns if clock else None,
            "offset_ns": clock.offset_ns if clock else None,
            "offset_bound_ns": clock.bound_ns if clock else None,
            "skew_ppb": round(clock.skew * 1e9) if clock and clock.skew is not None else None,
        }
        for (first, last), clock in sorted(clocks.items())
    ]
    return pl.DataFrame(rows, schema=polars_schema(CLOCKS))
