from __future__ import annotations

import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from netemu.link.headers import parse_headers
from tests.link.packets import A1, H1, H2, ipv4, ipv6, tcp, udp


def test_tcp_over_ipv4_with_options() -> None:
    headers = parse_headers(b"eth" + ipv4(6, tcp(b"hello", seq=9, flags=0x18), tos=2, options=bytes(8)), 3)
    assert headers is not None
    assert (headers.version, headers.ecn, headers.source, headers.destination) == (4, 2, H1, H2)
    assert headers.flow() == (H1, H2, 1, 2)
    assert (headers.seq, headers.ack, headers.flags, headers.window) == (9, 7, 0x18, 1000)
    assert (headers.payload_bytes, headers.ip_bytes) == (5, 28 + 20 + 5)


def test_udp_over_ipv6_behind_extension_headers() -> None:
    options = bytes((60, 1)) + bytes(14)  # hop-by-hop of 16 bytes, then destination options of 8
    body = options + bytes((17, 0)) + bytes(6) + udp(b"abc")
    headers = parse_headers(ipv6(0, body, traffic_class=1))
    assert headers is not None
    assert (headers.protocol, headers.ecn, headers.source) == (17, 1, A1)
    assert (headers.source_port, headers.payload_bytes, headers.flags) == (1, 3, -1)


@pytest.mark.parametrize(
    "packet", [ipv4(6, tcp(b"x"), fragment=5), ipv6(44, struct.pack("!BBHI", 6, 0, 8, 1) + tcp(b"x"))], ids=["4", "6"]
)
def test_a_later_fragment_has_no_ports(packet: bytes) -> None:
    headers = parse_headers(packet)
    assert headers is not None
    assert (headers.protocol, headers.source_port, headers.flags, headers.payload_bytes) == (6, -1, -1, 0)


@pytest.mark.parametrize(
    ("packet", "error"),
    [
        (ipv4(1, bytes((3, 4)) + bytes(6)), True),
        (ipv4(1, bytes((8, 0)) + bytes(6)), False),
        (ipv6(58, bytes((2, 0)) + bytes(6)), True),
        (ipv6(58, bytes((135, 0)) + bytes(6)), False),
        (ipv4(17, udp()), False),
    ],
    ids=["unreachable", "echo", "packet too big", "neighbour solicitation", "udp"],
)
def test_icmp_errors_are_told_from_the_rest(packet: bytes, error: bool) -> None:
    headers = parse_headers(packet)
    assert headers is not None
    assert headers.is_icmp_error() is error


def test_a_packet_cut_in_its_header_is_none_and_cut_in_the_upper_has_no_ports() -> None:
    packet = ipv4(6, tcp(b"x" * 100))
    assert parse_headers(packet[:19]) is None
    headers = parse_headers(packet[:30])
    assert headers is not None
    assert headers.source_port == -1
    whole, cut = parse_headers(packet), parse_headers(packet[:40])
    assert whole is not None and cut is not None
    assert whole.payload_bytes == cut.payload_bytes == 100


@given(st.binary(max_size=120), st.integers(min_value=0, max_value=3))
def test_nothing_raises(packet: bytes, offset: int) -> None:
    headers = parse_headers(packet, offset)
    assert headers is None or headers.version in (4, 6)


@given(st.binary(min_size=40, max_size=120), st.sampled_from((0, 6, 17, 43, 44, 58, 60)))
def test_nothing_raises_on_ipv6(rest: bytes, protocol: int) -> None:
    headers = parse_headers(ipv6(protocol, rest))
    assert headers is not None
    assert headers.payload_bytes >= 0
