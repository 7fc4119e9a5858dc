"""The sender's state as packets tell it beside what its kernel said, over flows that are held by different things.

``python -m tests.bench.bench_sender [--kernel NAME ...] [--run DIRECTORY]``. The flows are those of
:mod:`tests.bench.sender_flows`; a kernel in virtual time says the same each time. With ``--run`` a run that there is
already is judged, of any experiment; a run's kernel samples (table `sockets`) and, where it traced, its tcp_probe
events are what estimates are held against.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from pathlib import Path

import polars as pl

from netemu.recording.layout import Recording
from netemu.session import run_experiment
from netemu.trace.observe.sender_kernel import agreement, beside_kernel
from tests.bench.sender_flows import PORTS, experiment

FLOW = ("capture", "connection", "server")
KERNEL = "uml:7.2?time=virtual"
ERRORS = ("cwnd", "ssthresh", "srtt", "rto")
SHARES = ("ca_state_equal", "busy_agrees", "rwnd_agrees", "sndbuf_agrees")
ACCOUNTS = ("busy", "cwnd", "rwnd", "sndbuf", "nagle", "application", "pacing")


def beside(root: Path) -> pl.DataFrame:
    """The rows of ``sender`` of one run with its kernel's values, and the server's ``ip:port`` of each."""
    tables = Recording(root).tables
    read = {name: pl.read_parquet(tables / f"{name}.parquet") for name in ("sender", "connections", "sockets")}
    trace = tables / "trace.parquet"
    rows = beside_kernel(
        read["sender"], read["connections"], read["sockets"], pl.read_parquet(trace) if trace.is_file() else None
    )
    return rows.join(read["connections"].select("capture", "connection", "server"), on=["capture", "connection"])


def _named(server: str) -> str:
    port = int(server.rpartition(":")[2])
    return next((flow for flow, own in PORTS.items() if own == port), server)


def _milliseconds(value: int | None) -> str:
    return "-" if value is None else f"{value / 1e6:.0f}"


def show(root: Path, *, named: bool) -> None:
    """Print how close the estimates of a run are, flow by flow."""
    rows = beside(root)
    servers = {(capture, number): server for capture, number, server in rows.select(FLOW).unique().iter_rows()}
    print("median relative error (90th percentile) of rows; share of time that agrees with the kernel")
    print(f"{'flow':>12} " + " ".join(f"{name:>20}" for name in ERRORS) + " " + " ".join(f"{n:>15}" for n in SHARES))
    for row in agreement(rows).to_dicts():
        flow = servers[row["capture"], row["connection"]]
        cells = [
            "-"
            if row[f"{name}_error"] is None
            else f"{row[f'{name}_error']:.3f} ({row[f'{name}_error_90']:.3f}) {row[f'{name}_rows']:4d}"
            for name in ERRORS
        ]
        shares = ["-" if row[name] is None else f"{row[name]:.3f}" for name in SHARES]
        print(
            f"{_named(flow) if named else flow:>12} "
            + " ".join(f"{c:>20}" for c in cells)
            + " "
            + " ".join(f"{share:>15}" for share in shares)
        )
    print("time by account at the flow's end, ms; kernel's in brackets")
    print(f"{'flow':>12} " + " ".join(f"{name:>13}" for name in ACCOUNTS))
    for row in rows.group_by("capture", "connection", "direction", maintain_order=True).last().to_dicts():
        cells = []
        for name in ACCOUNTS:
            column = "busy_ns" if name == "busy" else f"{name}_limited_ns"
            kernel = f" ({_milliseconds(row[f'kernel_{column}'])})" if f"kernel_{column}" in row else ""
            cells.append(_milliseconds(row[column]) + kernel)
        flow = _named(row["server"]) if named else row["server"]
        print(f"{flow:>12} " + " ".join(f"{cell:>13}" for cell in cells))


def main() -> int:
    """Run on each kernel, print; exit code 1 when a run is void."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--kernel", action="append", help=f"kernel to run on (default: {KERNEL})")
    parser.add_argument("--run", type=Path, help="judge this run instead")
    args = parser.parse_args()
    if args.run:
        show(args.run, named=False)
        return 0
    with tempfile.TemporaryDirectory(prefix="netemu-bench-") as directory:
        for kernel in args.kernel or [KERNEL]:
            summary = run_experiment(experiment, kernel=kernel, results=Path(directory))
            print(f"{kernel}: {summary.validity}")
            if summary.validity == "void":
                print(summary.reasons[0])
                return 1
            show(Path(summary.run), named=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
