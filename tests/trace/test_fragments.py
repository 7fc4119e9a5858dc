"""TCP segments in several IP fragments: one segment, at the fragment that completes it."""

from __future__ import annotations

from itertools import permutations
from pathlib import Path

import pytest
import scapy.all as scapy

from netemu.trace import analyze
from tests.trace.build import write_pcap


def fragments_v4(seq: int = 77, ip_id: int = 9) -> list[bytes]:
    packet = scapy.IP(src="10.0.0.1", dst="10.0.0.2", id=ip_id) / scapy.TCP(sport=40000, dport=80, seq=seq, flags="A")
    return [bytes(scapy.Ether() / part) for part in scapy.fragment(packet / bytes(1000), fragsize=400)]


def fragments_v6() -> list[bytes]:
    packet = scapy.IPv6(src="fd00::1", dst="fd00::2") / scapy.IPv6ExtHdrFragment(id=5)
    parts = scapy.fragment6(packet / scapy.TCP(sport=40000, dport=80, seq=77, flags="A") / bytes(1000), 500)
    return [bytes(scapy.Ether() / part) for part in parts]


@pytest.mark.parametrize("make", [fragments_v4, fragments_v6])
def test_every_order_gives_the_segment_once(tmp_path: Path, make) -> None:  # type: ignore[no-untyped-def]
    frames = make()
    assert len(frames) == 3
    for order in permutations(frames):
        analysis = analyze([write_pcap(tmp_path / "x.pcap", [(i, f, len(f)) for i, f in enumerate(order)])])
        assert analysis.packets["payload_bytes"].to_list() == [0, 0, 1000]
        assert analysis.packets["seq"].to_list() == [0, 0, 77]
        assert analysis.packets["fragment"].to_list() == [True] * 3
        assert analysis.packets["connection"].to_list() == [-1, -1, 0]
        assert analysis.connections["a_unique_payload_bytes"].to_list() == [1000]


def test_a_missing_fragment_leaves_no_segment(tmp_path: Path) -> None:
    frames = fragments_v4()
    for lost in range(3):
        kept = [f for i, f in enumerate(frames) if i != lost]
        analysis = analyze([write_pcap(tmp_path / "x.pcap", [(i, f, len(f)) for i, f in enumerate(kept)])])
        assert analysis.connections.height == 0


@pytest.mark.parametrize("make", [fragments_v4, fragments_v6])
def test_a_fragment_that_comes_twice_completes_nothing(tmp_path: Path, make) -> None:  # type: ignore[no-untyped-def]
    """The network may copy a fragment; its bytes count once (ip_frag_queue drops the copy)."""
    first, second, last = make()
    for frames, expected in (
        ([first, last, last, last], []),
        ([second, second, second, last, last], []),
        ([first, first, last, second], [1000]),
        ([last, second, second, first], [1000]),
    ):
        analysis = analyze([write_pcap(tmp_path / "x.pcap", [(i, f, len(f)) for i, f in enumerate(frames)])])
        assert analysis.connections["a_unique_payload_bytes"].to_list() == expected


def test_interleaved_packets_are_kept_apart(tmp_path: Path) -> None:
    one, two = fragments_v4(77, 9), fragments_v4(1077, 10)
    mixed = [f for pair in zip(one, two, strict=True) for f in pair]
    analysis = analyze([write_pcap(tmp_path / "x.pcap", [(i, f, len(f)) for i, f in enumerate(mixed)])])
    assert analysis.connections["a_unique_payload_bytes"].to_list() == [2000]


def test_more_unfinished_packets_than_are_remembered(tmp_path: Path) -> None:
    heads = [fragments_v4(77 + i * 1000, i)[0] for i in range(200)]
    rest = fragments_v4(77 + 199_000, 199)[1:]
    analysis = analyze([write_pcap(tmp_path / "x.pcap", [(i, f, len(f)) for i, f in enumerate(heads + rest)])])
    assert analysis.connections["a_unique_payload_bytes"].to_list() == [1000]
