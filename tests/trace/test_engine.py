"""The driver: windows in, chunks out, and how each end of a file is told."""

import gzip
import struct
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import zstandard

from netemu.errors import BadInput
from netemu.trace import engine, source
from netemu.trace import layout as m
from netemu.trace.container import Fault
from netemu.trace.engine import SETTLE_CHUNKS, Chunk, Reader
from netemu.trace.state import State
from tests.trace import dissection as d

FRAMES = [d.ethernet(d.ipv4(d.tcp(b"x" * 10, seq=1000 + 10 * k))) for k in range(20)]
CAPTURE = d.pcap(FRAMES)
SECTION = d.section(d.option(1, b"why " * 90)) + d.interface(d.option(9, b"\x09") + d.option(2, b"eth0"))
MIXED = SECTION + b"".join(
    d.enhanced(k, frame) + d.block(d.UNKNOWN, bytes(k)) + (d.interface() if k % 3 else d.simple(frame))
    for k, frame in enumerate(FRAMES)
)


def reader(directory: Path, data: bytes, name: str = "x.pcap") -> Reader:
    (directory / name).write_bytes(data)
    return Reader(directory / name)


def columns(chunks: list[Chunk]) -> dict[str, Any]:
    return {
        name: np.concatenate([getattr(chunk.columns, name) for chunk in chunks]).tolist() for name in m.Columns._fields
    }


def ended(directory: Path, data: bytes) -> tuple[int, Fault | None]:
    """How many packets a file gives and its fault."""
    made = reader(directory, data)
    return sum(chunk.columns.t_ns.size for chunk in made.chunks()), made.fault


def raw_chunks(made: Reader, rows: int) -> Iterator[Chunk]:
    """Chunks of so many packets, before any is settled."""
    made.state = State(rows)
    for part in made._raw_parts():
        assert isinstance(part, Chunk)
        yield part


@pytest.mark.parametrize("data", [CAPTURE, MIXED])
@pytest.mark.parametrize("rows", [1, 3, 20])
def test_chunks_of_any_size_hold_the_same_packets(tmp_path: Path, data: bytes, rows: int) -> None:
    whole = list(reader(tmp_path, data).chunks())
    parts = list(raw_chunks(reader(tmp_path, data), rows))
    assert len(whole) == 1
    assert columns(parts) == columns(whole)
    assert [chunk.first_row for chunk in parts] == list(range(0, whole[0].columns.t_ns.size, rows))
    assert max(chunk.columns.t_ns.size for chunk in parts) == rows


def test_what_chunks_give_back_is_used_again_and_holds_the_same(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    data = d.pcap(5 * FRAMES)
    whole = columns(list(reader(tmp_path, data).chunks()))
    monkeypatch.setattr(engine, "CHUNK_ROWS", 3)
    found: dict[str, list[Any]] = {name: [] for name in m.Columns._fields}
    places = set()
    for chunk in reader(tmp_path, data).chunks():
        for name, values in columns([chunk]).items():
            found[name] += values
        places.add(chunk.columns.t_ns.ctypes.data)
        chunk.give_back()
    assert found == whole
    assert len(places) < 5 * len(FRAMES) // 3


@pytest.mark.parametrize("data", [CAPTURE, MIXED])
@pytest.mark.parametrize("piece", [1, 13, 500])
def test_windows_of_any_size_hold_the_same_packets(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, data: bytes, piece: int
) -> None:
    plain = reader(tmp_path, data)
    whole = columns(list(plain.chunks()))
    monkeypatch.setattr(source, "_WINDOW_BYTES", 32 + piece)
    for packed in (data, gzip.compress(data), zstandard.ZstdCompressor().compress(data)):
        made = reader(tmp_path, packed, "x.pcap.packed")
        assert columns(list(made.chunks())) == whole
        assert (made.fault, made.bytes_read) == (None, plain.bytes_read) == (None, len(data))
        assert made.container.names == plain.container.names
        assert made.container.scan["packet_comments"] == plain.container.scan["packet_comments"]


def test_the_first_packets_time(tmp_path: Path) -> None:
    assert reader(tmp_path, d.pcap_header() + d.record(7, 8, FRAMES[0])).first_time_ns() == 7_000_000_008
    assert reader(tmp_path, d.pcap_header()).first_time_ns() is None


@pytest.mark.parametrize(
    ("name", "interfaces", "names"),
    [
        ("h1-eth0.pcapng", [b""], ["h1-eth0"]),
        ("h1-eth0.pcapng.gz", [b"eth7"], ["h1-eth0"]),
        ("x.pcapng", [b"eth0", b""], ["eth0", "x-1"]),
        (".pcapng", [b""], [".pcapng"]),
    ],
)
def test_captures_are_named_by_file_or_interface(
    tmp_path: Path, name: str, interfaces: list[bytes], names: list[str]
) -> None:
    data = d.section() + b"".join(d.interface(d.option(2, each) if each else b"") for each in interfaces)
    made = reader(tmp_path, data, name)
    assert list(made.chunks()) == []
    assert made.names == names


def starts(parts: list[bytes]) -> list[int]:
    return [sum(map(len, parts[:k])) for k in range(len(parts) + 1)]


RECORDS = [d.pcap_header(), *[d.record(0, k, frame) for k, frame in enumerate(FRAMES[:2])]]
BLOCKS = [d.section(), d.interface(), d.enhanced(1, FRAMES[0]), d.block(d.UNKNOWN, b"text"), d.enhanced(2, FRAMES[1])]


@pytest.mark.parametrize("parts", [RECORDS, BLOCKS])
def test_a_file_cut_at_any_byte_says_where_its_last_record_began(tmp_path: Path, parts: list[bytes]) -> None:
    data, bounds = b"".join(parts), starts(parts)
    for cut in range(28, len(data) + 1):
        begun = max(bound for bound in bounds if bound <= cut)
        packets, fault = ended(tmp_path, data[:cut])
        held = [part for part, end in zip(parts, bounds[1:], strict=True) if end <= cut and FRAMES[0][:40] in part]
        assert packets == len(held), cut
        if begun == cut:
            assert fault is None
        else:
            assert fault is not None and fault.offset == begun, cut
            left = f"the record is cut short: {cut - begun} bytes are left of it"
            assert fault.reason in (left, "the block is cut short")


def test_gzip_that_is_cut_short_gives_its_packets_and_says_so(tmp_path: Path) -> None:
    packed = gzip.compress(CAPTURE, 0, mtime=0)
    packets, fault = ended(tmp_path, packed[: len(packed) // 2])
    assert 5 <= packets <= 10
    assert fault is not None and 24 <= fault.offset < len(CAPTURE)
    assert fault.offset - 24 == packets * (len(FRAMES[0]) + 16)
    assert fault.reason.startswith("gzip data is cut short after")


@pytest.mark.parametrize(
    ("tail", "reason"),
    [
        (struct.pack("<II", d.UNKNOWN, 13) + bytes(8), "a record claims 13 bytes"),
        (d.enhanced(1, FRAMES[0], number=3), "a packet of interface 3, which its section does not describe"),
        (d.enhanced(1, FRAMES[0])[:-4] + b"\4\0\0\0", "a block's trailing length is 4, not its leading one"),
        (d.interface(d.option(14, b"\x7f" * 8)), f"interface's if_tsoffset is {0x7F7F7F7F7F7F7F7F} s"),
    ],
)
def test_a_damaged_file_counts_as_far_as_it_goes(tmp_path: Path, tail: bytes, reason: str) -> None:
    before = SECTION + d.enhanced(1, FRAMES[0])
    made = reader(tmp_path, before + tail + d.enhanced(2, FRAMES[1]))
    assert [chunk.columns.t_ns.size for chunk in made.chunks()] == [1]
    assert made.fault == Fault(len(before), reason)
    line = f"{tmp_path}/x.pcap: byte {len(before)}: {reason}; analysed as far as it goes"
    assert made.warnings()[0] == line


def test_no_capture_is_bad_input(tmp_path: Path) -> None:
    for data in (b"", b"text", gzip.compress(b""), gzip.compress(b"text")):
        with pytest.raises(BadInput, match=r"x\.pcap: is (empty|neither pcap nor pcapng)"):
            list(reader(tmp_path, data).chunks())


def test_compressed_data_without_a_whole_header_says_what_is_wrong_with_it(tmp_path: Path) -> None:
    for packed, kind in ((gzip.compress(CAPTURE), "gzip"), (zstandard.ZstdCompressor().compress(CAPTURE), "zstd")):
        for cut in (4, 8, 12):
            with pytest.raises(BadInput, match=rf"x\.pcap: {kind} data is cut short after \d decompressed bytes"):
                list(reader(tmp_path, packed[:cut]).chunks())


def test_warnings_count_what_a_reader_should_know(tmp_path: Path) -> None:
    statistics = d.block(d.STATISTICS, bytes(12) + d.option(5, struct.pack("<Q", 9)))
    head = SECTION + d.interface(link=105)
    frames = [d.enhanced(5, FRAMES[0]), d.enhanced(4, FRAMES[1][:40], 64), d.enhanced(6, d.ethernet(b"\x41" * 40))]
    frames += [d.enhanced(1 << 63, FRAMES[2]), d.enhanced(7, FRAMES[3], number=1)]
    frames += [d.enhanced(8, d.ethernet(d.ipv4(d.ipv4(d.tcp()), protocol=4))), d.simple(FRAMES[4])]
    made = reader(tmp_path, head + b"".join(frames) + statistics)
    list(made.chunks())
    at = [len(head) + offset for offset in starts(frames)]
    assert made.warnings() == [
        f"x.pcap: 1 packets captured too short to read whole headers, the first at byte {at[1]}",
        f"x.pcap: 1 packets with malformed headers, the first at byte {at[2]}",
        f"x.pcap: 2 packets stamped earlier than the one before, the first at byte {at[1]}",
        f"x.pcap: 1 packets stamped beyond the year 2262, the first at byte {at[3]}",
        "x.pcap: 1 packets without a time of their own (simple packet blocks)",
        "x.pcap: 1 packets that carry others within (tunnels), which were not looked at",
        "x.pcap: 9 packets dropped by the capture itself",
        "x.pcap: 1 packets not read: link type 105 (802.11) carries no IP that netemu reads; it reads Ethernet, Linux"
        " cooked v1 and v2, raw IP, BSD null and loopback",
    ]


def test_a_name_that_is_no_text_can_be_told(tmp_path: Path) -> None:
    (tmp_path / "caf\udce9.pcap").write_bytes(CAPTURE)
    made = Reader(tmp_path / "caf\udce9.pcap")
    list(made.chunks())
    assert made.names == ["caf\ufffd"]


def test_tunnels_are_looked_into_where_that_is_asked(tmp_path: Path) -> None:
    (tmp_path / "x").write_bytes(d.pcap([d.ethernet(d.ipv4(d.ipv4(d.tcp(b"data")), protocol=4))]))
    outer, inner = Reader(tmp_path / "x"), Reader(tmp_path / "x", inner=True)
    assert [columns(list(each.chunks()))["protocol"] for each in (outer, inner)] == [[4], [6]]
    assert inner.warnings() == []


def test_a_clean_file_has_no_warning(tmp_path: Path) -> None:
    made = reader(tmp_path, CAPTURE)
    list(made.chunks())
    assert (made.warnings(), made.fault, made.bytes_read) == ([], None, len(CAPTURE))


def test_flags_proven_late_reach_the_chunks_that_are_still_held(tmp_path: Path) -> None:
    made = reader(tmp_path, CAPTURE)
    chunks = list(raw_chunks(made, 4))[1:4]
    for chunk in chunks:
        chunk.columns.spurious_by[:] = 0
    rows = [4, 11, 3, 15]
    made.state.tables["events"]["row"][: len(rows)] = rows
    made.state.tables["events"]["spurious"][: len(rows)] = 1
    made.state.tables["patches"][: len(rows)] = range(len(rows))
    made.state.control["patch_count"] = len(rows)
    made._settle(chunks)
    flagged = [chunk.first_row + int(k) for chunk in chunks for k in np.flatnonzero(chunk.columns.spurious_by)]
    assert flagged == [4, 11, 15]
    assert made.late_flags == 1
    assert made.state["patch_count"] == 0
    assert made.warnings()[-1] == "x.pcap: 1 spurious retransmissions proven too late to be flagged in packets"


def test_chunks_are_held_until_enough_have_followed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    settled: list[int] = []
    monkeypatch.setattr(engine, "CHUNK_ROWS", 4)
    monkeypatch.setattr(Reader, "_settle", lambda self, pending: settled.append(len(pending)))
    given_out = [chunk.first_row for chunk in reader(tmp_path, CAPTURE).chunks()]
    assert given_out == [0, 4, 8, 12, 16]
    assert settled == [1, 2] + [SETTLE_CHUNKS + 1] * 3
