"""Millions of packets of real Linux TCP: runs recorded once, replicated with other addresses, numbers and times.

The runs are those of tests/accuracy: bulk transfers, requests, small writes over paths with loss, reordering,
duplication and delay spikes, of Linux in virtual time, captured at the senders. So retransmissions, SACKs and timers
are a kernel's.
"""

from __future__ import annotations

import struct
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from tests.accuracy.frames import records
from tests.accuracy.lab import discard, run_batch

KERNEL = "uml:7.2?time=virtual"
SEEDS = range(770_000, 770_060)
_AT_ONCE = 20
SNAP = 128
_HEADER = 16
_EDGES = 8
_ACK = 16
_SACK = 5
_WRITE_ROWS = 200_000


@dataclass(frozen=True)
class Recorded:
    """Packets of runs one behind the other: pcap records padded to one length, and where their numbers stand.

    ``fields`` are columns of 32-bit sequence numbers in each record, 0 where there is none; ``first`` is the first row
    of each run and the end.
    """

    data: Any
    lengths: Any
    t_ns: Any
    fields: Any
    first: Any


def _edge_places(options: bytes, at: int) -> Iterator[int]:
    """Where the edges of SACK blocks stand in a record, whose options begin at ``at``."""
    place = 0
    while place + 1 < len(options) and options[place]:
        if options[place] == 1:
            place += 1
            continue
        size = max(options[place + 1], 2)
        if options[place] == _SACK:
            yield from range(at + place + 2, at + min(place + size, len(options) - 3), 4)
        place += size


def _places(frame: bytes) -> list[int] | None:
    """Where sequence number, acknowledgement and SACK edges stand in the record of ``frame``; None: it is no TCP."""
    version = frame[14] >> 4
    if frame[12:14] not in {b"\x08\x00", b"\x86\xdd"} or (frame[23] if version == 4 else frame[20]) != 6:
        return None
    tcp = 14 + 4 * (frame[14] & 15) if version == 4 else 54
    found = [_HEADER + tcp + 4]
    if frame[tcp + 13] & _ACK:
        found.append(_HEADER + tcp + 8)
    options = frame[tcp + 20 : tcp + 4 * (frame[tcp + 12] >> 4)]
    found += list(_edge_places(options, _HEADER + tcp + 20))[:_EDGES]
    return [place for place in found if place + 4 <= _HEADER + SNAP]


def _record(directory: Path) -> Recorded:
    """Run the seeds and put their senders' captures together."""
    data, lengths, times, fields, first = [], [], [], [], [0]
    for start in range(SEEDS.start, SEEDS.stop, _AT_ONCE):
        batch = run_batch(KERNEL, range(start, start + _AT_ONCE), directory)
        for pair in batch.pairs:
            for t_ns, wire, frame in records(batch.recording.captures / f"{pair.hosts[0]}-eth0.pcapng"):
                places = _places(frame)
                if places is None:
                    continue
                kept = frame[:SNAP]
                header = struct.pack("<4I", 0, 0, len(kept), wire)
                data.append((header + kept).ljust(_HEADER + SNAP, b"\0"))
                lengths.append(_HEADER + len(kept))
                times.append(t_ns)
                fields.append(places + [0] * (2 + _EDGES - len(places)))
            first.append(len(times))
        discard(batch)
    rows = np.frombuffer(b"".join(data), np.uint8).reshape(-1, _HEADER + SNAP)
    return Recorded(rows, np.array(lengths), np.array(times), np.array(fields), np.array(first))


def recorded() -> Recorded:
    """The runs' packets, recorded at the first use and kept in the system's temporary directory."""
    path = Path(tempfile.gettempdir()) / f"netemu-bench-runs-{SEEDS.start}-{SNAP}.npz"
    if not path.exists():
        with tempfile.TemporaryDirectory(prefix="netemu-bench-") as name:
            made = _record(Path(name))
        part = path.with_suffix(".part.npz")
        np.savez(part, **{column: getattr(made, column) for column in Recorded.__dataclass_fields__})
        part.replace(path)
    with np.load(path) as kept:
        return Recorded(*(kept[column] for column in Recorded.__dataclass_fields__))


def _shift(out: Any, fields: Any, replica: Any) -> None:
    """Give the records of each replica addresses and sequence numbers of their own."""
    v6 = out[:, _HEADER + 14] >> 4 == 6
    for source, target, chosen in ((26, 30, ~v6), (22, 38, v6)):
        for place in (source, target):
            out[chosen, _HEADER + place + 1] ^= (replica[chosen] >> 8).astype(np.uint8)
            out[chosen, _HEADER + place + 2] ^= (replica[chosen] & 0xFF).astype(np.uint8)
    added = replica * 2_654_435_761 & 0xFFFFFFFF
    rows = np.arange(len(out))
    for places in fields.T:
        some = rows[places > 0]
        cells = some[:, None], places[some][:, None] + np.arange(4)
        number = np.ascontiguousarray(out[cells]).view(">u4")[:, 0].astype(np.int64)
        moved = (number + added[some]) & 0xFFFFFFFF
        out[cells] = moved.astype(">u4").view(np.uint8).reshape(-1, 4)


def write_capture(path: Path, packets: int, *, seed: int = 1) -> int:
    """Write a nanosecond pcap of about ``packets`` packets: replicas of the runs that overlap; returns how many."""
    runs, rng = recorded(), np.random.default_rng(seed)
    sizes = np.diff(runs.first)
    count, number = 0, 0
    rows, replicas, times = [], [], []
    while count < packets:
        run = number % sizes.size
        chosen = np.arange(runs.first[run], runs.first[run + 1])
        rows.append(chosen)
        replicas.append(np.full(chosen.size, 1 + number // sizes.size))
        times.append(runs.t_ns[chosen] + 10**9 + int(rng.integers(0, packets * 2_000 + 1)))
        count, number = count + chosen.size, number + 1
    row, replica, t_ns = np.concatenate(rows), np.concatenate(replicas), np.concatenate(times)
    order = np.argsort(t_ns, kind="stable")
    with path.open("wb") as file:
        file.write(struct.pack("<IHHiIII", 0xA1B23C4D, 2, 4, 0, 0, SNAP, 1))
        for start in range(0, count, _WRITE_ROWS):
            part = order[start : start + _WRITE_ROWS]
            out = runs.data[row[part]]
            out[:, 0:4] = (t_ns[part] // 10**9).astype("<u4").view(np.uint8).reshape(-1, 4)
            out[:, 4:8] = (t_ns[part] % 10**9).astype("<u4").view(np.uint8).reshape(-1, 4)
            _shift(out, runs.fields[row[part]], replica[part])
            file.write(out[np.arange(out.shape[1]) < runs.lengths[row[part]][:, None]].tobytes())
    return count
