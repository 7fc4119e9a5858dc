"""``python -m netemu.trace.warm``: compile the analysis now, so that the first capture does not wait for it."""

from __future__ import annotations

import struct
import sys
import tempfile
import time
from pathlib import Path

from netemu.trace.analysis import analyze
from netemu.trace.compiled import cache_directory

_RAW_IP = 101
_PACKET = struct.pack("!BBHHHBBH8xHHIIBBHHH", 0x45, 0, 40, 0, 0, 64, 6, 0, 40000, 80, 1, 0, 0x50, 2, 1000, 0, 0)
"""A SYN: observers are compiled when the first packet comes."""


def warm() -> None:
    """Have the machine code of the compiled pass in its cache; takes no time when it is there."""
    with tempfile.TemporaryDirectory(prefix="netemu-warm-") as name:
        path = Path(name) / "one.pcap"
        header = struct.pack("<IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, 65535, _RAW_IP)
        path.write_bytes(header + struct.pack("<IIII", 0, 0, len(_PACKET), len(_PACKET)) + _PACKET)
        analyze([path])


def main() -> int:
    """Compile and say where the machine code lies."""
    started = time.perf_counter()
    warm()
    sys.stdout.write(f"analysis compiled in {time.perf_counter() - started:.1f} s: {cache_directory()}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
