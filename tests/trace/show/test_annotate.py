"""A capture with verdicts as packet comments, as tshark reads it."""

from __future__ import annotations

from pathlib import Path

import pytest

from netemu.errors import BadInput
from netemu.trace.show.annotate import annotate
from netemu.trace.show.selection import parse_selection
from tests.trace.build import write_pcap
from tests.trace.show.scenes import lossy, several
from tests.trace.show.test_copy import shown


def test_verdicts_are_comments_of_their_packets(tmp_path: Path) -> None:
    capture = write_pcap(tmp_path / "x.pcap", lossy().records)
    found = annotate(capture, tmp_path / "seen.pcapng")
    assert (found.packets, found.comments, found.without_place, found.partial) == (8, 1, 0, False)
    rows = shown(tmp_path / "seen.pcapng")
    assert [row[5] for row in rows] == [""] * 6 + [rows[6][5], ""]
    assert rows[6][5].startswith("netemu: retransmission: the retransmission timer had fired; last sent in frame 4; ")
    assert [row[:4] for row in rows] == [row[:4] for row in shown(capture)]


def test_only_what_is_selected_is_written(tmp_path: Path) -> None:
    capture = write_pcap(tmp_path / "x.pcap", several(5, 2))
    found = annotate(capture, tmp_path / "seen.pcapng", parse_selection(connections=[1], end="305ms"))
    assert (found.packets, found.comments) == (6, 1) and len(shown(tmp_path / "seen.pcapng")) == 6


def test_a_damaged_file_is_copied_as_far_as_it_goes(tmp_path: Path) -> None:
    capture = write_pcap(tmp_path / "x.pcap", lossy().records)
    capture.write_bytes(capture.read_bytes()[:-1])
    found = annotate(capture, tmp_path / "seen.pcapng")
    assert (found.packets, found.partial) == (7, True) and len(shown(tmp_path / "seen.pcapng")) == 7


def test_places_that_cannot_be_written_leave_nothing(tmp_path: Path) -> None:
    capture = write_pcap(tmp_path / "x.pcap", lossy().records)
    before = capture.read_bytes()
    with pytest.raises(BadInput, match=r"x\.pcap: is the capture itself"):
        annotate(capture, capture)
    with pytest.raises(BadInput, match=r"--annotate: .*No such file or directory"):
        annotate(capture, tmp_path / "none" / "x.pcapng")
    with pytest.raises(BadInput, match="neither pcap nor pcapng"):
        (tmp_path / "text").write_text("no capture here")
        annotate(tmp_path / "text", tmp_path / "y.pcapng")
    assert capture.read_bytes() == before and {path.name for path in tmp_path.iterdir()} == {"text", "x.pcap"}
