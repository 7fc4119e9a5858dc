"""Captures copied packet by packet: what was there stays, whatever the container."""

from __future__ import annotations

import gzip
import io
import struct
import subprocess
from pathlib import Path

import pytest

from netemu.errors import BadInput
from netemu.recording import pcapng
from netemu.trace.show.copy import Copier
from tests.trace.build import block, enhanced, interface, option, section, write_pcap
from tests.trace.show.scenes import lossy

COMMENTS = {2: "netemu: two", 8: "netemu: eight"}
FIELDS = ("frame.number", "frame.time_epoch", "frame.len", "frame.cap_len", "frame.interface_name", "frame.comment")


def shown(path: Path) -> list[list[str]]:
    options = [word for name in (*FIELDS, "frame.md5_hash") for word in ("-e", name)]
    argv = ["tshark", "-n", "-o", "frame.generate_md5_hash:TRUE", "-r", str(path), "-T", "fields", *options]
    done = subprocess.run(argv, capture_output=True, text=True, check=True)
    assert "cut short" not in done.stderr
    return [line.split("\t") for line in done.stdout.splitlines()]


def copied(path: Path, comments: dict[int, str] = COMMENTS, left_out: frozenset[int] = frozenset()) -> Path:
    out = path.with_name("copied.pcapng")
    with out.open("wb") as file:
        copier = Copier(path, file)
        copier.copy_to(8, comments, left_out)
        copier.finish()
    return out


def sections(order: str) -> bytes:
    """Two interfaces, a comment of the capture's own, blocks of nobody's, and statistics at the end."""
    frames = [data for _, data, _ in lossy().records]
    own = option(1, b"mine", order) + option(0, b"", order)
    commented = block(
        6,
        struct.pack(order + "IIIII", 1, 0, 5000, len(frames[1]), 99) + frames[1] + bytes(-len(frames[1]) % 4) + own,
        order,
    )
    head = block(0x0A0D0D0A, struct.pack(order + "IHHq", 0x1A2B3C4D, 1, 0, 123456), order)
    return b"".join(
        [
            head,
            interface("eth0", resolution=9, order=order),
            interface("eth1", resolution=6, order=order),
            enhanced(10**18 + 7, frames[0], order=order),
            commented,
            block(0x80000BAD, b"private ", order),
            *(enhanced(10**18 + 100 * i, data, order=order) for i, data in enumerate(frames[2:])),
            block(
                5,
                struct.pack(order + "III", 0, 0, 0)
                + option(4, struct.pack(order + "Q", 8), order)
                + option(0, b"", order),
                order,
            ),
        ]
    )


@pytest.mark.parametrize("order", ["<", ">"])
def test_a_pcapng_file_keeps_everything_and_gains_comments(order: str, tmp_path: Path) -> None:
    path = tmp_path / "x.pcapng"
    path.write_bytes(sections(order))
    before, after = shown(path), shown(copied(path))
    assert [row[:5] + row[6:] for row in after] == [row[:5] + row[6:] for row in before]
    assert [row[5] for row in after] == ["", "mine,netemu: two", "", "", "", "", "", "netemu: eight"]
    whole = copied(path, {}).read_bytes()
    assert whole[:16] == path.read_bytes()[:16] and whole[24:] == path.read_bytes()[24:]
    assert whole[16:24] == b"\xff" * 8  # a section that grows has no length


@pytest.mark.parametrize(("order", "nano"), [("<", True), (">", True), ("<", False), (">", False)])
def test_a_pcap_file_becomes_pcapng_with_the_same_packets_and_times(order: str, nano: bool, tmp_path: Path) -> None:
    path = write_pcap(tmp_path / "x.pcap", lossy().records, order=order, nano=nano, snap=77)
    before, after = shown(path), shown(copied(path))
    assert [row[:4] + row[6:] for row in after] == [row[:4] + row[6:] for row in before]
    assert [row[5] for row in after if row[5]] == list(COMMENTS.values())
    told = subprocess.run(["capinfos", str(copied(path))], capture_output=True, text=True, check=True)
    for text in ("Encapsulation = Ethernet", "Capture length = 77", f"({9 if nano else 6})", "Number of packets = 8"):
        assert text in told.stdout


def test_packets_can_be_left_out(tmp_path: Path) -> None:
    path = write_pcap(tmp_path / "x.pcap", lossy().records)
    after = shown(copied(path, left_out=frozenset({1, 3, 4})))
    assert [row[5] for row in after] == ["netemu: two", "", "", "", "netemu: eight"]


def test_a_compressed_file_is_read_piece_by_piece(tmp_path: Path) -> None:
    plain = write_pcap(tmp_path / "x.pcap", lossy().records)
    expected = shown(copied(plain))
    packed = tmp_path / "x.pcap.gz"
    packed.write_bytes(gzip.compress(plain.read_bytes()))
    assert shown(copied(packed)) == expected


def test_a_simple_packet_block_has_no_place_for_a_comment(tmp_path: Path) -> None:
    data = lossy().records[0][1]
    simple = block(3, struct.pack("<I", len(data)) + data)
    path = tmp_path / "x.pcapng"
    path.write_bytes(section() + interface() + simple + simple)
    out = io.BytesIO()
    copier = Copier(path, out)
    copier.copy_to(2, {2: "x"})
    assert (copier.without_place, copier.commented, copier.written) == (1, 0, 2)
    assert out.getvalue()[28:] == path.read_bytes()[28:]


def test_a_cut_end_and_what_is_no_capture(tmp_path: Path) -> None:
    path = write_pcap(tmp_path / "x.pcap", lossy().records)
    path.write_bytes(path.read_bytes()[:-3])
    assert len(shown(copied(path))) == 7
    path.write_bytes(b"no capture at all, only text")
    with pytest.raises(BadInput, match="is neither pcap nor pcapng"):
        Copier(path, io.BytesIO())


def test_comments_follow_those_that_are_there() -> None:
    own = pcapng.option(1, b"mine") + pcapng.option(0, b"")
    assert pcapng.with_comment(own, "x") == pcapng.option(1, b"mine") + pcapng.option(1, b"x") + pcapng.option(0, b"")
    overrun = b"\x01\x00\xff\x00"
    assert pcapng.with_comment(overrun, "x") == pcapng.option(1, b"x") + overrun


def test_a_file_of_an_old_version_is_read_as_the_analysis_reads_it(tmp_path: Path) -> None:
    path = write_pcap(tmp_path / "x.pcap", [(t_ns, data[:40], wire) for t_ns, data, wire in lossy().records])
    expected = shown(copied(path))
    old = bytearray(path.read_bytes())
    struct.pack_into("<H", old, 6, 2)
    for at in range(24, len(old), 56):
        old[at + 8 : at + 16] = old[at + 12 : at + 16] + old[at + 8 : at + 12]
    path.write_bytes(old)
    assert shown(copied(path)) == expected
