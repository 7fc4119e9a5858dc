"""``python -m netemu.trace.warm``: compile the analysis now, so that the first capture does not wait for it."""

from __future__ import annotations

import multiprocessing
import struct
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from netemu.errors import NetemuError
from netemu.trace.compiled import cache_directory, compile_ahead
from netemu.trace.export import write_analysis
from netemu.trace.observe.together_loop import observe

_RAW_IP = 101
_TCP, _UDP, _ICMP = 6, 17, 1
_SYN, _ACK = 2, 16
_MORE_FRAGMENTS = 0x2000


def _ip(protocol: int, body: bytes, *, back: bool = False, fragment: int = 0) -> bytes:
    """An IPv4 packet between 10.0.0.1 and 10.0.0.2."""
    ends = b"\x0a\0\0\x02\x0a\0\0\x01" if back else b"\x0a\0\0\x01\x0a\0\0\x02"
    return struct.pack("!BBHHHBBH", 0x45, 0, 20 + len(body), 7, fragment, 64, protocol, 0) + ends + body


def _tcp(seq: int, ack: int, flags: int, payload: int = 0, *, back: bool = False) -> bytes:
    ports = (80, 40000) if back else (40000, 80)
    return _ip(_TCP, struct.pack("!HHIIBBHHH", *ports, seq, ack, 0x50, flags, 1000, 0, 0) + bytes(payload), back=back)


def _packets() -> Iterator[bytes]:
    """One of each thing that compiled code is made for when it is first seen; equal ones, which a join compares."""
    yield _tcp(0, 0, _SYN)
    yield _tcp(0, 1, _SYN | _ACK, back=True)
    yield from [_tcp(1, 1, _ACK, 100)] * 2
    yield _tcp(1, 101, _ACK, back=True)
    yield _ip(_UDP, struct.pack("!HHHH", 4000, 4001, 8 + 24, 0) + bytes(16), fragment=_MORE_FRAGMENTS)
    yield _ip(_UDP, bytes(8), fragment=3)
    yield _ip(_ICMP, struct.pack("!BBHHH", 8, 0, 0, 1, 1))


def _write_capture(path: Path, first_us: int) -> Path:
    records = [
        struct.pack("<IIII", 0, first_us + 100 * number, len(packet), len(packet)) + packet
        for number, packet in enumerate(_packets())
    ]
    path.write_bytes(struct.pack("<IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, 65535, _RAW_IP) + b"".join(records))
    return path


def warm() -> None:
    """Have the machine code of pass, observers, tables and joins in its cache; takes no time when it is there."""
    with tempfile.TemporaryDirectory(prefix="netemu-warm-") as name:
        there, here = Path(name) / "there.pcap", Path(name) / "here.pcap"
        write_analysis([_write_capture(there, 0), _write_capture(here, 50)], Path(name) / "out")


def _warm_observers() -> None:
    """Compile what reads packets after the pass, from its types alone."""
    compile_ahead(observe, 2)


def warm_on_two_cores() -> None:
    """:func:`warm`, with the observers in a process of their own while the pass, the larger half, is compiled here.

    Numba compiles one function at a time in a process. Raises :class:`NetemuError` when that process fails.
    """
    observers = multiprocessing.get_context("spawn").Process(target=_warm_observers)
    observers.start()
    try:
        warm()
    finally:
        observers.join()
    if observers.exitcode:
        raise NetemuError(f"compiling the observers failed (exit code {observers.exitcode}), see above")


def main() -> int:
    """Compile and say where the machine code lies."""
    started = time.perf_counter()
    warm_on_two_cores()
    sys.stdout.write(f"analysis compiled in {time.perf_counter() - started:.1f} s: {cache_directory()}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
