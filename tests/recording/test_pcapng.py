"""The pcapng blocks, byte by byte and through a reader that is not ours."""

from __future__ import annotations

import struct
import subprocess
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from netemu.recording import pcapng

FRAME = bytes.fromhex("ffffffffffff020000000001") + b"\x08\x00" + bytes(50)


def blocks(data: bytes) -> list[tuple[int, bytes]]:
    """(type, body) of each block; both lengths of each agree."""
    found, at = [], 0
    while at < len(data):
        kind, length = struct.unpack_from("=II", data, at)
        assert length % 4 == 0
        assert struct.unpack_from("=I", data, at + length - 4)[0] == length
        found.append((kind, data[at + 8 : at + length - 4]))
        at += length
    return found


@given(st.integers(0, 1 << 62), st.integers(0, 1 << 20), st.binary(max_size=300), st.sampled_from([1, 2]))
def test_a_packet_keeps_time_lengths_direction_and_bytes(t_ns: int, extra: int, data: bytes, direction: int) -> None:
    ((kind, body),) = blocks(pcapng.packet(t_ns, len(data) + extra, direction, data))
    interface, high, low, kept, length = struct.unpack_from("=5I", body)
    assert (kind, interface, high << 32 | low, kept, length) == (6, 0, t_ns, len(data), len(data) + extra)
    assert body[20 : 20 + kept] == data
    assert body[-12:] == struct.pack("=HHIHH", 2, 4, direction, 0, 0)


def test_a_file_is_read_by_others_as_written(tmp_path: Path) -> None:
    path = tmp_path / "a.pcapng"
    path.write_bytes(
        pcapng.section_header("netemu 1", "plan abc seed 7")
        + pcapng.interface_description("h1-eth0", "h1-eth0 of h1", 96)
        + pcapng.packet(1_000_000_007, 64, pcapng.DIRECTION_OUT, FRAME)
        + pcapng.packet(5_000_000_000, 1500, pcapng.DIRECTION_IN, FRAME)
        + pcapng.interface_statistics(5_000_000_000, 12, 10)
    )
    fields = ["frame.time_epoch", "frame.len", "frame.cap_len", "frame.interface_name", "frame.packet_flags_direction"]
    options = [word for field in fields for word in ("-e", field)]
    read = subprocess.run(
        ["tshark", "-r", str(path), "-T", "fields", *options], capture_output=True, text=True, check=True
    )
    rows = [line.split("\t") for line in read.stdout.splitlines()]
    assert [row[1:4] for row in rows] == [["64", "64", "h1-eth0"], ["1500", "64", "h1-eth0"]]
    assert rows[0][0].endswith("1.000000007") or rows[0][0].endswith("01.000000007Z")
    assert [int(row[4], 16) for row in rows] == [2, 1]
    shown = subprocess.run(["capinfos", str(path)], capture_output=True, text=True, check=True)
    for text in ("netemu 1", "plan abc seed 7", "h1-eth0", "Number of packets:   2"):
        assert text in shown.stdout
    assert "cut short" not in shown.stderr + read.stderr


def test_statistics_hold_both_counts() -> None:
    ((kind, body),) = blocks(pcapng.interface_statistics(9, 1 << 40, 3))
    assert kind == 5
    assert struct.unpack_from("=HHQHHQ", body, 12) == (4, 8, 1 << 40, 5, 8, 3)
