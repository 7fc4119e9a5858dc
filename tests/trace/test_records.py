"""Packet records and blocks one by one: lengths, times, blocks without packets, and every place a file can be cut."""

import struct

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from netemu.errors import BadInput
from netemu.trace import records as r
from tests.trace import dissection as d

FRAME = d.ethernet(d.ipv4(d.tcp(b"data!")))
HEAD = d.section() + d.interface(d.option(9, b"\x09"))


def test_captured_and_wire_length_are_kept_apart() -> None:
    found = d.scan(d.pcap_header() + d.record(0, 0, FRAME, 1514) + d.record(0, 0, FRAME, 3) + d.record(0, 0, b"", 60))
    assert found.all("cap_bytes") == [59, 59, 0]
    assert found.all("wire_bytes") == [1514, 59, 60]


@pytest.mark.parametrize(("minor", "lengths"), [(2, [1514, 59]), (3, [1514, 59]), (3, [59, 1514]), (4, [59, 1514])])
def test_files_of_old_versions_have_the_original_length_first(minor: int, lengths: list[int]) -> None:
    header = d.pcap_header()
    header = header[:6] + struct.pack("<H", minor) + header[8:]
    found = d.scan(header + struct.pack("<IIII", 0, 0, *lengths) + FRAME + d.record(1, 0, FRAME))
    assert found.all("cap_bytes") == [59, 59] and found.all("wire_bytes") == [1514, 59]


def test_a_pcap_length_that_no_writer_makes_ends_the_file() -> None:
    found = d.scan(d.pcap_header() + d.record(0, 0, FRAME) + struct.pack("<IIII", 0, 0, r.MAX_RECORD_BYTES + 1, 0))
    assert (len(found.packets), found.end) == (1, r.BAD_LENGTH)
    assert found.container.scan["value"][0] == r.MAX_RECORD_BYTES + 1
    assert found.container.position == 24 + 16 + len(FRAME)


def test_unknown_blocks_are_skipped() -> None:
    unknown = d.block(d.UNKNOWN, b"whatever") + d.block(0x80000001, b"") + d.block(4, bytes(16))
    found = d.scan(HEAD + unknown + d.enhanced(1, FRAME) + unknown + d.enhanced(2, FRAME) + unknown)
    assert found.all("t_ns") == [1, 2]
    assert found.end == r.NEED_MORE


@pytest.mark.parametrize("order", ["<", ">"])
def test_a_simple_packet_has_no_time_of_its_own_and_its_length_from_the_block(order: str) -> None:
    head = d.section(order=order) + d.interface(snap=50, order=order)
    found = d.scan(head + d.enhanced(7, FRAME, order=order) + d.simple(FRAME[:50], 1000, order=order))
    assert found.all("t_ns") == [7000, 7000]
    assert found.all("cap_bytes") == [59, 50]
    assert found.all("wire_bytes") == [59, 1000]
    assert found.all("truncated") == [0, 1]


def test_a_simple_packets_padding_is_no_part_of_it() -> None:
    assert len(FRAME) % 4
    found = d.scan(d.section() + d.interface() + d.simple(FRAME) + d.simple(FRAME + b"trailer"))
    assert found.all("cap_bytes") == [59, 66]
    assert found.all("payload") == [5, 5]


@pytest.mark.parametrize("order", ["<", ">"])
def test_the_obsolete_packet_block_is_read(order: str) -> None:
    head = struct.pack(order + "HHIIII", 1, 0, 0, 9, len(FRAME), 99)
    start = d.section(order=order) + d.interface(link=d.RAW, order=order) + d.interface(order=order)
    packet = d.scan(start + d.block(d.OLD_PACKET, head + FRAME, order=order)).packets[0]
    assert (packet["t_ns"], packet["wire_bytes"], packet["capture"], packet["payload"]) == (9000, 99, 1, 5)


@pytest.mark.parametrize(
    ("tail", "end", "value"),
    [
        (d.enhanced(1, FRAME, number=1), r.BAD_INTERFACE, 1),
        (d.section() + d.enhanced(1, FRAME), r.BAD_INTERFACE, 0),
        (d.section() + d.simple(FRAME), r.BAD_INTERFACE, 0),
        (d.block(d.ENHANCED, bytes(16)), r.BAD_LENGTH, 28),
        (d.block(d.SIMPLE, b""), r.BAD_LENGTH, 12),
        (d.block(d.ENHANCED, struct.pack("<IIIII", 0, 0, 0, 5, 5) + bytes(4)), r.BAD_LENGTH, 5),
        (struct.pack("<II", d.ENHANCED, 11) + bytes(8), r.BAD_LENGTH, 11),
        (struct.pack("<II", d.UNKNOWN, 18) + bytes(30), r.BAD_LENGTH, 18),
        (struct.pack("<II", d.UNKNOWN, r.MAX_BLOCK_BYTES + 4) + bytes(30), r.BAD_LENGTH, r.MAX_BLOCK_BYTES + 4),
        (d.enhanced(1, FRAME)[:-4] + b"\x10\0\0\0", r.BAD_TRAILER, 16),
        (d.block(d.UNKNOWN, b"")[:-4] + b"\x10\0\0\0", r.BAD_TRAILER, 16),
    ],
)
def test_a_bad_block_ends_the_file_with_its_kind_and_value(tail: bytes, end: int, value: int) -> None:
    found = d.scan(HEAD + d.enhanced(1, FRAME) + tail)
    assert (len(found.packets), found.fault, found.end) == (1, None, end)
    assert found.container.scan["value"][0] == value


def stamped(resolution: int, stamp: int, offset_s: int = 0) -> tuple[int, int]:
    """The time of a packet behind one of time 5 ns, and how many times could not be."""
    options = d.option(9, bytes([resolution])) + d.option(14, struct.pack("<q", offset_s))
    head = d.section() + d.interface(d.option(9, b"\x09")) + d.interface(options)
    found = d.scan(head + d.enhanced(5, FRAME) + d.enhanced(stamp, FRAME, number=1))
    return found.all("t_ns")[1], int(found.container.scan["unclear_times"][0])


def exact_ns(resolution: int, stamp: int) -> int:
    """By whole numbers of any size, rounded down."""
    exponent = resolution & 0x7F
    return stamp * 10**9 >> exponent if resolution & 0x80 else stamp * 10**9 // 10**exponent


@settings(max_examples=300)
@given(resolution=st.integers(0, 255), stamp=st.integers(0, 64).flatmap(lambda bits: st.integers(0, (1 << bits) - 1)))
@example(resolution=9, stamp=(1 << 63) - 1)
@example(resolution=9, stamp=1 << 63)
@example(resolution=6, stamp=((1 << 63) - 1) // 1000)
@example(resolution=6, stamp=((1 << 63) - 1) // 1000 + 1)
@example(resolution=10, stamp=(1 << 64) - 1)
@example(resolution=28, stamp=(1 << 64) - 1)
@example(resolution=29, stamp=(1 << 64) - 1)
@example(resolution=0, stamp=9_223_372_036)
@example(resolution=0x80, stamp=9_223_372_037)
@example(resolution=0x80 | 30, stamp=9_223_372_036 << 30)
@example(resolution=0x80 | 32, stamp=(1 << 64) - 1)
@example(resolution=0x80 | 94, stamp=(1 << 64) - 1)
def test_every_resolution_gives_exact_nanoseconds_or_says_that_it_cannot(resolution: int, stamp: int) -> None:
    exact = exact_ns(resolution, stamp)
    assert stamped(resolution, stamp) == ((exact, 0) if exact < 1 << 63 else (5, 1))


@pytest.mark.parametrize(
    ("stamp", "offset_s", "expected"),
    [
        (7_000_000_000, -7, (0, 0)),
        (6_999_999_999, -7, (5, 1)),
        ((1 << 63) - 1 - 2 * 10**9, 2, ((1 << 63) - 1, 0)),
        ((1 << 63) - 2 * 10**9, 2, (5, 1)),
        (0, -9_223_372_036, (5, 1)),
        (0, 9_223_372_036, (9_223_372_036 * 10**9, 0)),
    ],
)
def test_an_offset_may_not_bring_a_time_out_of_63_bits(stamp: int, offset_s: int, expected: tuple[int, int]) -> None:
    assert stamped(9, stamp, offset_s) == expected


def test_the_place_of_the_first_time_that_cannot_be_is_kept() -> None:
    found = d.scan(HEAD + d.enhanced(1, FRAME) + 2 * d.enhanced(1 << 63, FRAME))
    assert int(found.container.scan["unclear_at"][0]) == len(HEAD) + len(d.enhanced(1, FRAME))
    assert found.all("at") == [len(HEAD) + k * len(d.enhanced(1, FRAME)) for k in range(3)]


def commented(order: str, *options: bytes) -> bytes:
    body = struct.pack(order + "IIIII", 0, 0, 9, len(FRAME), len(FRAME)) + FRAME + bytes(-len(FRAME) % 4)
    return d.block(d.ENHANCED, body + b"".join(options), order=order)


@pytest.mark.parametrize("order", ["<", ">"])
def test_comments_of_packets_are_counted(order: str) -> None:
    note, flags = d.option(1, b"look here", order=order), d.option(2, bytes(4), order=order)
    packets = [
        commented(order, flags, note, note, d.option(0, b"", order=order), note),
        commented(order),
        commented(order, note),
        commented(order, struct.pack(order + "HH", 1, 400)),
    ]
    found = d.scan(d.section(order=order) + d.interface(order=order) + b"".join(packets))
    assert found.all("payload") == [5] * 4
    assert int(found.container.scan["packet_comments"][0]) == 3


def test_packets_without_a_time_are_counted() -> None:
    found = d.scan(HEAD + d.simple(FRAME) + d.enhanced(1, FRAME) + d.simple(FRAME))
    assert (found.all("t_ns"), int(found.container.scan["untimed"][0])) == ([0, 1, 1], 2)


def test_packets_are_counted_for_their_interfaces() -> None:
    blocks = d.enhanced(1, FRAME, number=1) + d.simple(FRAME) + 2 * d.enhanced(1, FRAME, number=1)
    found = d.scan(HEAD + d.interface() + blocks)
    assert found.container.interfaces["packets"][:2].tolist() == [1, 3]
    assert d.scan(SAMPLES["pcap"]).container.interfaces["packets"][0] == 2


SAMPLES = {
    "pcap": d.pcap_header() + d.record(1, 2, FRAME) + d.record(3, 4, FRAME),
    "pcap, big endian, micro": d.pcap_header(magic=d.MICRO, order=">") + 2 * d.record(3, 4, FRAME, order=">"),
    "pcapng": HEAD + d.enhanced(1, FRAME) + d.block(d.UNKNOWN, b"text") + d.simple(FRAME),
    "pcapng, big endian": d.section(order=">") + d.interface(order=">") + 2 * d.enhanced(1, FRAME, order=">"),
}


@pytest.mark.parametrize("name", SAMPLES)
def test_a_file_cut_at_any_byte_gives_what_is_whole(name: str) -> None:
    data = SAMPLES[name]
    whole = d.scan(data)
    assert whole.all("payload") == [5, 5]
    counts = []
    for cut in range(len(data)):
        try:
            found = d.scan(data[:cut]) if cut else None
        except BadInput as error:
            # Too short even for the file's header
            assert cut < 28 and str(error).startswith("memory: ")
            continue
        if found is None:
            continue
        assert found.packets == whole.packets[: len(found.packets)]
        assert found.end == r.NEED_MORE or (found.fault and found.fault.reason == "the block is cut short")
        assert found.container.position <= cut
        counts.append(len(found.packets))
    assert counts == sorted(counts)
    assert {0, 1} <= set(counts)
