"""Captures are read as written, and what is cut is refused."""

from __future__ import annotations

from pathlib import Path

import pytest

from netemu.errors import BadInput
from netemu.fidelity.captured import read_capture
from netemu.packet.tcp import ACK, SYN
from netemu.recording import pcapng
from tests.fidelity.segments import CLIENT, MS, SERVER, Capture, frame, handshake


def test_segments_are_read_with_every_field(tmp_path: Path) -> None:
    capture = Capture()
    handshake(capture)
    capture.sent(50 * MS, 1, 1, payload=1000, window=77)
    packets = read_capture(capture.write(tmp_path / "a.pcapng"))
    assert [(one.number, one.t_ns, one.out, one.flags) for one in packets] == [
        (1, 0, True, SYN),
        (2, 40 * MS, False, SYN | ACK),
        (3, 40 * MS, True, ACK),
        (4, 50 * MS, True, ACK),
    ]
    data = packets[3]
    assert (data.source, data.source_port, data.destination, data.destination_port) == (*CLIENT, *SERVER)
    assert (data.seq, data.ack, data.payload, data.window, data.length) == (1001, 2001, 1000, 77, 1052)
    assert [kind for kind, _ in data.options] == [1, 1, 8]


def test_datagrams_fragments_and_icmp_are_told_by_what_they_say(tmp_path: Path) -> None:
    def ip(protocol: int, fragment: int, body: bytes) -> bytes:
        head = bytes([0x45, 2, 0, 20 + len(body), 0, 0, fragment >> 8, fragment & 255, 64, protocol, 0, 0])
        return bytes(12) + b"\x08\x00" + head + bytes([10, 0, 0, 1, 10, 0, 0, 2]) + body

    frames = [
        ip(17, 0x2000, b"\x9c\x40\x13\x89" + bytes(4) + bytes(16)),
        ip(17, 3, bytes(8)),
        ip(1, 0, bytes([3, 4, 0, 0, 0, 0, 0x05, 0x78]) + bytes(28)),
        bytes(12) + b"\x08\x06" + bytes(28),
    ]
    blocks = [pcapng.section_header("test"), pcapng.interface_description("x", "", 160)]
    blocks += [pcapng.packet(1, len(one), 1, one) for one in frames]
    (tmp_path / "a.pcapng").write_bytes(b"".join(blocks))
    udp, later, icmp = read_capture(tmp_path / "a.pcapng")
    assert (udp.source_port, udp.destination_port, udp.payload, udp.fragment, udp.ecn) == (
        40000,
        5001,
        16,
        (0, True),
        2,
    )
    assert (later.payload, later.fragment, later.source_port) == (8, (24, False), 0)
    assert icmp.code == (3, 4, 1400)


def test_ipv6_segments_are_read(tmp_path: Path) -> None:
    tcp = frame(CLIENT, SERVER, 1, 0, SYN)[34:]
    head = b"\x60\0\0\0" + len(tcp).to_bytes(2, "big") + bytes([6, 64]) + bytes(15) + b"\1" + bytes(15) + b"\2"
    data = bytes(12) + b"\x86\xdd" + head + tcp
    blocks = [pcapng.section_header("test"), pcapng.interface_description("x", "", 160), pcapng.packet(5, 99, 2, data)]
    (tmp_path / "a.pcapng").write_bytes(b"".join(blocks))
    (packet,) = read_capture(tmp_path / "a.pcapng")
    assert (packet.source, packet.destination, packet.flags, packet.length) == ("::1", "::2", SYN, 60)


def test_what_is_cut_or_missing_is_refused(tmp_path: Path) -> None:
    data = frame(CLIENT, SERVER, 1, 0, SYN)[:40]
    blocks = [pcapng.section_header("test"), pcapng.interface_description("x", "", 40), pcapng.packet(5, 54, 2, data)]
    (tmp_path / "a.pcapng").write_bytes(b"".join(blocks))
    with pytest.raises(BadInput, match="cut short"):
        read_capture(tmp_path / "a.pcapng")
    with pytest.raises(BadInput, match=r"b\.pcapng: No such file"):
        read_capture(tmp_path / "b.pcapng")
    (tmp_path / "c.pcapng").write_bytes(bytes(64))
    with pytest.raises(BadInput, match="no pcapng"):
        read_capture(tmp_path / "c.pcapng")
