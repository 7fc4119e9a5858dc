"""``python -m netemu.trace.warm``: compile the analysis now, so that the first capture does not wait for it.

It is compiled in processes of its own. While Numba is at work a signal waits for the end of a function, half a minute,
and is lost when it comes within a call of LLVM's; a process that only waits for others takes it at once.
"""

from __future__ import annotations

import os
import struct
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

from netemu.errors import MissingCapability
from netemu.trace.compiled import cache_directory, compile_ahead, is_compiled, mark_compiled
from netemu.trace.export import write_analysis
from netemu.trace.observe.together_loop import observe

_RAW_IP = 101
_TCP, _UDP, _ICMP = 6, 17, 1
_SYN, _ACK = 2, 16
_MORE_FRAGMENTS = 0x2000
_ALL, _OBSERVERS = "all", "observers"
"""What one process compiles."""


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
    compile_ahead()
    mark_compiled()


def warm_apart() -> None:
    """:func:`warm` in two processes, which end with this one's wait; at once when the machine code is there.

    Numba compiles one function at a time in a process: what reads packets after the pass has one of its own, while
    the pass, the larger half, is compiled. Raises :class:`MissingCapability` when one of them fails.
    """
    if is_compiled():
        return
    path = os.pathsep.join(filter(None, (str(Path(__file__).parents[2]), os.environ.get("PYTHONPATH"))))
    words = [sys.executable, "-m", "netemu.trace.warm"]
    # What they write for a while lies in a directory of this process, which outlives them.
    with tempfile.TemporaryDirectory(prefix="netemu-warm-") as scratch:
        environment = {**os.environ, "PYTHONPATH": path, "TMPDIR": scratch}
        # Of their own process group: Ctrl-C is for the process that waits, and that ends them.
        running = [
            subprocess.Popen([*words, part], stdin=subprocess.DEVNULL, env=environment, process_group=0)
            for part in (_ALL, _OBSERVERS)
        ]
        try:
            codes = [process.wait() for process in running]
        finally:
            for process in running:
                process.kill()
                process.wait()
    if any(codes):
        raise MissingCapability(f"the analysis could not be compiled (exit codes {codes}); what went wrong is above")


def main(words: Sequence[str]) -> int:
    """Compile and say where the machine code lies; with the name of a part, that part and nothing said."""
    if _OBSERVERS in words:
        compile_ahead(observe)
    elif _ALL in words:
        warm()
    else:
        started = time.perf_counter()
        warm_apart()
        sys.stdout.write(f"analysis compiled in {time.perf_counter() - started:.1f} s: {cache_directory()}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
