"""What the figure of a send()'s life shows, as frames: the same bytes at each place they pass."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from netemu.errors import BadInput
from netemu.figures.selection import Selection
from netemu.figures.sequence_data import ACK, RST, has_flag

if TYPE_CHECKING:
    import numpy as np
    import polars as pl

    from netemu.figures.tables import RunTables

    Array = np.ndarray[Any, Any]

RETRANSMITTED = ("timeout", "fast", "tail_loss_probe")
PROBES = ("window_probe", "keepalive")


@dataclass(frozen=True, slots=True)
class Steps:
    """A count of bytes that rises at ``t_ns`` to ``level``."""

    t_ns: Array
    level: Array

    def at(self, t_ns: Array) -> Array:
        """The level at each time; 0 before the first step."""
        import numpy as np

        return np.concatenate([[0], self.level])[np.searchsorted(self.t_ns, t_ns, "right")]


@dataclass(frozen=True, slots=True)
class Life:
    """The bytes of one send(), or of those of a connection that the stretch of time meets.

    - ``sends``: their rows, in order; ``reads``: t_ns, blocked_ns, done_bytes of the recv() calls at the other end,
    - ``handed``, ``sent``, ``acked``, ``arrived``, ``in_order``, ``read``: how many of their bytes had come so far,
    - ``packets``: t_ns, arrival_ns, kind, fate, action of packets with any of the bytes, and of probes among them,
    - ``acks``: t_ns at the receiver, arrival_ns at the sender, fate.
    """

    sends: pl.DataFrame
    handed: Steps
    sent: Steps
    acked: Steps
    arrived: Steps
    in_order: Steps
    read: Steps
    packets: pl.DataFrame
    acks: pl.DataFrame
    reads: pl.DataFrame


def life(run: RunTables, chosen: Selection, span: tuple[int, int], send: int | None) -> Life:
    """The life of the ``send``-th send() of the selected direction, from 1, or of all that ``span`` meets.

    Raises :class:`BadInput` when there is none.
    """
    import polars as pl

    sends = sends_of(run, chosen, span, send)
    low, high = int(sends["start_offset_bytes"][0]), int(sends["end_offset_bytes"][-1])
    packets = run.scan("packets").filter(pl.col("protocol") == 6, chosen.where(direction=False)).sort("frame").collect()
    out = packets.filter(pl.col("direction") == chosen.direction)
    back = packets.filter(pl.col("direction") != chosen.direction)
    transits = run.scan("transits")
    moved = _moved(transits.filter(chosen.where()).collect(), out, (low, high))
    came = moved.filter(pl.col("arrival_ns").is_not_null())
    arrived, in_order = _arrivals(came, low, high)
    data = out.filter(pl.col("payload_bytes") > 0)
    acks = back.filter(has_flag(ACK), ~has_flag(RST))
    reads = _reads(run, chosen)
    return Life(
        sends,
        _steps(sends["t_ns"], sends["end_offset_bytes"], low, high),
        _steps(data["t_ns"], data["seq_offset_bytes"] + data["payload_bytes"], low, high),
        _steps(acks["t_ns"], acks["ack_offset_bytes"], low, high),
        arrived,
        in_order,
        _steps(reads["t_ns"] + reads["blocked_ns"], 1 + reads["done_bytes"].cum_sum(), low, high),
        moved,
        _acks(transits, back, (low, high)),
        reads,
    )


def sends_of(run: RunTables, chosen: Selection, span: tuple[int, int], send: int | None) -> pl.DataFrame:
    """Rows of ``sends``: the ``send``-th of the selected direction, from 1, or all that ``span`` meets."""
    import polars as pl

    own = run.scan("sends").filter(chosen.where()).sort("t_ns", "start_offset_bytes").collect()
    what = f"{chosen.sender} > {chosen.receiver}"
    if own.is_empty():
        raise BadInput(
            f"{run.label}: no send() of {what} is known; it takes an agent's calls and a capture on its node"
        )
    if send is not None:
        if send > own.height:
            raise BadInput(f"send {send}: {what} has {own.height} send() calls with payload; give 1 to {own.height}")
        return own.slice(send - 1, 1)
    met = own.filter(pl.col("t_ns") < span[1], pl.col("acked_ns").is_null() | (pl.col("acked_ns") >= span[0]))
    if met.is_empty():
        raise BadInput(f"{run.label}: no send() of {what} between start and stop")
    return met


def _steps(t_ns: pl.Series, offset: pl.Series, low: int, high: int) -> Steps:
    """Steps of the highest offset reached so far, as a count of the bytes from ``low`` to ``high``."""
    reached = offset.cum_max().clip(low, high).to_numpy() - low
    return Steps(t_ns.to_numpy(), reached)


def _moved(transits: pl.DataFrame, out: pl.DataFrame, ends: tuple[int, int]) -> pl.DataFrame:
    """Packets with any of the bytes; where no capture stood at the receiver, what the sender's shows of them."""
    import polars as pl

    if transits.is_empty():
        columns = {name: pl.lit(None, kind) for name, kind in transits.schema.items() if name not in out.columns}
        transits = out.with_columns(**columns).select(transits.columns)
    joined = transits.join(out.select("frame", "kind"), on="frame", maintain_order="left")
    until = pl.col("seq_offset_bytes") + pl.col("payload_bytes")
    carries = (pl.col("payload_bytes") > 0) & (pl.col("seq_offset_bytes") < ends[1]) & (until > ends[0])
    probes = pl.col("kind").is_in(PROBES) & pl.col("seq_offset_bytes").is_between(ends[0], ends[1])
    return joined.filter(carries | probes)


def _arrivals(came: pl.DataFrame, low: int, high: int) -> tuple[Steps, Steps]:
    """Bytes that had come, and those of them before the first that had not."""
    import numpy as np

    from netemu.trace.join_flows import NEVER, first_arrivals

    start = came["seq_offset_bytes"].to_numpy() - low + 1
    end = start + came["payload_bytes"].to_numpy()
    edges, first, in_order = first_arrivals(
        np.clip(start, 1, high - low + 1), np.clip(end, 1, high - low + 1), came["arrival_ns"].to_numpy()
    )
    found = []
    for times in (first, in_order):
        order = np.argsort(times, kind="stable")
        known = order[times[order] < NEVER]
        found.append(Steps(times[known], np.cumsum(np.diff(edges)[known])))
    return found[0], found[1]


def _acks(transits: pl.LazyFrame, back: pl.DataFrame, ends: tuple[int, int]) -> pl.DataFrame:
    """The way of acknowledgements that say anything of the bytes, from the receiver's capture."""
    import polars as pl

    about = back.filter(has_flag(ACK), pl.col("ack_offset_bytes").is_between(ends[0], ends[1])).select(
        arrival_frame="frame", arrival_capture="capture"
    )
    return (
        transits.join(about.lazy(), on=["arrival_capture", "arrival_frame"], how="semi")
        .filter(pl.col("t_ns").is_not_null())
        .sort("t_ns")
        .select("t_ns", "arrival_ns", "fate")
        .collect()
    )


def _reads(run: RunTables, chosen: Selection) -> pl.DataFrame:
    """The recv() calls of the receiver that took bytes, in order; none without a table of calls."""
    import polars as pl

    schema: dict[str, Any] = {"t_ns": pl.Int64, "blocked_ns": pl.Int64, "done_bytes": pl.Int64}
    if not run.has("calls"):
        return pl.DataFrame(schema=schema)
    name = f"{chosen.receiver}>{chosen.sender}"
    own = run.scan("calls").filter(pl.col("connection") == name, pl.col("call") == "recv", pl.col("done_bytes") > 0)
    return own.sort("t_ns", maintain_order=True).select(list(schema)).collect()


def step_times(several: Sequence[Steps]) -> Array:
    """Every time at which one of them rises."""
    import numpy as np

    return np.unique(np.concatenate([steps.t_ns for steps in several]))


def held(first: Steps, then: Steps, t_ns: Array) -> Array:
    """How many bytes had come to ``first`` and not yet to ``then`` at each time."""
    import numpy as np

    bytes_held: Array = np.maximum(first.at(t_ns) - then.at(t_ns), 0)
    return bytes_held
