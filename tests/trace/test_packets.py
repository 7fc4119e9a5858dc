"""Columns for Parquet say what the frame of the same packets says."""

from __future__ import annotations

from pathlib import Path

from netemu.recording.tables import PACKETS
from netemu.trace.column import Named
from netemu.trace.engine import Reader
from netemu.trace.packets import packets_columns, packets_frame
from tests.trace.build import Talk, write_pcap


def test_columns_and_frame_agree(tmp_path: Path) -> None:
    talk = Talk()
    talk.handshake()
    for i in (0, 1, 3, 4, 2, 2):
        talk.say(20 + i, "a", 1 + 1000 * i, 1, 1000)
        talk.say(40 + i, "b", 1, 1001)
    reader = Reader(write_pcap(tmp_path / "x.pcap", talk.records))
    for chunk in reader.chunks():
        frame, columns = packets_frame(chunk, 0), packets_columns(chunk)
        assert list(PACKETS) == frame.columns
        for name in PACKETS:
            column = columns[name]
            if isinstance(column, Named):
                assert [column.names[code] for code in column.codes] == frame[name].to_list(), name
            else:
                assert column.astype(frame[name].to_numpy().dtype).tolist() == frame[name].to_list(), name
