"""The loop reads what each observer looks at, and stops where there is no room for rows."""

from __future__ import annotations

from pathlib import Path

from netemu.recording.tables import PACKETS
from netemu.trace import analyze
from netemu.trace.observe import sender
from netemu.trace.observe.together_loop import PACKET
from tests.trace.build import write_pcap
from tests.trace.observe.senders import Sending


def test_it_reads_columns_that_a_chunk_has() -> None:
    assert set(PACKET.names) <= {*PACKETS, "flow"}


def test_more_rows_than_there_is_room_for_at_once(tmp_path: Path) -> None:
    talk, flows = [], sender._ROWS // 20
    for k in range(flows):
        one = Sending(ports=(20_000 + k, 80))
        one.handshake()
        for turn in range(30):
            one.segments(20 + 10 * turn, 2 * turn, 2)
            one.acked(25 + 10 * turn, 2 * turn + 2)
        talk += one.records
    path = write_pcap(tmp_path / "many.pcap", sorted(talk, key=lambda record: record[0]))
    rows = analyze([path], keep_packets=False).tables["sender"]
    assert rows.height > sender._ROWS
    assert rows.group_by("connection").len()["len"].unique().len() == 1
    assert rows["sent_segments"].sum() == 60 * flows
