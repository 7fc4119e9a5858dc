"""One row per connection: what was captured, how it began, how it stood at the end, and what cannot be told."""

from __future__ import annotations

from pathlib import Path

import pytest

from netemu.recording.kinds import CAPTURED, ENDS, OPENINGS
from netemu.recording.tables import CONNECTION_SIDE
from netemu.trace import analyze
from tests.trace.build import ACK, SYN, Record, Talk, one, write_pcap


def side_of(records: list[Record], source: bytes) -> list[Record]:
    """The packets that ``source`` (the last byte of its address) sent."""
    return [record for record in records if record[1][29:30] == source]


def transfer() -> Talk:
    talk = Talk()
    talk.handshake()
    for i in range(3):
        talk.say(20 + i, "a", 1 + 1000 * i, 1, 1000)
    talk.say(31, "b", 1, 2001)
    talk.say(250, "a", 2001, 1, 1000)
    talk.say(260, "b", 1, 3001)
    talk.close(300, 3001, 1)
    return talk


def opened(talk: Talk, directory: Path) -> tuple[str, str]:
    row = one(talk.analyse(directory))
    return row["opening"], row["end"]


def test_a_syn_without_an_answer(tmp_path: Path) -> None:
    talk = Talk()
    talk.say(0, "a", 0, 0, flags=SYN)
    talk.say(1000, "a", 0, 0, flags=SYN)
    assert opened(talk, tmp_path) == ("syn_only", "unanswered")
    assert one(talk.analyse(tmp_path))["captured"] == "both"


def test_a_syn_ack_without_an_answer(tmp_path: Path) -> None:
    talk = Talk()
    talk.say(0, "a", 0, 0, flags=SYN)
    talk.say(10, "b", 0, 1, flags=SYN | ACK)
    assert opened(talk, tmp_path) == ("handshake", "half_open")


def test_two_syns_meet(tmp_path: Path) -> None:
    talk = Talk()
    talk.say(0, "a", 0, 0, flags=SYN)
    talk.say(1, "b", 0, 0, flags=SYN)
    assert opened(talk, tmp_path) == ("simultaneous", "half_open")
    talk.say(10, "a", 0, 1, flags=SYN | ACK)
    talk.say(11, "b", 0, 1, flags=SYN | ACK)
    talk.say(20, "a", 1, 1, 100)
    talk.say(30, "b", 1, 101)
    assert opened(talk, tmp_path) == ("simultaneous", "established")
    row = one(talk.analyse(tmp_path))
    assert (row["client"], row["a_isn"], row["b_isn"], row["a_acked_bytes"]) == ("10.0.0.1:40000", 1000, 5000, 100)


def test_a_capture_that_began_late(tmp_path: Path) -> None:
    talk = transfer()
    del talk.records[:3]
    row = one(talk.analyse(tmp_path))
    assert (row["opening"], row["end"], row["captured"]) == ("midstream", "closed", "both")
    assert (row["a_isn"], row["a_unique_payload_bytes"], row["a_acked_bytes"]) == (None, 3000, 3000)


def test_a_capture_that_began_with_the_syn_ack(tmp_path: Path) -> None:
    talk = transfer()
    del talk.records[0]
    row = one(talk.analyse(tmp_path))
    assert (row["opening"], row["end"], row["a_isn"]) == ("syn_ack_only", "closed", 1000)


def test_only_the_data_was_captured(tmp_path: Path) -> None:
    """What the sender sent is known, what the receiver answered is not, and so no class of any retransmission."""
    path = write_pcap(tmp_path / "half.pcap", side_of(transfer().records, b"\x01"))
    row = one(analyze([path]))
    assert (row["captured"], row["opening"], row["end"]) == ("client", "syn_only", None)
    known = {"packets": 8, "data_segments": 4, "unique_payload_bytes": 3000, "retransmitted_segments": 1, "isn": 1000}
    assert {name: row[f"a_{name}"] for name in known} == known
    untold = ("acked_bytes", "spurious_retransmits", "retransmits_timeout", "retransmits_fast", "rtt_min_ns")
    assert all(row[f"a_{name}"] is None for name in untold)
    told = {name for name in CONNECTION_SIDE if row[f"b_{name}"] is not None}
    assert (told, row["b_packets"]) == ({"packets", "acked_bytes"}, 0)


def test_only_the_acks_were_captured(tmp_path: Path) -> None:
    path = write_pcap(tmp_path / "half.pcap", side_of(transfer().records, b"\x02"))
    row = one(analyze([path]))
    assert (row["captured"], row["opening"], row["end"]) == ("server", "syn_ack_only", None)
    told = {name: row[f"a_{name}"] for name in CONNECTION_SIDE if row[f"a_{name}"] is not None}
    assert told == {"packets": 0, "acked_bytes": 3001, "isn": 1000}  # the FIN was not captured, so it counts
    assert (row["b_data_segments"], row["b_payload_bytes"], row["b_acked_bytes"]) == (0, 0, None)


def test_more_than_four_gigabytes(tmp_path: Path) -> None:
    """Sequence numbers wrap every 4 GiB; the offsets hold though most was not captured."""
    talk = Talk(isn={"a": 2**32 - 1000, "b": 2**32 - 1})
    talk.handshake()
    step, size = 900_000_000, 1000
    for i in range(15):
        talk.say(20 + 10 * i, "a", 1 + step * i, 1, size)
        talk.say(25 + 10 * i, "b", 1, 1 + step * i + size)
    analysis = talk.analyse(tmp_path)
    row = one(analysis)
    assert row["a_acked_bytes"] == 14 * step + size > 2**33
    assert analysis.packets["seq_offset_bytes"].max() == 1 + 14 * step
    assert (row["a_retransmitted_segments"], row["a_out_of_order_segments"]) == (0, 0)


@pytest.mark.parametrize("names", [OPENINGS, ENDS, CAPTURED])
def test_lists_are_closed(names: tuple[str, ...]) -> None:
    assert len(set(names)) == len(names)
