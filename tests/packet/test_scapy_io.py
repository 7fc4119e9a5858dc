"""Single frames through Scapy: what is crafted is dissected the same, and what is not there is not made up."""

import dataclasses
import struct

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from netemu.packet import IcmpError, IpPacket, TcpOptions, TcpSegment
from netemu.packet.scapy_io import craft, dissect

ADDRESSES = {4: ("10.0.0.1", "10.0.0.2"), 6: ("2001:db8::1", "2001:db8::2")}
OPTIONS = TcpOptions(1460, 7, True, (), 1, 0)


def packet(version: int = 4, **changes: object) -> IpPacket:
    """A SYN with Linux's options, and its true length."""
    segment = TcpSegment(40000, 80, 1000, 0, 2, 64240, 0, OPTIONS)
    whole = IpPacket(version, *ADDRESSES[version], 6, 60 if version == 4 else 80, 64, 0, True, False, segment)
    return dataclasses.replace(whole, **changes)  # type: ignore[arg-type]


@pytest.mark.parametrize("version", [4, 6])
def test_a_syn_byte_by_byte(version: int) -> None:
    frame = craft(packet(version))
    assert frame[34 + 20 * (version == 6) + 20 :].hex() == "020405b40402080a000000010000000003030700"
    assert dissect(frame) == packet(version)


@settings(max_examples=40)
@given(
    version=st.sampled_from([4, 6]),
    numbers=st.tuples(*[st.integers(0, (1 << bits) - 1) for bits in (16, 16, 32, 32, 8, 16)]),
    payload=st.integers(0, 1400),
    blocks=st.lists(st.tuples(st.integers(0, 2**32 - 1), st.integers(0, 2**32 - 1)), max_size=3),
    ecn_and_ttl=st.tuples(st.integers(0, 3), st.integers(0, 255)),
)
def test_what_is_crafted_is_dissected_the_same(
    version: int,
    numbers: tuple[int, int, int, int, int, int],
    payload: int,
    blocks: list[tuple[int, int]],
    ecn_and_ttl: tuple[int, int],
) -> None:
    segment = TcpSegment(*numbers, payload, TcpOptions(sack_blocks=tuple(blocks), ts_val=5, ts_ecr=6))
    made = packet(version, tcp=segment, ecn=ecn_and_ttl[0], ttl=ecn_and_ttl[1])
    frame = craft(made)
    assert dissect(frame) == dataclasses.replace(made, ip_bytes=len(frame) - 14)


def test_payload_and_identification_are_as_given() -> None:
    frame = craft(packet(tcp=TcpSegment(1, 2, 3, 4, 24, 5, 3)), ip_id=0xABCD, payload=b"abc")
    assert frame.endswith(b"abc")
    assert frame[18:20] == b"\xab\xcd"


def test_the_flag_of_fragments_is_carried() -> None:
    made = packet(dont_fragment=False, fragment=True)
    frame = craft(made)
    assert frame[20:22] == b"\x20\x00"
    assert dissect(frame) == made


def test_a_later_fragment_has_no_segment() -> None:
    frame = bytearray(craft(packet()))
    frame[20:22] = struct.pack("!H", 10)
    found = dissect(bytes(frame))
    assert found is not None
    assert (found.fragment, found.tcp) == (True, None)


@pytest.mark.parametrize(
    ("link", "head"),
    [
        (12, b""),
        (101, b""),
        (228, b""),
        (0, b"\2\0\0\0"),
        (113, bytes(14) + b"\x08\x00"),
        (276, b"\x08\x00" + bytes(18)),
    ],
)
def test_other_link_types(link: int, head: bytes) -> None:
    assert dissect(head + craft(packet())[14:], link) == packet()


@pytest.mark.parametrize("link", [101, 229])
def test_raw_ipv6(link: int) -> None:
    assert dissect(craft(packet(6))[14:], link) == packet(6)


def test_extension_headers_are_no_payload() -> None:
    frame = craft(packet(6))
    chain = b"\x3c\0\1\4\0\0\0\0" + b"\6\0\1\4\0\0\0\0"
    longer = frame[:18] + struct.pack("!HB", 40 + 16, 0) + frame[21:54] + chain + frame[54:]
    assert dissect(longer) == packet(6, ip_bytes=96)


@pytest.mark.parametrize("frame", [bytes(12) + b"\x08\x06" + bytes(28), bytes(12) + b"\x88\xb5netemu-probe"])
def test_what_is_no_ip_is_none(frame: bytes) -> None:
    assert dissect(frame) is None


def test_a_header_that_is_not_whole_is_not_filled_with_defaults() -> None:
    frame = craft(packet())
    for cut in range(35, 54):
        found = dissect(frame[:cut])
        assert found is None or found.tcp is None, cut


@pytest.mark.parametrize(("version", "kind", "code", "mtu"), [(4, 3, 4, 1400), (4, 11, 0, None), (6, 2, 0, 1280)])
def test_icmp_errors_quote_the_start_of_what_they_are_about(
    version: int, kind: int, code: int, mtu: int | None
) -> None:
    about = packet(version, tcp=TcpSegment(40000, 80, 7, 0, 0, 0, 0))
    made = packet(version, protocol=1 if version == 4 else 58, tcp=None, icmp=IcmpError(kind, code, mtu, about))
    found = dissect(craft(made))
    assert found is not None and found.icmp is not None and found.icmp.quoted is not None
    assert (found.icmp.type, found.icmp.code, found.icmp.mtu_bytes) == (kind, code, mtu)
    assert (found.protocol, found.tcp) == (made.protocol, None)
    assert (found.icmp.quoted.source, found.icmp.quoted.destination) == ADDRESSES[version]
    assert found.icmp.quoted.tcp == about.tcp


def test_what_cannot_be_crafted_is_refused() -> None:
    with pytest.raises(ValueError, match="only TCP and ICMP errors"):
        craft(packet(tcp=None))
    with pytest.raises(ValueError, match="quotes the packet it is about"):
        craft(packet(tcp=None, icmp=IcmpError(3, 4, 1400, None)))
