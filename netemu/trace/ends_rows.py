"""The rows of ``transits`` for the flows that pass the same captures."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import polars as pl

from netemu.recording.tables import TRANSITS
from netemu.trace.ends_clock import Clock
from netemu.trace.ends_match import Matches, match
from netemu.trace.ends_order import reordering
from netemu.trace.ends_route import Route
from netemu.trace.ends_where import dropped_by, last_seen
from netemu.trace.tables import polars_schema


class Captures:
    """The packets of every capture by its place, ``frames``, and what is known of it.

    ``spans`` are first and last time of a capture, where it may not have run all the time; ``marks`` is the table of
    :func:`~netemu.trace.ends_path.joined`.
    """

    def __init__(
        self,
        names: Mapping[int, str],
        frames: Mapping[int, pl.DataFrame],
        spans: Mapping[int, tuple[int, int]],
        marks: pl.DataFrame,
        shared_clock: bool,
    ) -> None:
        self.names, self.frames, self.spans, self.shared_clock = names, frames, spans, shared_clock
        self.marks = marks.with_columns(flow=2 * pl.col("joint") + pl.col("way").cast(pl.Int64))

    def flows(self, place: int, flows: tuple[int, ...]) -> pl.DataFrame:
        """The packets of these flows in one capture."""
        return self.frames[place].filter(pl.col("flow").is_in(flows))

    def flow_table(self, place: int) -> pl.DataFrame:
        """flow, connection, direction, source, destination, seq_shift in this capture."""
        own = self.marks.filter(pl.col("place") == place)
        return own.select("flow", "connection", "direction", "source", "destination", "seq_shift")


class Passage:
    """The flows of one route, matched from its first capture to its last."""

    def __init__(self, route: Route, captures: Captures) -> None:
        self.route, self.captures = route, captures
        self.sent = captures.flows(route.first, route.flows)
        self.arrived = captures.flows(route.last, route.flows)
        self.matches = match(self.sent, self.arrived, causal=captures.shared_clock)

    @property
    def ends(self) -> tuple[int, int]:
        """First and last capture."""
        return self.route.first, self.route.last

    def times(self) -> pl.DataFrame:
        """sent_ns and arrived_ns of what arrived, each on its own clock."""
        m = self.matches
        both = (m.sent >= 0) & (m.arrived >= 0) & ~m.copy
        return pl.DataFrame(
            {
                "sent_ns": self.sent["t_ns"].to_numpy()[m.sent[both]],
                "arrived_ns": self.arrived["t_ns"].to_numpy()[m.arrived[both]],
            }
        )

    def rows(self, clock: Clock | None, wires: pl.DataFrame | None) -> pl.DataFrame:
        """The rows of ``transits``; delays are null where the clocks could not be compared."""
        m, names = self.matches, self.captures.names
        frame = self._told()
        ahead = clock.ahead_ns(frame["t_ns"].fill_null(0).to_numpy()) if clock else None
        delay = frame["arrival_ns"] - frame["t_ns"] - pl.Series(ahead) if ahead is not None else None
        extent, late = self._reordering(frame)
        frame = frame.with_columns(
            capture=pl.lit(names[self.route.first]),
            arrival_capture=pl.lit(names[self.route.last]),
            fate=self._fates(frame),
            one_way_delay_ns=pl.lit(None, pl.Int64) if delay is None else delay,
            reordering_extent=extent,
            late_ns=late,
            last_seen=last_seen(m, names[self.route.first], self._between(), names[self.route.last]),
        )
        lost = frame.filter(pl.col("fate") == "lost")
        what = dropped_by(lost, wires)
        frame = frame.join(what, on="row", how="left", maintain_order="left")
        return frame.select(pl.col(name).cast(kind) for name, kind in polars_schema(TRANSITS).items())

    def _told(self) -> pl.DataFrame:
        """What both captures say of each row."""
        m = self.matches
        sent, arrived = _gathered(self.sent, m.sent), _gathered(self.arrived, m.arrived)
        start = pl.Series("start", m.start)
        frame = pl.DataFrame(
            {
                "row": np.arange(m.sent.size, dtype=np.uint32),
                "flow": pl.select(pl.coalesce(sent["flow"], arrived["flow"])).to_series(),
                "frame": sent["frame"],
                "t_ns": sent["t_ns"],
                "arrival_frame": arrived["frame"],
                "arrival_ns": arrived["t_ns"],
                "start": start,
                "payload_bytes": (m.end - m.start).astype(np.int32),
                "raw_seq": (sent["raw_seq"] + start - sent["seq"]) % (1 << 32),
                "raw_ack": sent["raw_ack"],
            }
        )
        flows = self.captures.flow_table(self.route.first)
        joined = frame.join(flows, on="flow", how="left", maintain_order="left")
        return joined.with_columns(seq_offset_bytes=pl.col("start") - pl.col("seq_shift"))

    def _fates(self, frame: pl.DataFrame) -> pl.Series:
        """TRANSIT_FATES of every row."""
        m = self.matches
        fate = np.where(m.arrived < 0, "lost", np.where(m.sent < 0, "unsent", "arrived")).astype(object)
        copied = np.zeros(self.sent.height, np.bool_)
        copied[m.sent[m.copy]] = True
        fate[(fate == "arrived") & copied[m.sent]] = "duplicated"
        fate[m.copy] = "copy"
        if self.captures.spans:
            first, last = self.captures.spans[self.route.last]
            due = frame["t_ns"].fill_null(first).to_numpy() + m.expected_ns
            fate[(fate == "lost") & ((due < first) | (due > last))] = "not_captured"
            first, last = self.captures.spans[self.route.first]
            left = frame["arrival_ns"].fill_null(first).to_numpy() - m.expected_ns
            fate[(fate == "unsent") & ((left < first) | (left > last))] = "not_captured"
        return pl.Series("fate", fate.tolist(), dtype=pl.String)

    def _between(self) -> list[tuple[str, Matches]]:
        """The captures on the way, where something was lost."""
        if not (self.matches.arrived < 0).any():
            return []
        found = []
        for place in self.route.between:
            passed = self.captures.flows(place, self.route.flows)
            found.append((self.captures.names[place], match(self.sent, passed, causal=self.captures.shared_clock)))
        return found

    def _reordering(self, frame: pl.DataFrame) -> tuple[pl.Series, pl.Series]:
        """reordering_extent and late_ns; null for what did not arrive, was not seen to leave, or is a copy."""
        m = self.matches
        both = np.flatnonzero((m.sent >= 0) & (m.arrived >= 0) & ~m.copy)
        flow = frame["flow"].to_numpy()[both]
        both = both[np.lexsort((m.start[both], m.arrived[both], flow))]
        sent_order = np.zeros(m.sent.size, np.int64)
        sent_order[np.lexsort((m.start, m.sent))] = np.arange(m.sent.size)
        extent, late = np.zeros(both.size, np.int64), np.zeros(both.size, np.int64)
        arrival_ns = frame["arrival_ns"].fill_null(0).to_numpy()[both]
        reordering(frame["flow"].to_numpy()[both], sent_order[both], arrival_ns, extent, late)
        return _scattered(both, extent, m.sent.size), _scattered(both, late, m.sent.size)


def _gathered(frame: pl.DataFrame, rows: Any) -> pl.DataFrame:
    """The rows of ``frame``, null for -1."""
    number = pl.Series(rows)
    return frame[["flow", "frame", "t_ns", "seq", "raw_seq", "raw_ack"]].select(
        pl.all().gather(pl.select(pl.when(number >= 0).then(number)).to_series())
    )


def _scattered(rows: Any, values: Any, count: int) -> pl.Series:
    """``values`` at ``rows``, null elsewhere."""
    full, known = np.zeros(count, np.int64), np.zeros(count, np.bool_)
    full[rows], known[rows] = values, True
    return pl.select(pl.when(pl.Series(known)).then(pl.Series(full))).to_series()
