"""Real TCP over bad paths: what the packets say against what the kernel counted."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from netemu.trace import analyze
from tests.trace.build import one
from tests.trace.rig import Transfer, run

CLASSES = ("timeout", "fast", "tail_loss_probe", "syn", "syn_ack", "fin")
PATHS = {
    "clean": Transfer(seed=1, loss=0),
    "lossy": Transfer(seed=2, loss=0.05),
    "very lossy": Transfer(seed=3, loss=0.15, ack_loss=0.02, send_bytes=150_000, delay_ms=5),
    "reno": Transfer(seed=4, loss=0.05, congestion="reno"),
    "bbr": Transfer(seed=5, loss=0.08, congestion="bbr"),
    "small writes": Transfer(seed=6, loss=0.08, send_bytes=20_000, write_bytes=200, gap_ms=5),
    "reordering": Transfer(seed=7, loss=0.01, reorder=0.05),
    "duplication": Transfer(seed=8, loss=0.01, duplicate=0.05),
    "blackout": Transfer(seed=9, loss=0.01, blackout=(0.1, 0.7)),
    "no sack": Transfer(seed=10, loss=0.05, sack=False),
    "no timestamps": Transfer(seed=11, loss=0.05, timestamps=False),
    "delay spikes": Transfer(seed=12, loss=0.01, spike_ms=300),
}

pytestmark = pytest.mark.lab


def kernel_classes(counters: dict[str, int]) -> dict[str, int]:
    """The sender's counters as classes: what recovery sent, what a timer sent, and the rest of RetransSegs."""
    fast = counters["TcpExtTCPFastRetrans"]
    syn = counters["TcpExtTCPSynRetrans"]
    timeout = counters["TcpExtTCPSlowStartRetrans"] + counters["TcpExtTCPTimeouts"] - syn
    return {"fast": fast, "timeout": timeout, "syn": syn, "rest": counters["TcpRetransSegs"] - fast - timeout - syn}


def packet_classes(row: dict[str, Any]) -> dict[str, int]:
    counts = {name: row[f"a_retransmits_{name}"] for name in CLASSES}
    return {name: counts[name] for name in ("fast", "timeout", "syn")} | {"rest": counts["tail_loss_probe"]}


@pytest.mark.parametrize("name", PATHS)
def test_retransmissions_add_up_to_the_kernels_own_count(tmp_path: Path, name: str) -> None:
    result = run(PATHS[name], tmp_path)
    analysis = analyze([tmp_path / "a.pcap"])
    row = one(analysis)
    counters = result["counters"]["a"]
    assert row["a_retransmitted_segments"] == result["a_total_retrans"] == counters["TcpRetransSegs"]
    assert row["a_retransmitted_segments"] == sum(row[f"a_retransmits_{kind}"] for kind in CLASSES)
    assert row["a_unique_payload_bytes"] == result["received"] == PATHS[name].send_bytes
    kinds = Counter(analysis.packets.filter(pl.col("direction") == 0)["kind"])
    assert {kind: kinds[kind] for kind in CLASSES} == {kind: row[f"a_retransmits_{kind}"] for kind in CLASSES}


def test_classes_are_the_kernels_over_many_runs(tmp_path: Path) -> None:
    """Each class over eight lossy runs within 3 %: a busy machine's late timers leave a few retransmissions open."""
    kernel: Counter[str] = Counter()
    packets: Counter[str] = Counter()
    apart: Counter[str] = Counter()
    for seed in range(20, 28):
        directory = tmp_path / str(seed)
        directory.mkdir()
        path = Transfer(seed=seed, loss=0.1, send_bytes=200_000, delay_ms=5, congestion=("cubic", "reno")[seed % 2])
        counters = run(path, directory)["counters"]["a"]
        row = one(analyze([directory / "a.pcap"]))
        theirs, ours = kernel_classes(counters), packet_classes(row)
        theirs["rest"] -= row["a_retransmits_fin"]
        kernel.update(theirs)
        packets.update(ours)
        apart.update({name: abs(theirs[name] - ours[name]) for name in theirs})
    assert kernel["fast"] > 50
    for name, count in kernel.items():
        assert apart[name] <= max(2, 0.03 * count), (name, dict(kernel), dict(packets))


def test_the_receivers_capture_tells_the_same_bytes(tmp_path: Path) -> None:
    result = run(Transfer(seed=30, loss=0.05), tmp_path)
    sender, receiver = one(analyze([tmp_path / "a.pcap"])), one(analyze([tmp_path / "b.pcap"]))
    assert receiver["a_unique_payload_bytes"] == sender["a_unique_payload_bytes"] == result["received"]
    # What was lost on the way is not seen there twice, yet most of it is known as retransmission by its timestamps
    lost = sender["a_data_segments"] - receiver["a_data_segments"]
    assert lost > 0
    assert receiver["a_retransmitted_segments"] <= sender["a_retransmitted_segments"]
    assert receiver["a_retransmitted_segments"] >= sender["a_retransmitted_segments"] * 0.7


def test_reordering_by_the_path_is_seen_as_such_at_the_receiver(tmp_path: Path) -> None:
    run(Transfer(seed=31, loss=0, reorder=0.03, delay_ms=20), tmp_path)
    receiver = one(analyze([tmp_path / "b.pcap"]))
    assert receiver["a_out_of_order_segments"] > 0
    assert receiver["a_unique_payload_bytes"] == 300_000


def test_copies_made_by_the_path_are_no_retransmissions(tmp_path: Path) -> None:
    run(Transfer(seed=32, loss=0, duplicate=0.1), tmp_path)
    analysis = analyze([tmp_path / "b.pcap"])
    assert analysis.packets["network_duplicate"].sum() > 5
    assert one(analysis)["a_retransmitted_segments"] <= 2


def test_a_reader_that_pauses_closes_the_window_and_is_probed(tmp_path: Path) -> None:
    path = Transfer(seed=33, loss=0, send_bytes=400_000, read_pause_ms=1500, receive_buffer=20_000, delay_ms=1)
    counters = run(path, tmp_path)["counters"]["a"]
    row = one(analyze([tmp_path / "a.pcap"]))
    assert row["b_zero_windows"] >= 2
    assert row["a_window_probes"] == counters["TcpExtTCPWinProbe"] > 0
    assert row["a_keepalives"] == 0
    assert row["a_retransmitted_segments"] == counters["TcpRetransSegs"]


def test_dsacks_flag_spurious_retransmissions(tmp_path: Path) -> None:
    """An outage of ACKs alone makes the sender repeat what had arrived; the receiver says so by D-SACK."""
    result = run(Transfer(seed=34, loss=0, spike_ms=400, delay_ms=2, send_bytes=400_000), tmp_path)
    row = one(analyze([tmp_path / "a.pcap"]))
    dsacks = result["counters"]["a"]["TcpExtTCPDSACKRecv"]
    assert dsacks > 0
    assert row["a_spurious_retransmits"] >= dsacks * 0.9
