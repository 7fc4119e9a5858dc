"""A small run whose tables are written by hand: every row says what a figure must show."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import polars as pl

from netemu.figures import RunTables
from netemu.recording.tables import ENUMS, TABLES

MSS = 1448
CLIENT, SERVER = "10.0.0.1:40000", "10.0.1.1:5001"
ISN = 2**32 - 20_000  # the sequence space wraps early on
MS = 10**6

_TYPES = {
    "str": pl.String,
    "bool": pl.Boolean,
    "i8": pl.Int8,
    "u8": pl.UInt8,
    "u16": pl.UInt16,
    "i32": pl.Int32,
    "u32": pl.UInt32,
    "i64": pl.Int64,
    "f64": pl.Float64,
    **{kind: pl.Enum(names) for kind, names in ENUMS.items()},
}
_ZERO: dict[str, Any] = {"str": "", "bool": False, "f64": 0.0, **{kind: names[0] for kind, names in ENUMS.items()}}


def frame_of(table: str, rows: list[dict[str, Any]]) -> pl.DataFrame:
    """``rows`` as ``table``; columns left out are zero, empty or False."""
    schema = {name: _TYPES[kind] for name, (kind, _) in TABLES[table].items()}
    full = [{n: r.get(n, _ZERO.get(kind, 0)) for n, (kind, _) in TABLES[table].items()} for r in rows]
    return pl.DataFrame(full, schema=schema, orient="row")


class Trace:
    """Builds the tables of one bulk transfer, client to server, packet by packet."""

    def __init__(self, capture: str = "h1-eth0", client: str = CLIENT, server: str = SERVER, connection: int = 0):
        self.capture, self.client, self.server, self.connection = capture, client, server, connection
        self.packets: list[dict[str, Any]] = []
        self.sacks: list[dict[str, Any]] = []
        self.rtt: list[dict[str, Any]] = []
        self.wires: list[dict[str, Any]] = []
        self.icmp: list[dict[str, Any]] = []
        self.next = 0

    def packet(self, t_ms: float, direction: int, **fields: Any) -> dict[str, Any]:
        row = {
            "capture": self.capture,
            "frame": len(self.packets) + 1,
            "t_ns": round(t_ms * MS),
            "connection": self.connection,
            "direction": direction,
            "ip_version": 4,
            "protocol": 6,
            "ttl": 64,
            "dont_fragment": True,
            "flags": 16,
            "ts_val": -1,
            "ts_ecr": -1,
            "kind": "none",
            "ip_bytes": 52 + fields.get("payload_bytes", 0),
            **fields,
        }
        row["seq"] = (ISN + row.get("seq_offset_bytes", 0)) % 2**32
        self.packets.append(row)
        return row

    def send(self, t_ms: float, *, at: int | None = None, size: int = MSS, kind: str = "new", **fields: Any) -> int:
        """A data segment of the client; its first byte's offset."""
        start = self.next if at is None else at
        row = self.packet(t_ms, 0, seq_offset_bytes=start, payload_bytes=size, kind=kind, **fields)
        self.next = max(self.next, start + size)
        if fields.get("dropped"):
            self.wires.append(
                {
                    "link": "l1",
                    "direction": "a_to_b",
                    "t_ns": row["t_ns"],
                    "action": fields["dropped"],
                    "source": self.client,
                    "destination": self.server,
                    "protocol": 6,
                    "seq": row["seq"],
                    "payload_bytes": size,
                    "ip_bytes": row["ip_bytes"],
                }
            )
        return start

    def ack(
        self, t_ms: float, upto: int, *, window: int = 65_536, sacks: tuple[tuple[int, int], ...] = (), **fields: Any
    ):
        """An ACK of the server."""
        row = self.packet(
            t_ms, 1, ack_offset_bytes=upto, window_bytes=window, sack_blocks=len(sacks), seq_offset_bytes=1, **fields
        )
        for start, end in sacks:
            self.sacks.append(
                {
                    "capture": self.capture,
                    "frame": row["frame"],
                    "connection": self.connection,
                    "direction": 1,
                    "t_ns": row["t_ns"],
                    "start_offset_bytes": start,
                    "end_offset_bytes": end,
                }
            )

    def sample(self, t_ms: float, rtt_ms: float) -> None:
        """An RTT sample of the client's data."""
        row = {"capture": self.capture, "connection": self.connection, "direction": 0, "t_ns": round(t_ms * MS)}
        self.rtt.append({**row, "rtt_ns": round(rtt_ms * MS)})

    def connection_row(self) -> dict[str, Any]:
        payload = [r.get("payload_bytes", 0) for r in self.packets if r["direction"] == 0]
        return {
            "capture": self.capture,
            "connection": self.connection,
            "client": self.client,
            "server": self.server,
            "start_ns": self.packets[0]["t_ns"],
            "duration_ns": self.packets[-1]["t_ns"] - self.packets[0]["t_ns"],
            "a_payload_bytes": sum(payload),
            "a_data_segments": sum(1 for size in payload if size),
        }

    def sender_rows(self) -> list[dict[str, Any]]:
        """Three rows of the client: slow start held by cwnd, Recovery, and a wait for the application."""
        begin = self.packets[0]["t_ns"]
        span = max((self.packets[-1]["t_ns"] - begin) // 3, 1)
        told: tuple[dict[str, Any], ...] = (
            {"phase": "slow_start", "limited_by": "cwnd", "cwnd_estimated_bytes": 2 * MSS},
            {"phase": "recovery", "limited_by": "cwnd", "cwnd_estimated_bytes": MSS, "ca_state": "Recovery"},
            {"phase": "application_limited", "limited_by": "application", "ssthresh_estimated_bytes": MSS},
        )
        rows = []
        for k, row in enumerate(told):
            unknown = dict.fromkeys(("cwnd_estimated_bytes", "cwnd_estimated_ns", "ssthresh_estimated_bytes"))
            place = {"capture": self.capture, "connection": self.connection, "direction": 0, "round": k}
            known = {"cwnd_estimated_ns": begin + k * span} if "cwnd_estimated_bytes" in row else {}
            times = {"start_ns": begin + k * span, "t_ns": begin + (k + 1) * span}
            rows.append({**place, **times, **unknown, **known, **row})
        return rows

    def finish(self) -> dict[str, pl.DataFrame]:
        """The tables, packets in the order of time."""
        self.packets.sort(key=lambda r: (r["t_ns"], r["frame"]))
        renumber = {row["frame"]: number for number, row in enumerate(self.packets, 1)}
        for row in [*self.packets, *self.sacks]:
            row["frame"] = renumber[row["frame"]]
        return {
            "packets": frame_of("packets", self.packets),
            "connections": frame_of("connections", [self.connection_row()]),
            "sacks": frame_of("sacks", self.sacks),
            "rtt": frame_of("rtt", self.rtt),
            "icmp": frame_of("icmp", self.icmp),
            "wires": frame_of("wires", self.wires),
            "sender": frame_of("sender", self.sender_rows()),
        }


def handshake(trace: Trace) -> None:
    trace.packet(0, 0, flags=2, kind="new", window_bytes=64_240)
    trace.packet(40, 1, flags=18, kind="new", ack_offset_bytes=1, window_bytes=65_536)
    trace.packet(40.1, 0, seq_offset_bytes=1, ack_offset_bytes=1, window_bytes=65_536)
    trace.next = 1


def bulk_with_loss() -> Trace:
    """Slow start; the 12th segment is lost and resent fast; a tail probe; a timeout; a zero window; a FIN."""
    trace = Trace()
    handshake(trace)
    for index in range(10):
        trace.send(40.2 + 1.2 * index)
    for index in range(10):
        trace.ack(81.5 + 1.2 * index, 1 + MSS * (index + 1))
        trace.sample(81.5 + 1.2 * index, 41.3)
    for index in range(20):
        trace.send(81.6 + 1.2 * index, **({"dropped": "drop_queue"} if index == 1 else {}))
    lost = 1 + MSS * 11
    trace.ack(122.9, lost)
    trace.sample(122.9, 41.3)
    for index in range(18):
        trace.ack(125.3 + 1.2 * index, lost, sacks=((lost + MSS, lost + MSS * (2 + index)),), duplicate_ack=True)
    trace.send(129.0, at=lost, kind="fast")
    trace.ack(171.0, 1 + MSS * 30)
    for index in range(6):
        trace.send(171.2 + 1.2 * index, **({"dropped": "drop_list"} if index > 3 else {}))
    for index in range(4):
        trace.ack(212.5 + 1.2 * index, 1 + MSS * (31 + index))
        trace.sample(212.5 + 1.2 * index, 41.4)
    trace.send(300.0, at=1 + MSS * 35, kind="tail_loss_probe", dropped="drop_list")
    trace.send(470.0, at=1 + MSS * 34, kind="timeout")
    trace.ack(511.0, 1 + MSS * 35)
    trace.send(511.2, at=1 + MSS * 35, kind="timeout", spurious=True)
    trace.ack(552.0, 1 + MSS * 36, window=0)
    trace.packet(752.0, 0, seq_offset_bytes=MSS * 36, kind="window_probe")
    trace.ack(792.0, 1 + MSS * 36, window=0)
    trace.ack(860.0, 1 + MSS * 36, window=30_000)
    for index in range(4):
        trace.send(860.2 + 1.2 * index)
    end = trace.next
    trace.packet(865.2, 0, seq_offset_bytes=end, flags=17, kind="new")
    trace.ack(905.0, end + 1)
    return trace


def socket_samples(host: str = "h1", local: str = CLIENT, remote: str = SERVER) -> pl.DataFrame:
    """Samples each 5 ms: first bound by the window, then the send buffer, cwnd, and at last by the application."""
    rows, busy, rwnd, sndbuf = [], 0, 0, 0
    for index in range(181):
        phase = min(index // 46, 3)
        busy += 5 * MS if phase < 3 else 0
        rwnd += 5 * MS if phase == 0 else 0
        sndbuf += 5 * MS if phase == 1 else 0
        rows.append(
            {
                "t_ns": index * 5 * MS,
                "host": host,
                "local": local,
                "remote": remote,
                "cookie": 1,
                "state": "ESTABLISHED",
                "ca_state": "Open" if index < 50 else "Recovery" if index < 70 else "Loss" if index < 100 else "Open",
                "snd_cwnd_segments": 10 + index % 30,
                "snd_ssthresh_segments": None,
                "snd_mss_bytes": MSS,
                "pmtu_bytes": 1500 if index < 20 else 1400,
                "rto_ns": (204 + index % 7) * MS,
                "srtt_ns": 41 * MS + index * 10_000,
                "rttvar_ns": 5 * MS,
                "notsent_bytes": 20_000 if phase < 3 else 0,
                "unacked_segments": 10 if phase < 3 else 0,
                "busy_ns": busy,
                "rwnd_limited_ns": rwnd,
                "sndbuf_limited_ns": sndbuf,
            }
        )
    return frame_of("sockets", rows)


def calls() -> pl.DataFrame:
    rows = [
        {"agent": a, "host": "h1", "t_ns": i * MS, "call": "send", "blocked_ns": (i % 17) ** 2 * k * 10_000}
        for a, k in (("bulk", 3), ("web", 1))
        for i in range(60)
    ]
    return frame_of("calls", rows)


WAY_MS = 20


def transits_of(trace: Trace) -> pl.DataFrame:
    """Both ends of the transfer: 20 ms each way, lost where a wire dropped it."""
    dropped = {(row["t_ns"], row["seq"]): row["action"] for row in trace.wires}
    rows = []
    for packet in trace.packets:
        row = {name: packet.get(name, 0) for name in ("direction", "seq_offset_bytes", "payload_bytes")}
        here, there = {"t_ns": packet["t_ns"], "frame": packet["frame"]}, packet["frame"] + 1000
        action = dropped.get((packet["t_ns"], packet["seq"]))
        if packet["direction"] == 0:
            row |= {"capture": "h1-eth0", "arrival_capture": "h2-eth0", **here}
            late = {"arrival_ns": packet["t_ns"] + WAY_MS * MS, "arrival_frame": there}
            row |= {"arrival_ns": None, "arrival_frame": None} if action else late
        else:
            row |= {"capture": "h2-eth0", "arrival_capture": "h1-eth0", "t_ns": packet["t_ns"] - WAY_MS * MS}
            row |= {"frame": there, "arrival_ns": packet["t_ns"], "arrival_frame": packet["frame"]}
        rows.append({**row, "connection": 0, "action": action, "fate": "lost" if action else "arrived"})
    return frame_of("transits", rows)


def sends_of(trace: Trace) -> pl.DataFrame:
    """The whole transfer as two send() calls of equal size, the first of which blocks until the second begins."""
    data = [packet for packet in trace.packets if packet.get("payload_bytes")]
    first, end = data[0], trace.next
    middle = 1 + (end - 1) // 2
    last_ns = trace.packets[-1]["t_ns"]
    common = {"agent": "bulk", "host": "h1", "capture": trace.capture, "connection": 0, "direction": 0}
    half_ns = (first["t_ns"] + last_ns) // 2
    return frame_of(
        "sends",
        [
            {
                **common,
                "t_ns": start_ns,
                "blocked_ns": blocked_ns,
                "done_bytes": high - low,
                "start_offset_bytes": low,
                "end_offset_bytes": high,
                "first_sent_ns": start_ns + MS,
                "last_sent_ns": start_ns + 2 * MS,
                "arrived_ns": start_ns + 22 * MS,
                "read_ns": start_ns + 30 * MS,
                "acked_ns": acked_ns,
            }
            for start_ns, blocked_ns, low, high, acked_ns in (
                (first["t_ns"], half_ns - first["t_ns"], 1, middle, half_ns),
                (half_ns, MS, middle, end, last_ns),
            )
        ],
    )


def reads_of(trace: Trace) -> pl.DataFrame:
    """A recv() of 10,000 bytes every 25 ms at the receiver."""
    name = f"{trace.server}>{trace.client}"
    row = {"agent": "reader", "host": "h2", "call": "recv", "blocked_ns": MS, "done_bytes": 10_000, "connection": name}
    return frame_of("calls", [{**row, "t_ns": (100 + 25 * i) * MS} for i in range(6)])


def write_run(root: Path, frames: dict[str, pl.DataFrame], **manifest: Any) -> Path:
    """The run as a directory: its tables and a manifest."""
    (root / "tables").mkdir(parents=True)
    for name, frame in frames.items():
        frame.write_parquet(root / "tables" / f"{name}.parquet")
    (root / "manifest.json").write_text(json.dumps({"validity": "valid", "reasons": [], "figures": [], **manifest}))
    return root


def all_frames() -> dict[str, pl.DataFrame]:
    """Every table of the run by hand."""
    trace = bulk_with_loss()
    frames = trace.finish()  # numbers the packets
    joined = {"transits": transits_of(trace), "sends": sends_of(trace)}
    return {**frames, "sockets": socket_samples(), "calls": calls(), **joined}


def frames_with_reads() -> dict[str, pl.DataFrame]:
    """The same with the receiver's calls."""
    frames = all_frames()
    return {**frames, "calls": pl.concat([frames["calls"], reads_of(bulk_with_loss())])}


def run_of(frames: dict[str, pl.DataFrame], **fields: Any) -> RunTables:
    """Tables in memory, on hosts h1 (10.0.0.1) and h2 (10.0.1.1)."""
    nodes = {"h1": frozenset({"10.0.0.1"}), "h2": frozenset({"10.0.1.1"})}
    captures = {"h1-eth0": "h1", "h2-eth0": "h2"}
    return RunTables(frames, "a run by hand", addresses=nodes, captures=captures, **fields)
