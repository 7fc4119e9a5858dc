"""Packets of one connection at several captures, written as the packets table has them."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import polars as pl

from netemu.recording.tables import CONNECTIONS, PACKETS
from netemu.trace.ends import Ends, transits
from netemu.trace.tables import polars_schema

MS = 1_000_000
ACK, SYN, PSH = 16, 2, 8
CLIENT, SERVER = "10.0.0.1:40000", "10.0.0.2:80"
ISN = (1000, 2**32 - 3000)


@dataclass
class Captures:
    """Packets at captures named by letters, in the order of time; ``clocks`` are what each adds to the true time."""

    clocks: dict[str, Any] = field(default_factory=dict)
    isn: dict[str, tuple[int, int]] = field(default_factory=dict)
    ends: tuple[str, str] = (CLIENT, SERVER)
    translated: dict[str, tuple[str, str]] = field(default_factory=dict)
    """Other ends that a capture behind a router shows; such a connection has its SYNs everywhere."""
    rows: list[dict[str, Any]] = field(default_factory=list)

    def pass_by(self, direction: int, times: dict[str, float], seq: int, payload: int = 0, **told: Any) -> None:
        """One packet seen at each capture in ``times`` (ms); ``told`` are further columns, ``ack`` an offset."""
        for capture, t_ms in times.items():
            isn = self.isn.get(capture, ISN)
            true_ns = round(t_ms * MS)
            clock = self.clocks.get(capture, 0)
            ack = told.get("ack", 1)
            row = {
                "ts_val": -1,
                "ts_ecr": -1,
                "ip_id": 0,
                "flags": ACK,
                "ttl": 64,
                "protocol": 6,
                "connection": 0,
                "ip_version": 4,
                "kind": "none",
                **told,
                "capture": capture,
                "t_ns": clock(true_ns) if callable(clock) else true_ns + clock,
                "direction": direction,
                "seq": (isn[direction] + seq) % 2**32,
                "ack": (isn[1 - direction] + ack) % 2**32,
                "seq_offset_bytes": seq,
                "ack_offset_bytes": ack,
                "payload_bytes": payload,
            }
            self.rows.append(row)

    def open(self, a: str = "a", b: str = "b", rtt_ms: float = 20) -> None:
        """The handshake between captures ``a`` and ``b``, from 0 on."""
        way = rtt_ms / 2
        self.pass_by(0, {a: 0, b: way}, 0, flags=SYN)
        self.pass_by(1, {b: way, a: 2 * way}, 0, flags=SYN | ACK)
        self.pass_by(0, {a: 2 * way, b: 3 * way}, 1)

    def packets(self) -> pl.DataFrame:
        """The table, its frames numbered by time within each capture."""
        zero = {"str": "", "bool": False, "f64": 0.0}
        full = [{name: row.get(name, zero.get(kind, 0)) for name, (kind, _) in PACKETS.items()} for row in self.rows]
        frame = pl.DataFrame(full, schema=polars_schema(PACKETS), orient="row").sort(
            "capture", "t_ns", maintain_order=True
        )
        return frame.with_columns(frame=(pl.int_range(pl.len()).over("capture") + 1).cast(pl.UInt32))

    def connections(self) -> pl.DataFrame:
        """One connection for each pair of capture and number."""
        found = self.packets().group_by("capture", "connection").agg(pl.col("t_ns").min()).sort("capture", "connection")
        rows = [
            {
                "capture": c,
                "connection": n,
                "client": self.translated.get(c, self.ends)[0],
                "server": self.translated.get(c, self.ends)[1],
                "start_ns": t,
                "complete": True,
                "a_isn": self.isn.get(c, ISN)[0] if self.translated else None,
                "b_isn": self.isn.get(c, ISN)[1] if self.translated else None,
            }
            for c, n, t in found.iter_rows()
        ]
        schema = {name: kind for name, kind in polars_schema(CONNECTIONS).items() if name in rows[0]}
        return pl.DataFrame(rows, schema=schema)

    def join(self, *, shared_clock: bool = True, wires: pl.DataFrame | None = None) -> Ends:
        """Both ends."""
        return transits(self.packets(), self.connections(), shared_clock=shared_clock, wires=wires)

    def fates(self, direction: int = 0, **how: Any) -> list[tuple[Any, ...]]:
        """(offset, payload, fate) of one direction's rows without the handshake's."""
        table = self.join(**how).transits.filter(pl.col("direction") == direction, pl.col("payload_bytes") > 0)
        return table.select("seq_offset_bytes", "payload_bytes", "fate").rows()
