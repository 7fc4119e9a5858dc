"""File headers, pcapng sections and interfaces, and where a damaged file is said to stop making sense."""

import struct

import numpy as np
import pytest

from netemu.errors import BadInput
from netemu.trace.container import (
    MAX_COMMENTS,
    MAX_INTERFACES,
    Container,
    Fault,
    needs_more,
    printable,
    unsupported_text,
)
from netemu.trace.records import NEED_MORE
from netemu.trace.source import Window
from tests.trace import dissection as d

FRAME = d.ethernet(d.ipv4(d.tcp(b"data")))


def opened(data: bytes) -> Container:
    container = Container("x.pcap")
    container.open(Window(np.frombuffer(data, np.uint8), 0, True))
    return container


@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize(("magic", "unit_ns"), [(d.MICRO, 1000), (d.NANO, 1)])
def test_pcap_times_in_both_precisions_and_byte_orders(order: str, magic: int, unit_ns: int) -> None:
    found = d.scan(d.pcap_header(magic=magic, order=order) + d.record(1_700_000_000, 999_999, FRAME, order=order))
    assert found.all("t_ns") == [1_700_000_000 * 10**9 + 999_999 * unit_ns]
    assert found.all("seq") == [1000]
    assert (found.fault, found.end) == (None, NEED_MORE)


def test_pcap_of_the_patched_libpcap_has_eight_more_bytes_per_record() -> None:
    plain = d.record(3, 4, FRAME)
    found = d.scan(d.pcap_header(magic=d.KUZNETZOV) + 2 * (plain[:16] + b"\1\0\0\0\0\10\0\0" + FRAME))
    assert found.all("t_ns") == [3_000_004_000] * 2
    assert found.all("payload") == [4, 4]


def test_bits_of_a_frame_check_sequence_do_not_hide_the_link_type() -> None:
    assert d.scan(d.pcap_header(link=0x24000001) + d.record(0, 0, FRAME)).all("dport") == [80]


@pytest.mark.parametrize(
    ("data", "line"),
    [
        (b"", "x.pcap: is empty (first bytes none); give a capture file"),
        (b"\x89PNG....", "x.pcap: is neither pcap nor pcapng (first bytes 89504e47); give a capture file"),
        (b"\xd4\xc3", "x.pcap: is neither pcap nor pcapng (first bytes d4c3); give a capture file"),
        (d.pcap_header()[:23], "x.pcap: pcap header is cut short at byte 23 of 24; give a whole file"),
        (d.section()[:27], "x.pcap: pcapng header is cut short at byte 27 of 28; give a whole file"),
        (d.section()[:4], "x.pcap: pcapng header is cut short at byte 4 of 28; give a whole file"),
        (
            d.section()[:8] + b"what" + d.section()[12:],
            "x.pcap: byte 0: section's byte-order magic is 77686174; give a capture file",
        ),
    ],
)
def test_what_is_no_capture_is_one_clear_line(data: bytes, line: str) -> None:
    with pytest.raises(BadInput) as caught:
        opened(data)
    assert str(caught.value) == line


def test_a_pcap_of_another_link_type_is_refused_with_its_number() -> None:
    with pytest.raises(BadInput, match=r"link type 105 \(802.11\) carries no IP that netemu reads; it reads Ethernet"):
        opened(d.pcap_header(link=105))


def test_sections_of_both_byte_orders_each_with_interfaces_of_its_own() -> None:
    data = b""
    for order, unit in (("<", 6), (">", 9)):
        data += d.section(order=order)
        data += d.interface(d.option(9, bytes([unit]), order=order), link=d.RAW, order=order)
        data += d.interface(d.option(2, f"if{unit}".encode(), order=order), order=order)
        data += d.enhanced(5, FRAME, number=1, order=order) + d.enhanced(5, FRAME[14:], number=0, order=order)
    found = d.scan(data)
    assert found.fault is None
    assert found.container.names == ["", "if6", "", "if9"]
    assert found.all("capture") == [1, 0, 3, 2]
    assert found.all("link") == [d.ETHERNET, d.RAW, d.ETHERNET, d.RAW]
    assert found.all("t_ns") == [5000, 5000, 5000, 5]
    assert found.all("payload") == [4, 4, 4, 4]


def test_an_interface_says_its_time_offset_in_seconds() -> None:
    options = d.option(14, struct.pack("<q", -7)) + d.option(9, b"\x09")
    assert d.scan(d.section() + d.interface(options) + d.enhanced(10**10, FRAME)).all("t_ns") == [3 * 10**9]


def test_comments_and_the_drops_of_all_statistics_are_kept() -> None:
    statistics = [
        d.block(d.STATISTICS, bytes(12) + b"".join(d.option(code, struct.pack("<Q", n)) for code, n in pairs))
        for pairs in ([(4, 900), (5, 3)], [(7, 4)])
    ]
    head = d.section(d.option(3, b"Linux") + d.option(1, "réseau".encode()) + d.option(1, b"two\nlines\x1b[2J"))
    link = d.interface(d.option(1, b"on the left"))
    noted = d.block(d.STATISTICS, bytes(12) + d.option(1, b"done"))
    found = d.scan(head + link + b"".join(statistics) + noted + d.section(d.option(1, b"second")))
    assert found.container.comments == ["réseau", "two\nlines\ufffd[2J", "on the left", "done", "second"]
    assert (found.container.dropped, found.container.sections) == (7, 2)


def test_no_more_comments_are_kept_than_a_person_would_read() -> None:
    many = d.section(d.option(1, b"x" * 5000) * 12)
    assert [len(comment) for comment in d.scan(many).container.comments] == [4096] * 12
    assert len(d.scan(d.section(d.option(1, b"x") * (MAX_COMMENTS + 5))).container.comments) == MAX_COMMENTS


def test_names_that_could_steer_a_terminal_are_made_harmless() -> None:
    assert printable(b"eth\x1b]0;\n\xff") == "eth\ufffd]0;\ufffd\ufffd"
    assert d.scan(d.section() + d.interface(d.option(2, b"\x1bc"))).container.names == ["\ufffdc"]


@pytest.mark.parametrize(
    ("own", "names"),
    [
        ([], ["stem"]),
        (["eth0"], ["stem"]),
        (["eth0", ""], ["eth0", "stem-1"]),
        (["eth0", "eth0", "eth0"], ["eth0", "eth0-1", "eth0-2"]),
        (["a-1", "a", "a", ""], ["a-1", "a", "a-2", "stem-3"]),
        (["a-2", "a", "a"], ["a-2", "a", "a-2-2"]),
    ],
)
def test_no_two_captures_of_a_file_have_one_name(own: list[str], names: list[str]) -> None:
    container = Container("x")
    container.names += own
    assert container.capture_names("stem") == names


def test_a_name_once_given_stays() -> None:
    container = Container("x")
    assert container.capture_names("stem") == ["stem"]
    container.names.append("eth0")
    assert container.capture_names("stem") == ["stem"]
    container.names.append("eth1")
    assert container.capture_names("stem") == ["stem", "eth1"]
    container.names += ["eth1", ""]
    assert container.capture_names("stem") == ["stem", "eth1", "eth1-2", "stem-3"]


def test_no_capture_is_called_as_one_of_another_file() -> None:
    container = Container("x.pcapng", taken=frozenset({"stem", "stem-2", "eth1"}))
    assert container.capture_names("stem") == ["stem-3"] and not container.renamed
    container.names.append("eth0")
    assert container.capture_names("stem") == ["stem-3"] and container.renamed
    container.names += ["eth1", "eth1"]
    assert container.capture_names("stem") == ["stem-3", "eth1-2", "eth1-3"]
    other = Container("x.pcapng", taken=frozenset({"eth1"}), names=["eth0", "eth2"])
    assert other.capture_names("eth1") == ["eth0", "eth2"] and not other.renamed


def test_options_that_run_over_their_block_end_there() -> None:
    found = d.scan(d.section() + d.interface(d.option(2, b"eth0") + struct.pack("<HH", 9, 400)) + d.enhanced(1, FRAME))
    assert found.container.names == ["eth0"]
    assert found.all("t_ns") == [1000]


def test_an_interface_of_another_link_type_is_counted_and_its_packets_are_not_ip() -> None:
    ip = d.ipv4(d.tcp(b"data"))
    links = d.interface(link=105) + d.interface() + d.interface(link=5000)
    found = d.scan(d.section() + links + 3 * d.enhanced(1, ip, number=0) + d.enhanced(1, FRAME, number=1))
    assert found.container.unsupported() == {105: 3, 5000: 0}
    assert found.all("payload") == [0, 0, 0, 4]
    assert found.all("ip_version") == [0, 0, 0, 4]
    assert unsupported_text(105).startswith("link type 105 (802.11) carries no IP")
    assert unsupported_text(5000).startswith("link type 5000 carries no IP")


def faulty(data: bytes) -> Fault:
    found = d.scan(data)
    assert found.fault is not None
    return found.fault


BEFORE = d.section() + d.interface() + d.enhanced(1, FRAME)


@pytest.mark.parametrize(
    ("tail", "reason"),
    [
        (d.block(d.SECTION, struct.pack("<I", 0x1A2B3C4D) + bytes(8)), "section block is too short"),
        (
            d.block(d.SECTION, struct.pack("<IHHq", 0x1A2B3C4D, 2, 1, -1)),
            "section is of pcapng 2.1, netemu knows 1",
        ),
        (d.interface(d.option(14, struct.pack("<q", 1 << 40))), f"interface's if_tsoffset is {1 << 40} s"),
        (d.block(d.INTERFACE, bytes(4)), "interface block is too short"),
        (struct.pack("<IIII", d.SECTION, 28, 0x1A2B3C4E, 0) + bytes(12), "section's byte-order magic is 4e3c2b1a"),
        (struct.pack("<III", d.SECTION, 30, 0x1A2B3C4D) + bytes(30), "a block claims 30 bytes"),
        (struct.pack("<III", d.SECTION, 8, 0x1A2B3C4D) + bytes(30), "a block claims 8 bytes"),
        (struct.pack("<III", d.SECTION, 1 << 25, 0x1A2B3C4D), f"a block claims {1 << 25} bytes"),
        (d.section()[:-4] + b"\x20\0\0\0", "a block's trailing length is 32, not its leading 28"),
        (d.section()[:-1], "the block is cut short"),
    ],
)
def test_a_faulty_block_is_named_with_its_offset_and_packets_before_it_count(tail: bytes, reason: str) -> None:
    assert faulty(BEFORE + tail) == Fault(len(BEFORE), reason)
    assert d.scan(BEFORE + tail).all("payload") == [4]


def test_interfaces_are_limited() -> None:
    one = d.interface()
    assert d.scan(d.section() + MAX_INTERFACES * one).fault is None
    expected = Fault(28 + MAX_INTERFACES * len(one), f"more than {MAX_INTERFACES} interfaces")
    assert faulty(d.section() + (MAX_INTERFACES + 1) * one) == expected


def test_a_block_that_goes_on_behind_the_window_only_needs_more() -> None:
    window = Window(np.frombuffer(d.section(d.option(1, b"why"))[:-1], np.uint8), 1000, False)
    container = Container("x")
    container.open(window)
    assert needs_more(container.read_block(window))
    assert not needs_more(None)
    window.last = True
    assert container.read_block(window) == Fault(1000, "the block is cut short")


def test_bytes_that_ended_early_say_why_where_no_header_is_whole() -> None:
    for data in (b"", d.pcap_header()[:9], d.section()[:9]):
        with pytest.raises(BadInput, match=r"x\.pcap: gzip data is cut short; give a whole file"):
            Container("x.pcap").open(Window(np.frombuffer(data, np.uint8), 0, True), "gzip data is cut short")


def test_a_window_that_follows_is_read_from_its_start_and_its_place_in_the_file_is_known() -> None:
    container = opened(d.pcap_header())
    assert container.position == 24
    container.follow(Window(np.zeros(3, np.uint8), 777, True))
    assert (container.position, container.scan["base"][0]) == (0, 777)
