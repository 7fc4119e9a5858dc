"""What a chunk holds beside its packets names the connection within its capture."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from netemu.recording.tables import ICMP, RTT, SACKS
from netemu.trace.chunk_rows import captures_of, icmp_frame, rtt_rows, sacks_rows
from netemu.trace.column import frame_of
from netemu.trace.engine import Reader
from tests.trace.build import Talk, write_pcap


def _reader(directory: Path) -> Reader:
    talk = Talk()
    talk.handshake()
    talk.say(20, "a", 1, 1, 1000)
    talk.say(21, "a", 1001, 1, 1000)
    talk.say(31, "b", 1, 1, sack=[(1001, 2001)])
    talk.say(32, "b", 1, 2001)
    return Reader(write_pcap(directory / "talk.pcap", talk.records))


def test_samples_and_blocks_are_rows_of_their_tables(tmp_path: Path) -> None:
    reader = _reader(tmp_path)
    [chunk] = reader.chunks()
    sacks, rtt = frame_of(sacks_rows(reader, chunk, 1_000_000), SACKS), frame_of(rtt_rows(reader, chunk, 0), RTT)
    assert sacks.rows() == [("talk", 6, 0, 1, 30_000_000, 1001, 2001)]
    assert set(rtt["capture"]) == {"talk"} and set(rtt["connection"]) == {0}
    assert icmp_frame(reader, chunk, 0).is_empty() and icmp_frame(reader, chunk, 0).columns == list(ICMP)


def test_what_belongs_to_no_connection_is_an_error_of_ours(tmp_path: Path) -> None:
    reader = _reader(tmp_path)
    assert len(list(reader.chunks())) == 1
    with pytest.raises(AssertionError, match="belongs to a connection"):
        captures_of(reader, np.int64([0, -1]))
