"""Captures of realistic TCP flows, millions of packets in seconds: a few flows simulated, then replicated by numpy.

Each flow is a bulk transfer seen at its sender: handshake with every usual option, timestamps on every segment, an
ACK for every second segment, random loss repaired by SACK and fast retransmission, a FIN exchange.
"""
# ruff: noqa: PLR0917, SIM905

from __future__ import annotations

import heapq
import random
import struct
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

MSS = 1448
SNAP = 96
_RECORD = 16
_LONGEST = _RECORD + SNAP
_FIELDS = [
    (name, np.int64) for name in "t_ns from_client seq ack flags window payload ts_val ts_ecr blocks ip_id".split()
]
PACKET = np.dtype([*_FIELDS, ("edges", np.int64, 6)])


@dataclass
class _Flow:
    """One simulated transfer: cwnd-limited sender, SACK receiver, everything captured at the sender."""

    rng: random.Random
    segments: int
    loss: float
    rtt_ns: int
    packets: list[tuple[Any, ...]] = field(default_factory=list)
    events: list[tuple[int, int, str, Any]] = field(default_factory=list)
    order: int = 0
    cwnd: float = 10.0
    una: int = 0
    nxt: int = 0
    received: set[int] = field(default_factory=set)
    expected: int = 0
    unacked: int = 0
    lost: set[int] = field(default_factory=set)
    recovery: int = -1
    sent_ns: int = 0
    ip_ids: list[int] = field(default_factory=lambda: [0, 0])

    def at(self, t_ns: int, what: str, value: Any) -> None:
        self.order += 1
        heapq.heappush(self.events, (t_ns, self.order, what, value))

    def emit(
        self, t_ns: int, from_client: int, seq: int, ack: int, flags: int, payload: int, blocks: list[Any]
    ) -> None:
        stamp = t_ns // 1_000_000 + 1000
        edges = [edge for block in blocks for edge in block]
        self.ip_ids[from_client] += 1
        values = (
            t_ns,
            from_client,
            seq,
            ack,
            flags,
            500,
            payload,
            stamp,
            stamp - 1,
            len(blocks),
            self.ip_ids[from_client],
        )
        self.packets.append((*values, edges))

    def send(self, t_ns: int, segment: int) -> None:
        t_ns = self.sent_ns = max(t_ns, self.sent_ns + 2_000)
        self.emit(t_ns, 1, 1 + segment * MSS, 1, 24, MSS, [])
        if self.rng.random() >= self.loss:
            self.at(t_ns + self.rtt_ns // 2, "data", segment)

    def fill(self, t_ns: int) -> None:
        while self.nxt < self.segments and self.nxt - self.una < self.cwnd:
            self.send(t_ns, self.nxt)
            self.nxt += 1

    def on_data(self, t_ns: int, segment: int) -> None:
        in_order = segment == self.expected
        self.received.add(segment)
        while self.expected in self.received:
            self.expected += 1
        self.unacked += 1
        above = sorted(s for s in self.received if s > self.expected)
        if in_order and not above and self.unacked < 2 and self.expected < self.segments:
            return
        self.unacked = 0
        blocks: list[list[int]] = []
        for s in above:
            if blocks and blocks[-1][1] == s:
                blocks[-1][1] = s + 1
            else:
                blocks.append([s, s + 1])
        self.received = set(above)
        self.at(t_ns + self.rtt_ns - self.rtt_ns // 2, "ack", (self.expected, blocks[-3:][::-1]))

    def on_ack(self, t_ns: int, acked: int, blocks: list[list[int]]) -> None:
        wire = [(1 + a * MSS, 1 + b * MSS) for a, b in blocks]
        self.emit(t_ns, 0, 1, 1 + acked * MSS, 16, 0, wire)
        if acked > self.una:
            self.una = acked
            self.cwnd += 0.5 if self.recovery < 0 else 0
        if self.una >= self.recovery:
            self.recovery, self.lost = -1, set()
        sacked = {s for a, b in blocks for s in range(a, b)}
        if len(sacked) >= 3:
            for s in range(self.una, max(sacked)):
                if s not in sacked and s not in self.lost:
                    if self.recovery < 0:
                        self.recovery, self.cwnd = self.nxt, max(self.cwnd / 2, 4)
                    self.lost.add(s)
                    self.send(t_ns + 1_000, s)
        self.fill(t_ns + 2_000)

    def run(self) -> Any:
        rtt = self.rtt_ns
        self.emit(0, 1, 0, 0, 2, 0, [])
        self.emit(rtt, 0, 0, 1, 18, 0, [])
        self.emit(rtt + 20_000, 1, 1, 1, 16, 0, [])
        self.fill(rtt + 50_000)
        t_ns = rtt
        while self.una < self.segments:
            if not self.events:  # all in flight was lost: the timer
                t_ns += 300_000_000
                self.recovery, self.lost = self.nxt, set(range(self.una, self.nxt))
                for s in range(self.una, min(self.nxt, self.una + 2)):
                    self.send(t_ns, s)
                if not self.events:
                    continue
            t_ns, _, what, value = heapq.heappop(self.events)
            if what == "data":
                self.on_data(t_ns, value)
            else:
                self.on_ack(t_ns, *value)
        end, t_ns = 1 + self.segments * MSS, max(t_ns, self.sent_ns)
        self.emit(t_ns + 10_000, 1, end, 1, 17, 0, [])
        self.emit(t_ns + rtt, 0, 1, end + 1, 17, 0, [])
        self.emit(t_ns + rtt + 10_000, 1, end + 1, 2, 16, 0, [])
        rows = np.zeros(len(self.packets), PACKET)
        for row, packet in zip(rows, sorted(self.packets, key=lambda p: p[0]), strict=True):
            *values, edges = packet
            for (name, _), value in zip(_FIELDS, values, strict=True):
                row[name] = value
            row["edges"][: len(edges)] = edges
        return rows


def simulate(seed: int, segments: int, loss: float) -> Any:
    """The packets of one flow, in order of time, offsets from 0."""
    rng = random.Random(seed)
    return _Flow(rng, segments, loss, rng.choice((2_000_000, 20_000_000, 80_000_000))).run()


def _be(values: Any, size: int) -> Any:
    return values.astype(f">u{size}").view(np.uint8).reshape(-1, size)


def _frames(rows: Any, flow: Any, lengths: Any) -> Any:
    """Record header and frame of every packet, padded to the longest: uint8[n, 112]."""
    n = rows.size
    out = np.zeros((n, _LONGEST), np.uint8)
    client = rows["from_client"] == 1
    syn, blocks = (rows["flags"] & 2) > 0, rows["blocks"]
    options = np.where(syn, 20, np.where(blocks > 0, 12 + 4 + 8 * blocks, 12))
    ip_bytes = 40 + options + rows["payload"]
    out[:, 0:4] = (rows["t_ns"] // 10**9).astype("<u4").view(np.uint8).reshape(-1, 4)
    out[:, 4:8] = (rows["t_ns"] % 10**9).astype("<u4").view(np.uint8).reshape(-1, 4)
    out[:, 8:12] = (lengths - _RECORD).astype("<u4").view(np.uint8).reshape(-1, 4)
    out[:, 12:16] = (ip_bytes + 14).astype("<u4").view(np.uint8).reshape(-1, 4)
    ip, tcp = out[:, 30:50], out[:, 50:]
    out[:, 28:30] = (8, 0)
    ip[:, 0], ip[:, 6], ip[:, 8], ip[:, 9] = 0x45, 0x40, 64, 6
    ip[:, 2:4] = _be(ip_bytes, 2)
    ip[:, 4:6] = _be((rows["ip_id"] + flow * 977) & 0xFFFF, 2)
    one, two = 0x0A000000 + 1 + flow // 20000, 0x0A010000 + 1 + flow % 250
    one_port, two_port = 33000 + flow % 20000, np.full(n, 5001)
    isn = np.where(client, flow * 7919 + 12345, flow * 104729 + 999) & 0xFFFFFFFF
    other = np.where(client, flow * 104729 + 999, flow * 7919 + 12345) & 0xFFFFFFFF
    ip[:, 12:16], ip[:, 16:20] = _be(np.where(client, one, two), 4), _be(np.where(client, two, one), 4)
    tcp[:, 0:2], tcp[:, 2:4] = (
        _be(np.where(client, one_port, two_port), 2),
        _be(np.where(client, two_port, one_port), 2),
    )
    tcp[:, 4:8] = _be((isn + rows["seq"]) & 0xFFFFFFFF, 4)
    tcp[:, 8:12] = _be(np.where(rows["flags"] & 16, other + rows["ack"], 0) & 0xFFFFFFFF, 4)
    tcp[:, 12], tcp[:, 13] = (20 + options) // 4 << 4, rows["flags"]
    tcp[:, 14:16] = _be(rows["window"], 2)
    plain = ~syn
    tcp[syn, 20:40] = np.frombuffer(bytes.fromhex("020405b40402080a00000000000000000103030a"), np.uint8)[:20]
    tcp[plain, 20:24] = (1, 1, 8, 10)
    for column, name in ((0, "ts_val"), (4, "ts_ecr")):
        for where, first in ((syn, 28), (plain, 24)):
            tcp[where, first + column : first + column + 4] = _be(rows[name][where], 4)
    some = blocks > 0
    tcp[some, 32:34] = (1, 1)
    tcp[some, 34], tcp[some, 35] = 5, 2 + 8 * blocks[some]
    for i in range(6):
        there = blocks * 2 > i
        tcp[there, 36 + 4 * i : 40 + 4 * i] = _be((other[there] + rows["edges"][there, i]) & 0xFFFFFFFF, 4)
    return out


def write_capture(path: Path, packets: int, *, loss: float = 0.005, seed: int = 1) -> int:
    """Write a nanosecond pcap of about ``packets`` packets of overlapping flows; returns how many it holds."""
    rng = random.Random(seed)
    sizes = [rng.choice((20, 200, 1000, 4000)) for _ in range(24)]
    templates = [simulate(seed * 1000 + i, size, loss) for i, size in enumerate(sizes)]
    rows, flows, total, number = [], [], 0, 0
    while total < packets:
        chosen = templates[number % len(templates)].copy()
        chosen["t_ns"] += 1_000_000_000 + rng.randrange(max(packets * 2_000, 1))
        rows.append(chosen)
        flows.append(np.full(chosen.size, number, np.int64))
        total, number = total + chosen.size, number + 1
    table, flow = np.concatenate(rows), np.concatenate(flows)
    order = np.argsort(table["t_ns"], kind="stable")
    with path.open("wb") as file:
        file.write(struct.pack("<IHHiIII", 0xA1B23C4D, 2, 4, 0, 0, SNAP, 1))
        for start in range(0, total, 200_000):
            part = order[start : start + 200_000]
            chunk = table[part]
            options = np.where(chunk["flags"] & 2, 20, np.where(chunk["blocks"] > 0, 16 + 8 * chunk["blocks"], 12))
            lengths = np.minimum(14 + 40 + options + chunk["payload"], SNAP) + _RECORD
            frames = _frames(chunk, flow[part], lengths)
            file.write(frames[np.arange(_LONGEST) < lengths[:, None]].tobytes())
    return total
