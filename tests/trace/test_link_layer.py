"""Every link type that carries IP: the same segment must come out."""

from __future__ import annotations

import struct
from pathlib import Path

import pytest

from netemu.errors import BadInput
from netemu.trace import analyze
from netemu.trace.link_layer import SUPPORTED_LINK_TYPES
from tests.trace.build import Talk, write_pcap

ETHERTYPE = {4: b"\x08\x00", 6: b"\x86\xdd"}


def ip(version: int) -> bytes:
    talk = Talk() if version == 4 else Talk(client="fd00::1", server="fd00::2")
    talk.say(0, "a", 1, 1, 100)
    return talk.records[0][1][14:]


def frame(kind: str, version: int) -> tuple[int, bytes]:
    packet, ethertype = ip(version), ETHERTYPE[version]
    mac = bytes(12)
    family = {4: 2, 6: 30}[version]
    return {
        "ethernet": (1, mac + ethertype + packet),
        "vlan": (1, mac + b"\x81\x00\x00\x05" + ethertype + packet),
        "qinq": (1, mac + b"\x88\xa8\x00\x05\x81\x00\x00\x07" + ethertype + packet),
        "old qinq": (1, mac + b"\x91\x00\x00\x05\x81\x00\x00\x07" + ethertype + packet),
        "sll": (113, bytes(14) + ethertype + packet),
        "sll2": (276, ethertype + bytes(18) + packet),
        "raw": (101, packet),
        "raw 12": (12, packet),
        "raw 14": (14, packet),
        "ip of one version": (228 if version == 4 else 229, packet),
        "null little": (0, struct.pack("<I", family) + packet),
        "null big": (0, struct.pack(">I", family) + packet),
        "null windows": (0, struct.pack("<I", 2 if version == 4 else 23) + packet),
        "loop": (108, struct.pack(">I", family) + packet),
    }[kind]


@pytest.mark.parametrize("version", [4, 6])
@pytest.mark.parametrize(
    "kind",
    [
        "ethernet",
        "vlan",
        "qinq",
        "old qinq",
        "sll",
        "sll2",
        "raw",
        "raw 12",
        "raw 14",
        "ip of one version",
        "null little",
        "null big",
        "null windows",
        "loop",
    ],
)
def test_the_segment_is_found(tmp_path: Path, kind: str, version: int) -> None:
    link, data = frame(kind, version)
    row = analyze([write_pcap(tmp_path / "x.pcap", [(0, data, len(data))], link=link)]).packets.to_dicts()[0]
    assert (row["ip_version"], row["payload_bytes"], row["connection"]) == (version, 100, 0)


@pytest.mark.parametrize("data", [b"", bytes(14), bytes(12) + b"\x08\x06" + bytes(28), bytes(12) + b"\x81\x00" * 20])
def test_what_is_not_ip_is_a_row_without_connection(tmp_path: Path, data: bytes) -> None:
    row = analyze([write_pcap(tmp_path / "x.pcap", [(0, data, 60)])]).packets.to_dicts()[0]
    assert (row["ip_version"], row["connection"], row["direction"], row["kind"]) == (0, -1, -1, "none")


def test_a_link_type_that_carries_no_ip_is_refused_by_name(tmp_path: Path) -> None:
    assert 105 not in SUPPORTED_LINK_TYPES
    with pytest.raises(BadInput, match="link type 105"):
        analyze([write_pcap(tmp_path / "wifi.pcap", [(0, b"x", 1)], link=105)])
