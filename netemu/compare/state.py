"""What the sender's socket looked like around a packet, from the run's samples and the kernel's tracepoints."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from netemu.recording.layout import Recording

if TYPE_CHECKING:
    import polars as pl

    from netemu.figures.tables import RunTables

STATE = (
    "state",
    "ca_state",
    "snd_cwnd_segments",
    "snd_ssthresh_segments",
    "srtt_ns",
    "rto_ns",
    "unacked_segments",
    "total_retrans",
    "snd_wnd_bytes",
)
"""Columns of `sockets` that are told."""

PROBE = ("snd_cwnd", "ssthresh", "srtt", "snd_wnd", "rcv_wnd", "data_len")
"""Fields of ``tcp:tcp_probe``, with the kernel's names and units: segments, microseconds, bytes."""


def state_around(run: RunTables, root: Path, sender: str, receiver: str, t_ns: int) -> list[dict[str, Any]]:
    """The last sample at or before ``t_ns`` of the socket ``sender`` > ``receiver`` and the next, and the last probe.

    Each has ``source`` (``"sample"`` or ``"tcp_probe"``), ``t_ns`` and its values; what the run does not have is
    missing. Sockets are known by ``ip:port``.
    """
    import polars as pl

    found: list[dict[str, Any]] = []
    ends = (pl.col("local") == sender) & (pl.col("remote") == receiver)
    if run.has("sockets"):
        samples = run.scan("sockets").filter(ends).sort("t_ns").select("t_ns", *STATE).collect()
        found += _around(samples, "sample", t_ns)
    trace = Recording(root).tables / "trace.parquet"
    if trace.is_file():
        events = pl.scan_parquet(trace)
        columns = events.collect_schema().names()
        if {"local", "remote", "snd_cwnd"} <= set(columns):
            here = events.filter(ends, pl.col("event") == "tcp_probe").sort("t_ns")
            probes = here.select("t_ns", *(name for name in PROBE if name in columns)).collect()
            found += _around(probes, "tcp_probe", t_ns)[:1]
    return sorted(found, key=lambda row: row["t_ns"])


def _around(rows: pl.DataFrame, source: str, t_ns: int) -> list[dict[str, Any]]:
    """The last row at or before ``t_ns``, if there is one, and the one after it."""
    after = int(rows["t_ns"].search_sorted(t_ns, side="right"))
    return [{"source": source, **row} for row in rows[max(after - 1, 0) : after + 1].to_dicts()]
