"""Speed and memory of the analysis, beside tshark's and tcptrace's on a smaller file.

``python -m tests.bench.bench_analysis [--packets N] [--compare N]``: a capture of realistic flows is made, analysed to
Parquet in a fresh process, and each figure is printed as asked, measured, target. Start-up and the first compilation
are apart.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from tests.bench.flows import write_capture

_CHILD = """
import json, sys, time
from pathlib import Path
begin = time.perf_counter()
from netemu.trace.analysis import analyze_to_parquet
warm = analyze_to_parquet([sys.argv[2]], Path(sys.argv[3]) / "warm.parquet")
started, cpu = time.perf_counter(), time.process_time()
analysis = analyze_to_parquet([sys.argv[1]], Path(sys.argv[3]) / "packets.parquet")
for name, frame in analysis.tables.items():
    frame.write_parquet(Path(sys.argv[3]) / f"{name}.parquet")
done = time.perf_counter()
peak = next(int(l.split()[1]) for l in open("/proc/self/status") if l.startswith("VmHWM")) * 1024
print(json.dumps({"start_up_s": started - begin, "run_s": done - started, "packets": analysis.packet_count,
                  "peak_bytes": peak, "cpu_s": time.process_time() - cpu}))
"""


def measure(capture: Path, tiny: Path, directory: Path, cache: Path | None = None) -> dict[str, Any]:
    """Analyse ``capture`` to Parquet in a fresh process; its machine code lies in ``cache``, or the usual place."""
    environment = None if cache is None else {"NETEMU_COMPILED": str(cache), "PATH": "/usr/bin:/bin"}
    words = [sys.executable, "-c", _CHILD, str(capture), str(tiny), str(directory)]
    done = subprocess.run(words, check=True, capture_output=True, text=True, env=environment)
    result: dict[str, Any] = json.loads(done.stdout)
    return result


def seconds(words: list[str]) -> float:
    """Wall time of a command whose output is thrown away."""
    started = time.perf_counter()
    subprocess.run(words, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    return time.perf_counter() - started


def line(name: str, measured: str, target: str, good: bool) -> bool:
    """Print one figure; returns whether it reaches its target."""
    print(f"{name:<52}{measured:>16}   target {target:<22}{'ok' if good else 'MISSED'}")
    return good


def whole(directory: Path, packets: int) -> bool:
    """The main figures on one large capture."""
    capture, tiny = directory / "large.pcap", directory / "tiny.pcap"
    count = write_capture(capture, packets)
    write_capture(tiny, 100)
    first = measure(tiny, tiny, directory, directory / "cold")
    result = measure(capture, tiny, directory)
    size = capture.stat().st_size
    print(f"asked: {packets:,} packets; made: {count:,} packets, {size / 1e6:.0f} MB")
    print(f"{'first compilation, start-up included':<52}{first['start_up_s']:>14.1f} s   (reported apart)")
    good = line("start-up with machine code kept", f"{result['start_up_s']:.2f} s", "reported apart", True)
    rate = result["packets"] / result["run_s"]
    good &= line("full analysis with Parquet", f"{rate / 1e6:.2f} M packets/s", ">= 1 M packets/s", rate >= 1e6)
    load = Path("/proc/loadavg").read_text().split()[0]
    per_cpu = result["packets"] / result["cpu_s"] / 1e6
    print(f"{'the same per second of processor time':<52}{per_cpu:>12.2f} M/s   load average {load}")
    memory, limit = result["peak_bytes"] / 1e6, size / 1e6 + 500
    good &= line("peak memory", f"{memory:.0f} MB", f"<= {limit:.0f} MB", memory <= limit)
    return good and result["packets"] == count


def beside(directory: Path, packets: int) -> None:
    """The same file through each tool, one after the other, processes started anew; wall time of the whole command."""
    capture = directory / "small.pcap"
    count = write_capture(capture, packets)
    commands = {
        "netemu analyze": [sys.executable, "-m", "netemu", "analyze", str(capture), "--json"],
        "tcptrace -ln": ["tcptrace", "-ln", str(capture)],
        "tshark -q -z conv,tcp": ["tshark", "-n", "-q", "-r", str(capture), "-z", "conv,tcp"],
    }
    print(f"\nside by side on {count:,} packets, whole command")
    for name, words in commands.items():
        took = seconds(words)
        print(f"{name:<52}{took:>14.2f} s   {count / took / 1e6:.2f} M packets/s")


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--packets", type=int, default=5_000_000)
    parser.add_argument("--compare", type=int, default=500_000, help="packets of the comparison; 0 leaves it out")
    args = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="netemu-bench-") as name:
        good = whole(Path(name), args.packets)
        if args.compare:
            beside(Path(name), args.compare)
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main())
