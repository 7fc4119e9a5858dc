"""Speed, start-up and memory of the analysis, beside tcptrace's and tshark's on the same files in one run.

``python -m tests.bench.bench_analysis [--packets N] [--compare N] [--simulated]``: flows of real Linux runs
(tests/bench/real_flows.py) are replicated to N packets and analysed to Parquet, verdicts and every table, in a fresh
process; `tcptrace -l` reads the same file. tshark's TCP analysis is timed on a file of --compare packets, netemu again
beside it. Start-up (imports, machine code from its cache) and the first compilation are apart, as is writing CSV.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from tests.bench import flows, real_flows

RATE, STARTUP_S, HELP_S, PEAK_BYTES, TIMES_TSHARK = 2e6, 1.0, 0.2, 1_000_000_000, 40
_HELP_RUNS = 5
_FIELDS = (
    "tcp.stream", "tcp.len", "tcp.analysis.retransmission", "tcp.analysis.fast_retransmission", "tcp.analysis.ack_rtt",
    "tcp.analysis.spurious_retransmission", "tcp.analysis.out_of_order", "tcp.analysis.bytes_in_flight",
)  # fmt: skip

_CHILD = """
import json, sys, time
from pathlib import Path
begin = time.perf_counter()
from netemu.trace.analysis import analyze_to_tables
warm = analyze_to_tables([sys.argv[2]], Path(sys.argv[3]))
started, cpu = time.perf_counter(), time.process_time()
analysis = analyze_to_tables([sys.argv[1]], Path(sys.argv[3]))
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


def told(name: str, measured: str) -> None:
    """Print a figure without a target."""
    print(f"{name:<52}{measured:>16}   (reported)")


def starting(directory: Path, tiny: Path) -> bool:
    """What passes before the first packet."""
    first = measure(tiny, tiny, directory, directory / "cold")
    told("first compilation, start-up included", f"{first['start_up_s']:.1f} s")
    words = [sys.executable, "-m", "netemu", "analyze", "--help"]
    shortest = min(seconds(words) for _ in range(_HELP_RUNS))
    return line("netemu analyze --help", f"{shortest * 1e3:.0f} ms", f"< {HELP_S * 1e3:.0f} ms", shortest < HELP_S)


def whole(directory: Path, packets: int, write: Callable[[Path, int], int], tiny: Path) -> bool:
    """The main figures on one large capture, tcptrace on the same file."""
    capture = directory / "large.pcap"
    count = write(capture, packets)
    print(f"\nasked: {packets:,} packets; made: {count:,} packets, {capture.stat().st_size / 1e6:.0f} MB")
    result = measure(capture, tiny, directory)
    took = result["run_s"]
    rate = result["packets"] / took
    start = result["start_up_s"]
    good = line("start-up with machine code kept", f"{start:.2f} s", f"<= {STARTUP_S:.0f} s", start <= STARTUP_S)
    good &= line(
        "full analysis with Parquet", f"{rate / 1e6:.2f} M/s", f">= {RATE / 1e6:.0f} M packets/s", rate >= RATE
    )
    load = Path("/proc/loadavg").read_text().split()[0]
    told("the same per second of processor time", f"{result['packets'] / result['cpu_s'] / 1e6:.2f} M/s")
    told("load average", load)
    peak = result["peak_bytes"]
    good &= line("peak memory", f"{peak / 1e6:.0f} MB", f"< {PEAK_BYTES / 1e6:.0f} MB", peak < PEAK_BYTES)
    other = seconds(["tcptrace", "-ln", str(capture)])
    told("tcptrace -ln", f"{count / other / 1e6:.2f} M/s")
    good &= line("netemu / tcptrace", f"{other / took:.2f}", ">= 1", other >= took)
    capture.unlink()
    return good and result["packets"] == count


def beside_tshark(directory: Path, packets: int, write: Callable[[Path, int], int], tiny: Path) -> bool:
    """tshark's TCP analysis and netemu's on one file, and what CSV costs beside Parquet."""
    capture = directory / "small.pcap"
    count = write(capture, packets)
    print(f"\non {count:,} packets")
    result = measure(capture, tiny, directory)
    told("netemu, full analysis with Parquet", f"{count / result['run_s'] / 1e6:.2f} M/s")
    wanted = [word for field in _FIELDS for word in ("-e", field)]
    took = seconds(["tshark", "-n", "-r", str(capture), "-T", "fields", *wanted])
    told("tshark -T fields -e tcp.analysis...", f"{count / took / 1e6:.3f} M/s")
    ratio = took / result["run_s"]
    good = line("netemu / tshark", f"{ratio:.0f}", f">= {TIMES_TSHARK}", ratio >= TIMES_TSHARK)
    words = [sys.executable, "-m", "netemu", "analyze", str(capture), "--out", str(directory / "out")]
    told("netemu analyze --out, Parquet and CSV, start-up included", f"{count / seconds(words) / 1e6:.2f} M/s")
    return good


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--packets", type=int, default=10_000_000)
    parser.add_argument("--compare", type=int, default=1_000_000, help="packets for tshark; 0 leaves it out")
    parser.add_argument("--simulated", action="store_true", help="simulated flows: needs no kernel to record from")
    args = parser.parse_args()
    write = flows.write_capture if args.simulated else real_flows.write_capture
    with tempfile.TemporaryDirectory(prefix="netemu-bench-") as name:
        tiny = Path(name) / "tiny.pcap"
        flows.write_capture(tiny, 100)
        good = starting(Path(name), tiny)
        # The usual place may hold no machine code of these sources yet: compiling it is no part of what follows.
        subprocess.run([sys.executable, "-m", "netemu.trace.warm"], check=True, stdout=subprocess.DEVNULL)
        good &= whole(Path(name), args.packets, write, tiny)
        if args.compare:
            good &= beside_tshark(Path(name), args.compare, write, tiny)
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main())
