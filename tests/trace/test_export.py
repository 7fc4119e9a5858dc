"""Tables of a capture into a directory: all of them or none."""

from __future__ import annotations

from pathlib import Path

import polars as pl
import pytest

from netemu.errors import BadInput
from netemu.recording.tables import PACKET_TABLES
from netemu.trace.analysis import analyze
from netemu.trace.export import write_analysis
from tests.trace.build import Talk, write_pcap

TABLES = ("packets", *PACKET_TABLES)


@pytest.fixture
def capture(tmp_path: Path) -> Path:
    talk = Talk()
    talk.handshake()
    talk.say(20, "a", 1, 1, 1000)
    talk.say(30, "b", 1, 1001)
    return write_pcap(tmp_path / "one.pcap", talk.records)


def test_every_table_is_written_twice_and_says_the_same_as_the_analysis(capture: Path, tmp_path: Path) -> None:
    out = tmp_path / "deep" / "out"
    written = write_analysis([capture], out)
    expected = analyze([capture])
    assert sorted(p.name for p in out.iterdir()) == sorted(f"{t}.{s}" for t in TABLES for s in ("csv", "parquet"))
    for table in TABLES:
        frame = expected.packets if table == "packets" else expected.tables[table]
        assert pl.read_parquet(out / f"{table}.parquet").equals(frame), table
        assert pl.read_csv(out / f"{table}.csv").height == frame.height
    assert written.packet_count == 5 and written.connections.equals(expected.connections)


def test_files_of_another_kind_in_the_directory_stay(capture: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    out.mkdir()
    (out / "notes.txt").write_text("mine")
    (out / "rtt.csv").write_text("stale")
    write_analysis([capture], out)
    assert (out / "notes.txt").read_text() == "mine"
    assert (out / "rtt.csv").read_text() != "stale"


def test_a_file_that_is_no_capture_leaves_nothing_behind(capture: Path, tmp_path: Path) -> None:
    bad = tmp_path / "bad.pcap"
    bad.write_bytes(b"this is no capture at all")
    with pytest.raises(BadInput, match=r"bad\.pcap"):
        write_analysis([capture, bad], tmp_path / "out")
    assert sorted(p.name for p in tmp_path.iterdir()) == ["bad.pcap", "one.pcap"]


def test_a_directory_that_cannot_be_made_is_one_clear_line(capture: Path) -> None:
    with pytest.raises(BadInput, match=r"^--out: .*one\.pcap/out: .*; give a directory that can be written$"):
        write_analysis([capture], capture / "out")
