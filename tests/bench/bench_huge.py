"""A capture of tens of gigabytes in bounded memory.

``python -m tests.bench.bench_huge [--gigabytes 50] [--payload BYTES]``: a sparse pcap of one bulk transfer with large
super-segments is written (its payload is holes: it takes a hundredth of its size on disk), ``netemu analyze`` reads it
in a process of its own, and the peak of that process's memory is printed as asked, measured, target.
"""

from __future__ import annotations

import argparse
import json
import resource
import struct
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import BinaryIO

from netemu.trace.warm import warm
from tests.bench.bench_analysis import line

_LIMIT_BYTES = 1_000_000_000


def _packet(from_client: bool, seq: int, ack: int, payload: int, flags: int) -> bytes:
    ports = (40000, 80) if from_client else (80, 40000)
    ends = (b"\x0a\0\0\1", b"\x0a\0\0\2") if from_client else (b"\x0a\0\0\2", b"\x0a\0\0\1")
    tcp = struct.pack("!HHIIBBHHH", *ports, seq & 0xFFFFFFFF, ack & 0xFFFFFFFF, 5 << 4, flags, 65535, 0, 0)
    total = 40 + payload if payload < 65_000 else 0  # BIG TCP: the header cannot say it
    ip = struct.pack("!BBHHHBBH", 0x45, 0, total, 0, 0x4000, 64, 6, 0) + b"".join(ends)
    return ip + tcp


def _record(file: BinaryIO, t_ns: int, packet: bytes, payload: int) -> None:
    size = len(packet) + payload
    file.write(struct.pack("<IIII", t_ns // 10**9, t_ns % 10**9, size, size) + packet)
    file.seek(payload, 1)


def write_sparse(path: Path, size: int, payload: int) -> int:
    """Write a capture of about ``size`` bytes; returns how many packets it holds."""
    packets, seq = 2, 1
    with path.open("wb") as file:
        file.write(struct.pack("<IHHiIII", 0xA1B23C4D, 2, 4, 0, 0, 1 << 20, 101))
        _record(file, 0, _packet(True, 0, 0, 0, 2), 0)
        _record(file, 1_000_000, _packet(False, 0, 1, 0, 18), 0)
        while file.tell() < size:
            t_ns = packets * 1_000_000
            _record(file, t_ns, _packet(True, seq, 1, payload, 16), payload)
            seq += payload
            _record(file, t_ns + 500_000, _packet(False, 1, seq, 0, 16), 0)
            packets += 2
    return packets


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--gigabytes", type=float, default=50.0)
    parser.add_argument("--payload", type=int, default=200_000, metavar="BYTES")
    args = parser.parse_args()
    warm()
    with tempfile.TemporaryDirectory(prefix="netemu-huge-") as name:
        capture = Path(name) / "huge.pcap"
        packets = write_sparse(capture, int(args.gigabytes * 1e9), args.payload)
        disk = capture.stat().st_blocks * 512
        print(
            f"asked: {args.gigabytes:g} GB; made: {capture.stat().st_size / 1e9:.1f} GB ({disk / 1e6:.0f} MB on disk)"
        )
        started = time.perf_counter()
        words = [sys.executable, "-m", "netemu", "analyze", str(capture), "--json"]
        done = subprocess.run(words, check=True, capture_output=True, text=True)
        took = time.perf_counter() - started
    found = json.loads(done.stdout)
    side = found["connections"][0]["a_to_b"]
    right = found["packets"] == packets and side["unique_payload_bytes"] == (packets - 2) // 2 * args.payload
    peak = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss * 1024
    line("packets and payload bytes found", f"{found['packets']:,}", "all, partial: no", right and not found["partial"])
    line("rate", f"{args.gigabytes / took:.2f} GB/s", "reported apart", True)
    good = line("peak memory", f"{peak / 1e6:.0f} MB", "< 1000 MB", peak < _LIMIT_BYTES)
    return 0 if good and right else 1


if __name__ == "__main__":
    sys.exit(main())
