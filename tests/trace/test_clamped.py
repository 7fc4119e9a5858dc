"""MSS clamping, told by two captures of one SYN."""

from __future__ import annotations

from pathlib import Path

import polars as pl

from netemu.trace import analyze
from netemu.trace.clamped import clamped_mss
from tests.trace.build import Talk, write_pcap


def connections(directory: Path, *, near: int, far: int, isn: int = 1000) -> pl.DataFrame:
    """One handshake as two captures show it."""
    files = []
    for name, mss, number in (("near", near, 1000), ("far", far, isn)):
        talk = Talk(mss=mss, isn={"a": number, "b": 5000 + number})
        talk.handshake()
        files.append(write_pcap(directory / f"{name}.pcap", talk.records))
    return analyze(files).connections


def test_a_lower_mss_behind_a_router_was_clamped(tmp_path: Path) -> None:
    found = clamped_mss(connections(tmp_path, near=1460, far=1360))
    assert found.select(
        "direction", "announced_capture", "announced_bytes", "arrived_capture", "arrived_bytes"
    ).rows() == [
        (0, "near", 1460, "far", 1360),
        (1, "near", 1460, "far", 1360),
    ]


def test_the_same_mss_and_another_connection_show_nothing(tmp_path: Path) -> None:
    assert clamped_mss(connections(tmp_path, near=1460, far=1460)).is_empty()
    assert clamped_mss(connections(tmp_path, near=1460, far=1360, isn=77)).is_empty()
