"""TCP and its options, UDP and ICMP errors: field by field against Scapy, and what a bad or cut header gives."""

import struct
from dataclasses import replace
from ipaddress import ip_address
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from netemu.packet.scapy_io import craft
from netemu.packet.scapy_io import dissect as oracle
from netemu.packet.tcp import IcmpError, IpPacket, TcpOptions, TcpSegment
from netemu.recording.kinds import TCP_OPTIONS
from tests.trace import dissection as d
from tests.trace.build import Talk, one

WORD = st.integers(0, 0xFFFFFFFF)
PORT = st.integers(0, 0xFFFF)


@st.composite
def option_sets(draw: st.DrawFn) -> TcpOptions:
    """Any options that fit into 40 bytes together."""
    stamps = draw(st.none() | st.tuples(WORD, WORD))
    blocks = draw(st.lists(st.tuples(WORD, WORD), max_size=3))
    short = draw(st.booleans()) or not blocks
    return TcpOptions(
        mss_bytes=draw(st.none() | PORT) if short and len(blocks) < 2 else None,
        window_scale=draw(st.none() | st.integers(0, 14)) if len(blocks) < 2 else None,
        sack_permitted=draw(st.booleans()) if len(blocks) < 2 else False,
        sack_blocks=tuple(blocks),
        ts_val=None if stamps is None else stamps[0],
        ts_ecr=None if stamps is None else stamps[1],
    )


@st.composite
def packets(draw: st.DrawFn) -> IpPacket:
    """A TCP segment in IPv4 or IPv6 with any header fields."""
    version = draw(st.sampled_from([4, 6]))
    segment = TcpSegment(
        draw(PORT), draw(PORT), draw(WORD), draw(WORD), draw(st.integers(0, 255)), draw(PORT),
        draw(st.integers(0, 100)), draw(option_sets()),
    )  # fmt: skip
    ends = draw(st.lists(st.ip_addresses(v=version), min_size=2, max_size=2))
    return IpPacket(
        version=version,
        source=str(ends[0]),
        destination=str(ends[1]),
        protocol=6,
        ip_bytes=0,
        ttl=draw(st.integers(0, 255)),
        ecn=draw(st.integers(0, 3)),
        dont_fragment=version == 6 or draw(st.booleans()),
        fragment=False,
        tcp=segment,
    )


def read(frame: bytes, link: int = d.ETHERNET) -> IpPacket:
    """What the compiled pass makes of a frame, in the oracle's terms."""
    found = d.scan(d.pcap_header(link=link) + d.record(0, 0, frame))
    packet, sacks = found.packets[0], found.sacks[0]
    assert (packet["malformed"], packet["truncated"]) == (0, 0)
    stamps = packet["ts_val"] >= 0
    segment = TcpSegment(
        source_port=packet["sport"],
        destination_port=packet["dport"],
        seq=packet["seq"],
        ack=packet["ack"],
        flags=packet["flags"],
        window=packet["window"],
        payload_bytes=packet["payload"],
        options=TcpOptions(
            mss_bytes=packet["mss"] if packet["mss"] >= 0 else None,
            window_scale=packet["wscale"] if packet["wscale"] >= 0 else None,
            sack_permitted=bool(packet["sack_permitted"]),
            sack_blocks=tuple(sacks),
            ts_val=packet["ts_val"] if stamps else None,
            ts_ecr=packet["ts_ecr"] if stamps else None,
        ),
    )
    return IpPacket(
        version=packet["ip_version"],
        source=d.address(packet, "src"),
        destination=d.address(packet, "dst"),
        protocol=packet["protocol"],
        ip_bytes=packet["ip_bytes"],
        ttl=packet["ttl"],
        ecn=packet["ecn"],
        dont_fragment=bool(packet["dont_fragment"]),
        fragment=bool(packet["fragment"]),
        tcp=segment,
    )


@settings(max_examples=100)
@given(packets())
def test_scapy_agrees_on_every_field(packet: IpPacket) -> None:
    frame = craft(packet)
    expected = oracle(frame)
    assert expected is not None and expected.tcp is not None
    found = read(frame)
    # Scapy and the standard library write mapped addresses differently
    ends = {name: str(ip_address(getattr(expected, name))) for name in ("source", "destination")}
    expected = replace(expected, **ends)
    assert found == expected


@settings(max_examples=60)
@given(options=st.binary(max_size=40), payload=st.integers(0, 9))
def test_no_option_bytes_reach_beyond_the_header(options: bytes, payload: int) -> None:
    options += bytes(-len(options) % 4)
    packet = d.dissect(d.ethernet(d.ipv4(d.tcp(b"\5\x22" * payload, options=options))))
    assert (packet["payload"], packet["options_bytes"]) == (2 * payload, len(options))
    assert (packet["seq"], packet["dport"], packet["truncated"]) == (1000, 80, 0)
    assert packet["sack_count"] <= 4 and packet["wscale"] <= 14


def with_options(options: bytes) -> dict[str, int]:
    return d.dissect(d.ethernet(d.ipv4(d.tcp(b"data", options=options + bytes(-len(options) % 4)))))


def test_a_shift_above_14_is_used_as_14() -> None:
    assert with_options(b"\3\3\x0e")["wscale"] == 14
    assert with_options(b"\3\3\xff")["wscale"] == 14


def test_options_behind_the_end_of_the_list_do_not_count() -> None:
    packet = with_options(b"\1\0\2\4\5\xb4")
    assert (packet["mss"], packet["malformed"]) == (-1, 0)


def test_an_unknown_option_is_skipped_and_a_known_one_of_a_wrong_length_ignored() -> None:
    packet = with_options(b"\xfe\6abcd" + b"\2\3\5" + b"\4\2" + b"\5\6abcd" + b"\3\3\7")
    names = ("mss", "sack_permitted", "sack_count", "wscale", "malformed")
    assert [packet[name] for name in names] == [-1, 1, 0, 7, 0]


@pytest.mark.parametrize("options", [b"\2\0\0\0", b"\2\1\0\0", b"\1\1\2\4", b"\5\x0a\0\0"])
def test_an_option_that_claims_what_is_not_there_is_noted_and_its_segment_counts(options: bytes) -> None:
    packet = with_options(options)
    assert (packet["bad_options"], packet["malformed"], packet["seq"], packet["payload"]) == (1, 0, 1000, 4)
    assert packet["connection"] == 0


def test_no_more_than_four_sack_blocks_are_read() -> None:
    edges = tuple(range(100, 108))
    found = d.scan(d.pcap([d.ethernet(d.ipv4(d.tcp(options=b"\1\1\5\x22" + struct.pack("!8I", *edges))))]))
    assert found.sacks == [[(100, 101), (102, 103), (104, 105), (106, 107)]]


@pytest.mark.parametrize(
    ("text", "names"),
    [
        (b"\2\4\5\xb4", "mss"),
        (b"\3\3\7", "wscale"),
        (b"\4\2", "sack_permitted"),
        (b"\5\x0a" + bytes(8), "sack"),
        (b"\x08\x0a" + bytes(8), "timestamps"),
        (b"\x22\2", "fast_open"),
        (b"\x22\x0a" + bytes(8), "fast_open"),
        (b"\xfe\4\xf9\x89", "fast_open"),
        (b"\xfd\x0c\xf9\x89" + bytes(8), "fast_open"),
        (b"\xfe\6\xe2\xd4\xc3\xd9", "other"),  # SMC-R, RFC 7609
        (b"\xfe\2", "other"),
        (b"\x1e\x0c\0\x81" + bytes(8), "mptcp"),
        (b"\x1d\x10" + bytes(14), "authentication"),
        (b"\x13\x12" + bytes(16), "md5"),
        (b"\x1c\4\x80\x05", "user_timeout"),
        (b"\x45\5abc", "other"),
        (b"\2\3\5", "other"),
        (b"\1\1\1\0\2\4\5\xb4", ""),
        (b"\2\4\5\xb4\4\2\x08\x0a" + bytes(8) + b"\1\3\3\7", "mss sack_permitted timestamps wscale"),
        (b"\x22\2\2\0", "fast_open"),
    ],
)
def test_options_of_every_kind_in_use_are_recognised(text: bytes, names: str) -> None:
    assert with_options(text)["tcp_options"] == sum(TCP_OPTIONS[name] for name in names.split())


def test_options_of_any_packet_of_a_side_are_told_of_its_connection(tmp_path: Path) -> None:
    talk = Talk(sack=False)
    talk.handshake()
    talk.say(20, "b", 1, 1, 100, sack=[(5, 9)])
    row = one(talk.analyse(tmp_path))
    usual = TCP_OPTIONS["mss"] + TCP_OPTIONS["timestamps"] + TCP_OPTIONS["wscale"]
    assert (row["a_tcp_options"], row["b_tcp_options"]) == (usual, usual + TCP_OPTIONS["sack"])
    packets = talk.analyse(tmp_path).packets["tcp_options"].to_list()
    assert packets == [usual, usual, TCP_OPTIONS["timestamps"], TCP_OPTIONS["timestamps"] + TCP_OPTIONS["sack"]]


def test_the_ninth_flag_is_the_lowest_reserved_bit() -> None:
    segment = bytearray(d.tcp(flags=0xFF))
    segment[12] |= 1
    assert d.dissect(d.ethernet(d.ipv4(bytes(segment))))["flags"] == 0x1FF


@pytest.mark.parametrize("packet", [d.ipv4(d.tcp(words=4)), d.ipv4(d.tcp(words=6)), d.ipv6(d.tcp(words=15))])
def test_a_header_length_that_cannot_be_is_malformed(packet: bytes) -> None:
    found = d.dissect(d.ethernet(packet))
    assert (found["malformed"], found["transport"], found["connection"]) == (1, -1, -1)


OPTIONS = b"\2\4\5\xb4\4\2\1\1\x08\x0a\0\0\0\1\0\0\0\2\1\3\3\7"
SNAPPED = d.ethernet(d.ipv4(d.tcp(bytes(1000), options=OPTIONS + bytes(-len(OPTIONS) % 4))))


def test_a_snap_length_takes_payload_away_and_changes_no_field() -> None:
    whole = d.dissect(SNAPPED)
    for cut in (len(SNAPPED) - 1, 96, 14 + 20 + 44):
        assert d.dissect(SNAPPED[:cut], wire=len(SNAPPED)) == whole | {"cap_bytes": cut}


def test_a_snap_length_within_the_options_keeps_the_header_and_says_truncated() -> None:
    # The 23 bytes of options end with a window scale of 3 bytes; the 24th is padding
    for cut in range(14 + 40, 14 + 40 + 23):
        packet = d.dissect(SNAPPED[:cut], wire=len(SNAPPED))
        assert (packet["truncated"], packet["seq"], packet["payload"]) == (1, 1000, 1000), cut
        assert packet["mss"] == (1460 if cut >= 14 + 44 else -1)
        assert packet["ts_val"] == (1 if cut >= 14 + 58 else -1)
    for cut in range(14 + 20, 14 + 40):
        packet = d.dissect(SNAPPED[:cut], wire=len(SNAPPED))
        assert (packet["truncated"], packet["connection"]) == (1, -1), cut


def test_udp_has_ports_and_a_length() -> None:
    packet = d.dissect(d.ethernet(d.ipv4(struct.pack("!HHHH", 53, 4000, 20, 0) + bytes(12), protocol=17)))
    assert (packet["sport"], packet["dport"], packet["payload"], packet["connection"]) == (53, 4000, 12, -1)
    assert d.dissect(d.ethernet(d.ipv4(b"\0\x35", protocol=17)))["payload"] == 0


def test_another_protocol_is_left_alone() -> None:
    packet = d.dissect(d.ethernet(d.ipv4(bytes(40), protocol=132)))
    assert (packet["protocol"], packet["payload"], packet["malformed"], packet["truncated"]) == (132, 0, 0, 0)


def quoted(version: int) -> IpPacket:
    ends = ("10.0.0.1", "10.0.0.2") if version == 4 else ("2001:db8::1", "2001:db8::2")
    segment = TcpSegment(40000, 80, 0xFEDCBA98, 0, 16, 0, 0)
    return IpPacket(version, *ends, 6, 1500, 60, 0, True, False, segment)


@pytest.mark.parametrize(
    ("version", "kind", "code", "mtu"),
    [(4, 3, 4, 1400), (4, 3, 4, None), (4, 3, 1, None), (4, 11, 0, None), (4, 12, 0, None), (6, 2, 0, 1280)],
)
def test_scapy_agrees_on_icmp_errors(version: int, kind: int, code: int, mtu: int | None) -> None:
    router = "192.0.2.1" if version == 4 else "2001:db8::ff"
    error = IcmpError(kind, code, mtu, quoted(version))
    protocol = 1 if version == 4 else 58
    source = quoted(version).source
    frame = craft(IpPacket(version, router, source, protocol, 0, 64, 0, True, False, icmp=error))
    expected = oracle(frame)
    assert expected is not None and expected.icmp is not None and expected.icmp.quoted is not None
    about = expected.icmp.quoted
    assert about.tcp is not None
    packet = d.dissect(frame)
    assert (packet["icmp_error"], packet["icmp_type"], packet["icmp_code"]) == (1, kind, code)
    assert (expected.icmp.type, expected.icmp.code) == (kind, code)
    assert (packet["icmp_mtu"] or None) == expected.icmp.mtu_bytes == mtu
    assert (d.address(packet, "src"), packet["protocol"]) == (router, protocol)
    assert (d.address(packet, "q_src"), d.address(packet, "q_dst")) == (about.source, about.destination)
    ends = (packet["q_sport"], packet["q_dport"], packet["q_seq"])
    assert ends == (about.tcp.source_port, about.tcp.destination_port, about.tcp.seq) == (40000, 80, 0xFEDCBA98)
    assert packet["quoted_protocol"] == 6


def icmp(kind: int, code: int, about: bytes) -> bytes:
    return struct.pack("!BBHI", kind, code, 0, 1400) + about


@pytest.mark.parametrize(
    ("packet", "error"),
    [
        (d.ipv4(icmp(8, 0, b"ping"), protocol=1), 0),
        (d.ipv4(icmp(0, 0, b"pong"), protocol=1), 0),
        (d.ipv6(icmp(128, 0, b"ping"), following=58), 0),
        (d.ipv6(icmp(135, 0, bytes(16)), following=58), 0),
        (d.ipv6(icmp(1, 3, d.ipv6(d.tcp())), following=58), 1),
        (d.ipv6(icmp(3, 0, d.ipv6(d.tcp())), following=58), 1),
        (d.ipv4(icmp(5, 1, d.ipv4(d.tcp())), protocol=1), 1),
    ],
)
def test_errors_are_told_from_other_messages(packet: bytes, error: int) -> None:
    found = d.dissect(d.ethernet(packet))
    assert (found["icmp_error"], found["icmp_mtu"], found["malformed"]) == (error, 0, 0)


@pytest.mark.parametrize(
    "about", [d.ipv4(bytes(8), protocol=17), d.ipv4(d.tcp())[:27], d.ipv6(d.tcp())[:47], b"\x75" + bytes(40), b""]
)
def test_a_quotation_of_no_tcp_names_none(about: bytes) -> None:
    found = d.dissect(d.ethernet(d.ipv4(icmp(3, 4, about), protocol=1)))
    assert (found["icmp_error"], found["icmp_mtu"], found["quoted_protocol"]) == (1, 1400, 0)


def test_an_icmp_message_cut_within_its_header_is_truncated() -> None:
    frame = d.ethernet(d.ipv4(icmp(3, 4, d.ipv4(d.tcp())), protocol=1))
    for cut in range(34, 42):
        packet = d.dissect(frame[:cut], wire=len(frame))
        assert (packet["truncated"], packet["icmp_error"]) == (1, 0), cut


def test_a_packets_fields_do_not_stay_for_the_next() -> None:
    rich = d.ethernet(d.ipv4(d.tcp(b"data", options=b"\2\4\5\xb4\1\3\3\7\1\1\x08\x0a\0\0\0\1\0\0\0\2")))
    error = d.ethernet(d.ipv4(icmp(3, 4, d.ipv4(d.tcp())), protocol=1))
    plain = [d.ethernet(d.ipv4(bytes(40), protocol=132)), bytes(60), b"", d.ethernet(b"\x75" * 40)]
    for frame in plain:
        alone, after = d.dissect(frame), d.scan(d.pcap([rich, error, frame])).packets[2]
        places = {"t_ns", "at", "offset", "frame", "row", "network", "transport"}
        looked_up = {"expected"}  # written for every packet when its connection is looked up
        quoted_fields = {name for name in alone if name.startswith(("q_", "word_"))}
        unchanged = alone.keys() - places - quoted_fields - looked_up
        assert {name: after[name] for name in unchanged} == {name: alone[name] for name in unchanged}
