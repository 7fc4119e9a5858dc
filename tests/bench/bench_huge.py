"""Captures of tens of gigabytes and of millions of connections in bounded memory.

``python -m tests.bench.bench_huge [--gigabytes 50] [--payload BYTES] [--connections 10000000]``: a sparse pcap of one
bulk transfer with large super-segments is written (its payload is holes: it takes a hundredth of its size on disk), and
one of a SYN flood, each SYN from another end and none answered. ``netemu analyze`` reads each in a process of its own
and prints its summary; the peak of that process's memory is printed as asked, measured, target. 0 leaves one out.
"""

from __future__ import annotations

import argparse
import json
import os
import struct
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import BinaryIO

import numpy as np

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


_SYN = np.dtype(
    {
        "names": ["s", "ns", "captured", "wire", "ip", "source", "target", "port", "server", "seq", "ack", "tcp"],
        "formats": ["<u4", "<u4", "<u4", "<u4", "12u1", ">u4", ">u4", ">u2", ">u2", ">u4", ">u4", "8u1"],
    }
)
_AT_ONCE = 1 << 18
_PER_SECOND = 1_000_000


def write_flood(path: Path, connections: int) -> None:
    """Write a capture of so many SYNs, each of another source."""
    ip = np.frombuffer(struct.pack("!BBHHHBBH", 0x45, 0, 40, 0, 0x4000, 64, 6, 0), np.uint8)
    tcp = np.frombuffer(struct.pack("!BBHHH", 5 << 4, 2, 65535, 0, 0), np.uint8)
    with path.open("wb") as file:
        file.write(struct.pack("<IHHiIII", 0xA1B23C4D, 2, 4, 0, 0, 1 << 16, 101))
        for first in range(0, connections, _AT_ONCE):
            number = np.arange(first, min(first + _AT_ONCE, connections))
            rows = np.zeros(number.size, _SYN)
            rows["s"], rows["ns"] = number // _PER_SECOND, number % _PER_SECOND * 1000
            rows["captured"] = rows["wire"] = 40
            rows["ip"], rows["tcp"] = ip, tcp
            rows["source"], rows["target"] = 0x0A000000 + number, 0xC0A80001
            rows["port"], rows["server"], rows["seq"] = 1024 + number % 60_000, 80, number * 2_654_435_761 & 0xFFFFFFFF
            file.write(rows.tobytes())


def _measured(capture: Path, *options: str) -> tuple[str, float, int]:
    """What ``netemu analyze`` prints of ``capture``, how long it took, and the peak of its memory in bytes."""
    words = [sys.executable, "-m", "netemu", "analyze", str(capture), *options]
    started = time.perf_counter()
    with subprocess.Popen(words, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        text = process.stdout.read()
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise subprocess.CalledProcessError(process.returncode, words)
    return text, time.perf_counter() - started, usage.ru_maxrss * 1024


def _long(directory: Path, gigabytes: float, payload: int) -> bool:
    capture = directory / "huge.pcap"
    packets = write_sparse(capture, int(gigabytes * 1e9), payload)
    disk = capture.stat().st_blocks * 512
    print(f"asked: {gigabytes:g} GB; made: {capture.stat().st_size / 1e9:.1f} GB ({disk / 1e6:.0f} MB on disk)")
    text, took, peak = _measured(capture, "--json")
    capture.unlink()
    found = json.loads(text)
    side = found["connections"][0]["a_to_b"]
    right = found["packets"] == packets and side["unique_payload_bytes"] == (packets - 2) // 2 * payload
    line("packets and payload bytes found", f"{found['packets']:,}", "all, partial: no", right and not found["partial"])
    line("rate", f"{gigabytes / took:.2f} GB/s", "reported apart", True)
    return line("peak memory", f"{peak / 1e6:.0f} MB", "< 1000 MB", peak < _LIMIT_BYTES) and right


def _flood(directory: Path, connections: int) -> bool:
    capture = directory / "flood.pcap"
    write_flood(capture, connections)
    print(f"\nasked: {connections:,} SYNs, none answered; made: {capture.stat().st_size / 1e6:.0f} MB")
    text, took, peak = _measured(capture)
    capture.unlink()
    wanted = f"{connections:,} packets, {connections:,} TCP connections"
    right = line("connections in the summary", f"{connections:,}", "each of them", text.startswith(wanted))
    line("rate", f"{connections / took / 1e3:.0f} k/s", "reported apart", True)
    return line("peak memory", f"{peak / 1e6:.0f} MB", "< 1000 MB", peak < _LIMIT_BYTES) and right


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--gigabytes", type=float, default=50.0)
    parser.add_argument("--payload", type=int, default=200_000, metavar="BYTES")
    parser.add_argument("--connections", type=int, default=10_000_000, metavar="N")
    args = parser.parse_args()
    warm()
    with tempfile.TemporaryDirectory(prefix="netemu-huge-") as name:
        good = not args.gigabytes or _long(Path(name), args.gigabytes, args.payload)
        good &= not args.connections or _flood(Path(name), args.connections)
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main())
