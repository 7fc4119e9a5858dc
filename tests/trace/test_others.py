"""The list of what is no whole TCP segment: who is on it, and what is read of it."""

from __future__ import annotations

from pathlib import Path

from netemu.trace.engine import Reader
from tests.trace.build import Talk, write_pcap
from tests.trace.observe.packets import echo, fragments, numbered, udp


def test_tcp_is_not_on_it(tmp_path: Path) -> None:
    talk = Talk()
    talk.handshake()
    (chunk,) = Reader(write_pcap(tmp_path / "tcp.pcap", talk.records)).chunks()
    assert chunk.others.size == 0


def test_words_of_the_payload_are_read_as_far_as_they_are_there(tmp_path: Path) -> None:
    records = [numbered(0, 5, sent_ms=1), udp(1, b"\0" * 7 + b"\3" + b"12"), udp(2, b"1234567"), echo(3, 9)]
    (chunk,) = Reader(write_pcap(tmp_path / "udp.pcap", records)).chunks()
    assert chunk.others["words_read"].tolist() == [3, 1, 0, 1]
    assert chunk.others["word_0"].tolist()[:2] == [5, 3]
    assert (int(chunk.others["word_1"][0]), int(chunk.others["word_0"][3])) == (1_000_000, (77 << 16) + 9)


def test_every_fragment_is_on_it(tmp_path: Path) -> None:
    (chunk,) = Reader(write_pcap(tmp_path / "parts.pcap", fragments(0, 7, [1480, 1480, 48]))).chunks()
    assert chunk.others["fragment_offset"].tolist() == [0, 1480, 2960]
    assert chunk.others["more_fragments"].tolist() == [1, 1, 0]
    assert chunk.others["payload"].tolist()[0] == 3000
