"""The table of retransmissions: one row each, the proof of needlessness included however late it came."""

from __future__ import annotations

from pathlib import Path

from netemu.recording.tables import RETRANSMISSIONS
from netemu.trace.tables import polars_schema
from tests.trace.build import Talk


def test_rows_agree_with_packets(tmp_path: Path) -> None:
    talk = Talk()
    talk.handshake()
    talk.say(20, "a", 1, 1, 100)
    talk.say(250, "a", 1, 1, 100)
    talk.say(255, "b", 1, 101)
    talk.say(260, "b", 1, 101, sack=[(1, 101)])
    talk.say(300, "a", 1, 1, 100)
    analysis = talk.analyse(tmp_path)
    rows, packets = analysis.retransmissions, analysis.packets
    assert dict(rows.schema) == polars_schema(RETRANSMISSIONS)
    assert rows["frame"].to_list() == [5, 8]
    same = ["capture", "frame", "connection", "direction", "t_ns", "kind", "spurious_by"]
    assert rows.select(same).equals(packets.filter(packets["frame"].is_in([5, 8])).select(same))
    assert rows["spurious_by"].to_list() == ["dsack", "already_acked"]
    assert packets["spurious"].to_list() == [False] * 4 + [True, False, False, True]


def test_a_capture_without_any_has_the_columns(tmp_path: Path) -> None:
    talk = Talk()
    talk.handshake()
    rows = talk.analyse(tmp_path).retransmissions
    assert rows.is_empty() and dict(rows.schema) == polars_schema(RETRANSMISSIONS)
