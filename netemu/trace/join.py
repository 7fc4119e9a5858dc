"""``sends``: what became of the bytes of each send(), from the system call to the acknowledgement, on the run's clock.

A byte is followed by its offset in the stream: the calls of an agent on one connection count it up from 1, as sequence
offsets do (:mod:`netemu.recording.tables`); so do the reads of the agent at the other end.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import polars as pl

from netemu.recording.tables import SENDS
from netemu.trace.join_flows import Drops, Flow, Flows, at_or_null, drops_of
from netemu.trace.tables import empty, polars_schema

_SEND_CALLS = ("send",)
_READ_CALLS = ("recv",)


@dataclass(frozen=True, slots=True)
class _Socket:
    """One agent's calls on one connection that moved payload, in order."""

    agent: str
    host: str
    name: str
    calls: pl.DataFrame

    @property
    def ends(self) -> tuple[str, str]:
        """Local and remote ip:port."""
        local, _, remote = self.name.partition(">")
        return local, remote


def sends(calls: pl.DataFrame, packets: pl.LazyFrame, connections: pl.DataFrame, wires: pl.DataFrame) -> pl.DataFrame:
    """The table ``sends``: one row per send() that took payload, in order of time.

    ``calls``, ``connections`` and ``wires`` are tables of a run, ``packets`` too, in the order of each capture. What
    was not captured, read, acknowledged or accounted for is null.
    """
    senders = list(_sockets(calls, _SEND_CALLS))
    if not senders:
        return empty(SENDS)
    readers = {(socket.host, socket.name): socket for socket in _sockets(calls, _READ_CALLS)}
    hosts = {name: host for host, name in readers}
    flows, drops = Flows(packets, connections), drops_of(wires)
    parts = []
    for socket in senders:
        local, remote = socket.ends
        there = f"{remote}>{local}"
        first_ns = int(socket.calls["t_ns"][0])
        out, back = flows.at_sender(socket.host, local, remote, first_ns)
        arrived = flows.at_receiver(hosts.get(there), out)
        reader = readers.get((hosts.get(there, ""), there))
        parts.append(_rows(socket, (out, back, arrived), reader, drops.get((local, remote))))
    return pl.concat([empty(SENDS), *parts]).sort("t_ns", maintain_order=True)


def _sockets(calls: pl.DataFrame, names: tuple[str, ...]) -> Iterator[_Socket]:
    moved = calls.filter(pl.col("call").is_in(names), pl.col("done_bytes") > 0, pl.col("connection").is_not_null())
    for (agent, host, name), own in moved.group_by("agent", "host", "connection", maintain_order=True):
        yield _Socket(str(agent), str(host), str(name), own)


def _rows(
    socket: _Socket,
    flows: tuple[Flow | None, Flow | None, Flow | None],
    reader: _Socket | None,
    drops: Drops | None,
) -> pl.DataFrame:
    out, back, arrived = flows
    t_ns, done = socket.calls["t_ns"].to_numpy(), socket.calls["done_bytes"].to_numpy()
    end = 1 + np.cumsum(done)
    start = end - done
    columns: dict[str, Any] = {
        "t_ns": t_ns,
        "blocked_ns": socket.calls["blocked_ns"],
        "done_bytes": done,
        "start_offset_bytes": start,
        "end_offset_bytes": end,
    }
    if out is not None:
        columns |= _on_the_wire(out, start, end)
    if arrived is not None:
        columns["arrived_ns"], columns["in_order_ns"] = arrived.arrivals(end - 1)
    if reader is not None:
        columns["read_ns"] = _read(reader, end - 1)
    if back is not None:
        columns["acked_ns"] = back.acknowledged(end)
    if out is not None and drops is not None:
        columns["dropped_segments"], columns["dropped_by"] = drops.of(out, start, end)
    frame = pl.DataFrame(columns).with_columns(
        agent=pl.lit(socket.agent),
        host=pl.lit(socket.host),
        socket=pl.lit(socket.name),
        capture=pl.lit(out.capture if out else None, pl.String),
        connection=pl.lit(out.connection if out else None),
        direction=pl.lit(out.direction if out else None),
    )
    if out is not None:
        frame = frame.with_columns(buffered_ns=pl.col("last_sent_ns") - pl.col("t_ns"))
    missing = [pl.lit(None).alias(name) for name in SENDS if name not in frame.columns]
    typed = polars_schema(SENDS)
    return frame.with_columns(*missing).select(pl.col(name).cast(kind) for name, kind in typed.items())


def _on_the_wire(out: Flow, start: Any, end: Any) -> dict[str, Any]:
    """When the bytes were sent first, in how many segments, and how often again by which class."""
    found: dict[str, Any] = {
        "first_sent_ns": out.first_sent(start),
        "last_sent_ns": out.first_sent(end - 1),
        "segments": out.carriers(start, end, "new"),
    }
    for kind in ("timeout", "fast", "tail_loss_probe"):
        found[f"retransmits_{kind}"] = out.carriers(start, end, kind)
    return found


def _read(reader: _Socket, last: Any) -> pl.Series:
    """When the recv() returned that took the byte at each offset; null where none did."""
    reached = np.cumsum(reader.calls["done_bytes"].to_numpy())
    returned = (reader.calls["t_ns"] + reader.calls["blocked_ns"]).to_numpy()
    return at_or_null(returned, np.searchsorted(reached, last))
