"""Kinds of ACKs against the kernel's counters: each pair of hosts has one flow, so that a host counts that alone."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import networkx as nx
import polars as pl
import pytest

from netemu.experiment import Experiment, Flow, bulk, request_response, small_writes
from netemu.kernels import kernel_named
from netemu.kernels.store import Entry
from netemu.recording.layout import Recording
from netemu.trace import analyze
from tests.kernels.machines import virtual_kernels

PATIENT = {"setsockopt": [["IPPROTO_TCP", "TCP_QUICKACK", 0]]}
SLOW = {"rcvbuf_bytes": 32_768, "initial_pause_ns": 4_000_000_000}
FLOWS: dict[str, tuple[Callable[..., Flow], dict[str, object], dict[str, object]]] = {
    "bulk": (bulk, {"size": 1_000_000}, {"rate": "20Mbit/s", "queue": "40p"}),
    "writes": (small_writes, {"size": 100, "count": 30, "gap": "150ms", "receiver": PATIENT}, {}),
    "pairs": (small_writes, {"size": 1000, "count": 60, "gap": "30ms", "receiver": PATIENT}, {}),
    "ask": (request_response, {"count": 30, "request": 100, "response": 3000}, {}),
    "think": (request_response, {"count": 60, "sender": {"think_ns": 100_000_000}}, {}),
    "late": (request_response, {"count": 60, "receiver": {"delay_ns": 100_000_000}}, {}),
    "stall": (bulk, {"size": 400_000, "receiver": SLOW}, {}),
    "twice": (bulk, {"size": 600_000}, {"duplicate": 0.05}),
    "lossy": (bulk, {"size": 600_000}, {"loss": 0.03}),
}


COUNTED = {
    "delayed": ("DelayedACKs",),
    "reported": ("TCPDSACKOldSent", "TCPDSACKOfoSent"),
    "shut": ("TCPToZeroWindowAdv",),
    "asked": ("TCPWinProbe",),
    "asked_idle": ("TCPKeepAlive",),
    "challenged": ("TCPChallengeACK",),
}
"""What is compared with the sum of which counters of TcpExt."""


def run(kernel: str, root: Path) -> tuple[Recording, dict[str, tuple[str, str]]]:
    """All flows in one guest; returns the recording and each flow's hosts."""
    graph, hosts, flows = nx.Graph(), {}, []
    for number, (name, (make, arguments, edge)) in enumerate(FLOWS.items(), 1):
        a, b = hosts[name] = f"a{number}", f"b{number}"
        there = {key: {f"{a}->{b}": value} if key in ("loss", "duplicate") else value for key, value in edge.items()}
        graph.add_edge(a, b, delay="10ms", **there)
        flows.append(make(name, a, b, port=5000 + number, start="10ms", stop="14s", **arguments))
    experiment = Experiment("acks", question="Why did the receiver acknowledge?", duration="16s", drain="500ms")
    experiment.topology(lambda p: graph)
    experiment.traffic(lambda p: flows)
    root.mkdir()
    recording = Recording(root)
    kernel_named(kernel).execute(experiment.plan(seed=4), recording, lambda line: None)
    return recording, hosts


def seen(packets: pl.DataFrame, host: str) -> dict[str, int]:
    """What the capture at ``host`` shows of the host's own sending."""
    side = 0 if host[0] == "a" else 1
    own = packets.filter((pl.col("capture") == f"{host}-eth0") & (pl.col("direction") == side)).sort("t_ns")
    shut = own.filter(pl.col("flags") & 16 > 0).select(
        pl.col("zero_window") & ~pl.col("zero_window").shift(1).fill_null(False)
    )
    kinds = own["kind"].cast(pl.String).value_counts()
    probes = dict(kinds.iter_rows())
    return {
        "delayed": (own["ack_kind"] == "delayed").sum(),
        "reported": own["dsack"].sum(),
        "shut": shut["zero_window"].sum(),
        "asked": probes.get("window_probe", 0),
        "asked_idle": probes.get("keepalive", 0),
        "challenged": (own["ack_kind"] == "challenge").sum(),
    }


def counted(recording: Recording) -> dict[str, dict[str, int]]:
    """The same as each host's kernel counted it."""
    rows = pl.read_ndjson(recording.samples / "counters.jsonl")
    rows = rows.with_columns(grown=pl.col("after") - pl.col("before"))
    grown = {(row["host"], row["counter"]): row["grown"] for row in rows.iter_rows(named=True)}
    hosts = rows["host"].unique().to_list()
    return {
        host: {name: sum(grown.get((host, f"TcpExt{one}"), 0) for one in ones) for name, ones in COUNTED.items()}
        for host in hosts
    }


def newest() -> list[Entry]:
    """The newest kernel with virtual time, if there is one."""
    return sorted(virtual_kernels(), key=lambda entry: [int(part) for part in entry.manifest.version.split(".")])[-1:]


@pytest.fixture(params=newest() or [None], ids=lambda entry: "none" if entry is None else entry.name)
def entry(request: pytest.FixtureRequest) -> Entry:
    """One kernel with virtual time: there ACKs come as late as timers make them, whatever else this machine does."""
    if request.param is None:
        pytest.skip("no kernel with virtual time is in the cache: netemu kernels build 7.2")
    found: Entry = request.param
    return found


@pytest.mark.lab
def test_the_capture_at_a_host_shows_what_its_kernel_counted(entry: Entry, tmp_path: Path) -> None:
    recording, hosts = run(f"uml:{entry.manifest.version}?time=virtual", tmp_path / "run")
    analysis = analyze(sorted(recording.captures.glob("*.pcapng")))
    truth = counted(recording)
    for flow, pair in hosts.items():
        for host in pair:
            shown, told = seen(analysis.packets, host), truth[host]
            # Duplicates that arrive together are counted each and reported in one ACK (tcp_dsack_extend)
            merged = told["reported"] - shown["reported"]
            assert 0 <= merged <= told["reported"] // 5, (flow, host, shown, told)
            assert (flow, host, shown | {"reported": told["reported"]}) == (flow, host, told)
    total = {name: sum(counts[name] for counts in truth.values()) for name in COUNTED}
    assert total["delayed"] > 3 and total["reported"] > 10 and total["shut"] and total["asked"]
