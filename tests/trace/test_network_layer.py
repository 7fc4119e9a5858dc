"""IPv4 and IPv6 headers: options, extension headers, fragments, and headers that lie or are cut short."""

import struct

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.trace import dissection as d

SEGMENT = d.tcp(b"payload")


def extension(following: int, words: int = 0) -> bytes:
    """An extension header of ``8 + 8 * words`` bytes."""
    return struct.pack("!BB", following, words) + bytes(6 + 8 * words)


def fragment6(following: int, offset: int, more: int, ip_id: int = 0x12345678) -> bytes:
    return struct.pack("!BBHI", following, 0, offset | more, ip_id)


def raw(packet: bytes, wire: int | None = None) -> dict[str, int]:
    return d.dissect(packet, d.RAW, wire)


def test_the_fields_of_ipv4() -> None:
    packet = raw(d.ipv4(SEGMENT, ip_id=0xBEEF))
    assert (d.address(packet, "src"), d.address(packet, "dst")) == ("10.0.0.1", "10.0.0.2")
    expected = {"ip_version": 4, "protocol": 6, "ip_bytes": 47, "ttl": 63, "ecn": 1, "dont_fragment": 1}
    expected |= {"fragment": 0, "ip_id": 0xBEEF, "header_bytes": 20, "payload": 7, "malformed": 0, "truncated": 0}
    assert {name: packet[name] for name in expected} == expected


def test_the_fields_of_ipv6() -> None:
    packet = raw(d.ipv6(SEGMENT))
    assert (d.address(packet, "src"), d.address(packet, "dst")) == ("2001:db8::1", "fe80::2")
    expected = {"ip_version": 6, "protocol": 6, "ip_bytes": 67, "ttl": 62, "ecn": 2, "dont_fragment": 1}
    expected |= {"fragment": 0, "ip_id": -1, "header_bytes": 40, "payload": 7, "malformed": 0, "truncated": 0}
    assert {name: packet[name] for name in expected} == expected


@pytest.mark.parametrize("words", [1, 5, 10])
def test_ipv4_options_are_skipped(words: int) -> None:
    packet = raw(d.ipv4(SEGMENT, options=b"\1" * 4 * words))
    assert (packet["header_bytes"], packet["payload"], packet["seq"]) == (20 + 4 * words, 7, 1000)


def test_ethernet_padding_is_no_payload() -> None:
    assert d.dissect(d.ethernet(d.ipv4(d.tcp())).ljust(60, b"\0"))["payload"] == 0
    assert d.dissect(d.ethernet(d.ipv6(d.tcp())) + b"fcs!")["payload"] == 0


def test_ipv4_fragments() -> None:
    first, later = raw(d.ipv4(SEGMENT, word=0x2000)), raw(d.ipv4(b"x" * 8, word=0x2000 | 185))
    last = raw(d.ipv4(b"x" * 8, word=370))
    names = ("fragment", "more_fragments", "fragment_offset", "dont_fragment")
    assert [first[name] for name in names] == [1, 1, 0, 0]
    assert [later[name] for name in names] == [1, 1, 1480, 0]
    assert [last[name] for name in names] == [1, 0, 2960, 0]


CHAINS = {
    "hop by hop": (0, extension(6)),
    "long routing": (43, extension(6, 3)),
    "destination twice": (60, extension(60) + extension(6, 1)),
    "mobility, HIP, shim6": (135, extension(139) + extension(140) + extension(6)),
    "authentication": (51, struct.pack("!BB", 6, 4) + bytes(22)),
    "atomic fragment": (44, fragment6(6, 0, 0)),
    "all": (0, extension(60) + extension(43) + extension(44, 1) + fragment6(51, 0, 0) + bytes([6, 1]) + bytes(10)),
}


@pytest.mark.parametrize("name", CHAINS)
def test_ipv6_extension_headers_are_skipped(name: str) -> None:
    following, chain = CHAINS[name]
    packet = raw(d.ipv6(chain + SEGMENT, following=following))
    assert (packet["protocol"], packet["header_bytes"]) == (6, 40 + len(chain))
    assert (packet["seq"], packet["payload"], packet["malformed"]) == (1000, 7, 0)


def test_ipv6_fragments() -> None:
    first = raw(d.ipv6(fragment6(6, 0, 1) + SEGMENT, following=44))
    later = raw(d.ipv6(fragment6(6, 1448, 0) + b"\0" * 9, following=44))
    names = ("fragment", "more_fragments", "fragment_offset", "ip_id", "protocol")
    assert [first[name] for name in names] == [1, 1, 0, 0x12345678, 6]
    assert [later[name] for name in names] == [1, 0, 1448, 0x12345678, 6]
    assert later["connection"] == -1


def test_a_later_fragments_payload_is_not_taken_for_an_extension_header() -> None:
    packet = raw(d.ipv6(fragment6(60, 8, 0) + b"\xff" * 8, following=44))
    assert (packet["protocol"], packet["header_bytes"], packet["malformed"]) == (60, 48, 0)


def test_an_endless_chain_of_extension_headers_ends() -> None:
    packet = raw(d.ipv6(extension(60) * 40, following=60))
    assert (packet["protocol"], packet["header_bytes"]) == (60, 40 + 16 * 8)
    assert packet["connection"] == -1


def test_nothing_follows_next_header_59() -> None:
    packet = raw(d.ipv6(b"", following=59))
    assert (packet["ip_bytes"], packet["malformed"], packet["truncated"]) == (40, 0, 0)


def test_offloaded_packets_without_a_length_take_the_frames() -> None:
    assert raw(d.ipv4(SEGMENT, total=0), 90_000)["payload"] == 90_000 - 40
    assert raw(d.ipv6(SEGMENT, length=0), 90_000)["payload"] == 90_000 - 60
    assert d.dissect(d.ethernet(d.ipv4(SEGMENT, total=0)), wire=90_014)["ip_bytes"] == 90_000


def hop_by_hop(jumbo: int, before: bytes = b"\5\2\0\0", kind: int = 0xC2) -> bytes:
    """A hop-by-hop header with a jumbo payload option behind another one (router alert)."""
    options = before + struct.pack("!BBI", kind, 4, jumbo)
    options += bytes(-(2 + len(options)) % 8)
    return struct.pack("!BB", 6, (len(options) + 2) // 8 - 1) + options


def test_a_jumbograms_length_is_in_its_hop_by_hop_header() -> None:
    """Not the frame's: what a capture says of that may hold padding."""
    for before in (b"", b"\5\2\0\0", b"\0\0"):
        header = hop_by_hop(100_000, before)
        packet = raw(d.ipv6(header + SEGMENT, following=0, length=0), 200_000)
        assert (packet["ip_bytes"], packet["malformed"]) == (100_040, 0)
        assert (packet["payload"], packet["seq"]) == (100_000 - len(header) - 20, 1000)


def test_a_hop_by_hop_header_without_a_jumbo_option_leaves_the_frames_length() -> None:
    packet = raw(d.ipv6(hop_by_hop(100_000, kind=0xC3) + SEGMENT, following=0, length=0), 90_000)
    assert (packet["ip_bytes"], packet["malformed"]) == (90_000, 0)


def test_a_jumbo_option_of_a_packet_with_a_length_does_not_count() -> None:
    header = hop_by_hop(100_000)
    assert raw(d.ipv6(header + SEGMENT, following=0))["ip_bytes"] == 40 + len(header) + len(SEGMENT)


@pytest.mark.parametrize("length", [0, 0xFFFF, 1 << 31, 0xFFFFFFFF])
def test_a_jumbogram_of_a_length_that_cannot_be_is_malformed(length: int) -> None:
    packet = raw(d.ipv6(hop_by_hop(length) + SEGMENT, following=0, length=0), 100_000)
    assert (packet["malformed"], packet["connection"]) == (1, -1)
    assert packet["ip_bytes"] == (0 if length >= 1 << 31 else 40 + length)


def test_a_frame_of_more_than_2_gib_is_malformed() -> None:
    for packet in (d.ipv4(SEGMENT, total=0), d.ipv6(SEGMENT, length=0)):
        found = raw(packet, 0xFFFFFFFF)
        assert (found["malformed"], found["ip_bytes"], found["payload"], found["connection"]) == (1, 0, 0, -1)


@pytest.mark.parametrize(
    "packet",
    [
        b"\x44" + d.ipv4(SEGMENT)[1:],
        b"\x40" + d.ipv4(SEGMENT)[1:],
        d.ipv4(SEGMENT, total=19),
        d.ipv4(SEGMENT, options=bytes(8), total=27),
        b"\x55" + d.ipv4(SEGMENT)[1:],
        b"\x05" * 60,
        d.ipv6(extension(6, 2) + SEGMENT, following=0, length=16),
        d.ipv6(bytes([6, 255]) + SEGMENT, following=0),
    ],
)
def test_headers_that_lie_are_malformed(packet: bytes) -> None:
    found = raw(packet)
    assert (found["malformed"], found["connection"], found["transport"]) == (1, -1, -1)


CUT = [
    d.ipv4(d.tcp(), options=b"\1" * 8),
    d.ipv6(d.tcp()),
    *[d.ipv6(chain + d.tcp(), following=following) for following, chain in CHAINS.values()],
]


@pytest.mark.parametrize("packet", CUT)
def test_a_packet_cut_within_its_headers_is_truncated_and_never_malformed(packet: bytes) -> None:
    for cut in range(len(packet)):
        found = raw(packet[:cut], len(packet))
        assert (found["truncated"], found["malformed"], found["connection"]) == (1, 0, -1), cut
    assert raw(packet)["truncated"] == 0


@settings(max_examples=150)
@given(version=st.sampled_from([4, 5, 6, 7]), data=st.binary(max_size=120), wire=st.integers(0, 70_000))
def test_no_bytes_bring_the_decoder_outside_the_frame(version: int, data: bytes, wire: int) -> None:
    frame = bytes([version << 4 | 5]) + data
    found = raw(frame, wire)
    assert found["transport"] == -1 or found["offset"] < found["transport"] <= found["offset"] + len(frame)
    assert found["payload"] >= 0
    if found["connection"] >= 0:
        assert (found["malformed"], found["protocol"]) == (0, 6)
