"""The packets of one direction of a connection as arrays: when which byte was sent, dropped, seen and acknowledged."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import polars as pl

from netemu.recording.tables import SEGMENT_KINDS

_WRAP = 1 << 32
NEVER = np.iinfo(np.int64).max
"""The time of what did not happen."""
_KEY = ("capture", "connection", "direction")


@dataclass(slots=True)
class Flow:
    """One direction in one capture, in the order captured; offsets as in ``packets``."""

    capture: str
    connection: int
    direction: int
    start_ns: int
    packets: pl.DataFrame
    _data: dict[str, Any] = field(init=False)

    def __post_init__(self) -> None:
        rows = self.packets.filter(pl.col("payload_bytes") > 0)
        start = rows["seq_offset_bytes"].to_numpy()
        end = start + rows["payload_bytes"].to_numpy()
        self._data = {
            "t_ns": rows["t_ns"].to_numpy(),
            "start": start,
            "end": end,
            "reached": np.maximum.accumulate(end) if end.size else end,
            "kind": rows["kind"].to_numpy(),
        }

    def first_sent(self, byte: Any) -> pl.Series:
        """When the byte at each offset was captured first, at its sender: the first packet that reaches so far."""
        return at_or_null(self._data["t_ns"], np.searchsorted(self._data["reached"], byte, "right"))

    def carriers(self, start: Any, end: Any, kind: str) -> Any:
        """How many packets of ``kind`` carry any byte from ``start`` to ``end``."""
        own = self._data["kind"] == SEGMENT_KINDS.index(kind)
        starts, ends = np.sort(self._data["start"][own]), np.sort(self._data["end"][own])
        return np.searchsorted(starts, end, "left") - np.searchsorted(ends, start, "right")

    def arrivals(self, byte: Any) -> tuple[pl.Series, pl.Series]:
        """When the byte at each offset was captured first, at its receiver; and when all bytes up to it had been."""
        edges, first, in_order = first_arrivals(self._data["start"], self._data["end"], self._data["t_ns"])
        wanted = np.searchsorted(edges, byte, "right") - 1
        wanted = np.where((wanted >= 0) & (wanted < first.size), wanted, first.size)
        first, in_order = np.append(first, NEVER), np.append(in_order, NEVER)
        return _known(first[wanted]), _known(in_order[wanted])

    def acknowledged(self, end: Any) -> pl.Series:
        """When this direction first acknowledged all bytes of the other before ``end``."""
        rows = self.packets.filter((pl.col("flags") & 16) != 0, (pl.col("flags") & 4) == 0)
        reached = rows["ack_offset_bytes"].cum_max().to_numpy()
        return at_or_null(rows["t_ns"].to_numpy(), np.searchsorted(reached, end, "left"))

    def offsets(self, seq: Any, t_ns: Any) -> Any:
        """Offsets of sequence numbers that were on the way at ``t_ns``: the ones nearest to what had been sent then."""
        if not self.packets.height:
            return seq
        base = int(self.packets["seq"][0]) - int(self.packets["seq_offset_bytes"][0])
        near = np.searchsorted(self.packets["t_ns"].to_numpy(), t_ns, "right") - 1
        reference = self.packets["seq_offset_bytes"].to_numpy()[np.maximum(near, 0)]
        return reference + (seq - base - reference + _WRAP // 2) % _WRAP - _WRAP // 2


def first_arrivals(start: Any, end: Any, t_ns: Any) -> tuple[Any, Any, Any]:
    """Of stretches of a stream and when each came: edges, when the bytes between two edges came first, and when all
    bytes from offset 1 up to the second edge had come; :data:`NEVER` for what did not come.
    """
    edges = np.unique(np.concatenate([[1], start, end]))
    first = np.full(edges.size - 1, NEVER)
    low = np.searchsorted(edges, start)
    count = np.searchsorted(edges, end) - low
    place = np.repeat(low - (np.cumsum(count) - count), count) + np.arange(count.sum())
    np.minimum.at(first, place, np.repeat(t_ns, count))
    in_order = np.maximum.accumulate(np.where(edges[:-1] < 1, np.iinfo(np.int64).min, first))
    return edges, first, in_order


class Flows:
    """The flows of a run's captures by host and ends. A capture is named after its interface: ``<host>-eth<k>``."""

    def __init__(self, packets: pl.LazyFrame, connections: pl.DataFrame) -> None:
        columns = ("t_ns", "seq", "seq_offset_bytes", "ack_offset_bytes", "payload_bytes", "flags", "kind")
        rows = (
            packets.filter(pl.col("protocol") == 6, pl.col("connection") >= 0)
            .select(*_KEY, *columns)
            .with_columns(pl.col("kind").to_physical(), pl.col("seq").cast(pl.Int64))
            .collect()
        )
        parts: dict[Any, pl.DataFrame] = rows.partition_by(*_KEY, as_dict=True, maintain_order=True, include_key=False)
        self._packets = parts
        self._none = rows.head(0).drop(*_KEY)
        self._connections: dict[tuple[str, str], list[dict[str, Any]]] = {}
        for row in connections.select("capture", "connection", "client", "server", "start_ns").iter_rows(named=True):
            self._connections.setdefault((row["client"], row["server"]), []).append(row)

    def at_sender(self, host: str, local: str, remote: str, first_ns: int) -> tuple[Flow | None, Flow | None]:
        """What ``local`` sent and what came back, captured on ``host``; of several connections the one then open."""
        found = [
            (direction, row)
            for direction, ends in enumerate(((local, remote), (remote, local)))
            for row in self._connections.get(ends, ())
            if _host(row["capture"]) == host and row["start_ns"] <= first_ns
        ]
        flows = [(self._flow(row, direction), self._flow(row, 1 - direction)) for direction, row in found]
        return max(flows, key=lambda pair: (pair[0].start_ns, pair[0].packets.height), default=(None, None))

    def at_receiver(self, host: str | None, sent: Flow | None) -> Flow | None:
        """The same direction in the capture on the receiver's ``host``."""
        if host is None or sent is None:
            return None
        ends = next(
            ends
            for ends, rows in self._connections.items()
            if any(row["capture"] == sent.capture and row["connection"] == sent.connection for row in rows)
        )
        flows = [
            self._flow(row, sent.direction)
            for row in self._connections[ends]
            if _host(row["capture"]) == host and row["start_ns"] >= sent.start_ns
        ]
        return min(flows, key=lambda flow: (flow.start_ns, -flow.packets.height), default=None)

    def _flow(self, row: Mapping[str, Any], direction: int) -> Flow:
        packets = self._packets.get((row["capture"], row["connection"], direction), self._none)
        return Flow(row["capture"], row["connection"], direction, row["start_ns"], packets)


def _host(capture: str) -> str:
    return capture.rpartition("-eth")[0]


@dataclass(slots=True)
class Drops:
    """What wires dropped from one ip:port to another, in order of time."""

    rows: pl.DataFrame

    def of(self, sent: Flow, start: Any, end: Any) -> tuple[Any, list[str | None]]:
        """For each stretch of bytes how many packets with any of them were dropped, and by which links and why."""
        offset = sent.offsets(self.rows["seq"].to_numpy(), self.rows["t_ns"].to_numpy())
        until = offset + self.rows["payload_bytes"].to_numpy()
        counts = np.searchsorted(np.sort(offset), end, "left") - np.searchsorted(np.sort(until), start, "right")
        reasons = (self.rows["link"] + " " + self.rows["action"]).to_list()
        texts: list[str | None] = []
        for low, high, count in zip(start, end, counts, strict=True):
            inside = np.flatnonzero((offset < high) & (until > low)) if count else ()
            names = dict.fromkeys(reasons[i] for i in inside)
            texts.append(", ".join(names) or None)
        return counts, texts


def drops_of(wires: pl.DataFrame) -> dict[tuple[str, str], Drops]:
    """(source, destination) -> what wires dropped of their TCP payload; every pair that a wire tells of at all."""
    payload = wires.filter(pl.col("protocol") == 6, pl.col("seq").is_not_null(), pl.col("payload_bytes") > 0)
    found = {}
    dropped = pl.col("action").str.starts_with("drop_")
    for ends, rows in payload.group_by("source", "destination", maintain_order=True):
        found[str(ends[0]), str(ends[1])] = Drops(rows.filter(dropped).sort("t_ns", maintain_order=True))
    return found


def _known(t_ns: Any) -> pl.Series:
    times = pl.Series(t_ns)
    return pl.select(pl.when(times < NEVER).then(times)).to_series()


def at_or_null(values: Any, place: Any) -> pl.Series:
    """``values[place]``, null where the place is behind the last."""
    number = pl.Series(place)
    inside = pl.select(pl.when(number < values.size).then(number)).to_series()
    return pl.Series(values, dtype=pl.Int64).gather(inside)
