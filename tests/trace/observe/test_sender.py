"""The observer as a whole: its schema, its memory, many flows."""

from __future__ import annotations

from pathlib import Path

from netemu.recording.sender_tables import SENDER
from netemu.trace.analysis import analyze
from netemu.trace.tables import polars_schema
from tests.trace.build import write_pcap
from tests.trace.observe.senders import Sending, clocked


def test_a_file_without_data_has_an_empty_table(tmp_path: Path) -> None:
    talk = Sending()
    talk.handshake()
    frame = talk.analyse(tmp_path).tables["sender"]
    assert frame.is_empty() and frame.schema == polars_schema(SENDER)


def test_times_count_from_the_origin(tmp_path: Path) -> None:
    talk = clocked([2, 4])
    path = write_pcap(tmp_path / "talk.pcap", [(t_ns + 10**9, data, size) for t_ns, data, size in talk.records])
    rows = analyze([path], relative=False).tables["sender"]
    relative = analyze([path]).tables["sender"]
    for name in ("start_ns", "t_ns", "cwnd_estimated_ns"):
        assert (rows[name] - relative[name]).drop_nulls().unique().to_list() == [10**9]


def test_more_flows_than_a_new_observer_has_room_for(tmp_path: Path) -> None:
    records = []
    for k in range(100):
        talk = Sending(ports=(40000 + k, 80))
        talk.handshake()
        talk.segments(20 + k, 0, 2)
        records += talk.records
    path = write_pcap(tmp_path / "many.pcap", sorted(records, key=lambda record: record[0]))
    frame = analyze([path]).tables["sender"]
    assert frame["connection"].to_list() == list(range(100))
    assert set(frame["sent_segments"]) == {2}
