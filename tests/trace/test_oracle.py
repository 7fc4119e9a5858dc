"""Scapy as the oracle of the compiled pass: random packets, dissected by both, field by field."""

from __future__ import annotations

from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st

from netemu.packet.scapy_io import craft, dissect
from netemu.packet.tcp import ACK, SYN, IcmpError, IpPacket, TcpOptions, TcpSegment
from netemu.trace import Analysis, analyze
from tests.trace.build import ethernet, ip_header, write_pcap

PORT, WORD = st.integers(1, 65535), st.integers(0, 0xFFFFFFFF)
OPTIONS = st.builds(
    TcpOptions,
    mss_bytes=st.none() | st.integers(64, 65535),
    window_scale=st.none() | st.integers(0, 14),
    sack_permitted=st.booleans(),
    sack_blocks=st.lists(st.tuples(WORD, WORD), max_size=2).map(tuple),
    ts_val=st.none() | WORD,
).map(lambda options: options if options.ts_val is None else TcpOptions(*_with_echo(options)))


def _with_echo(options: TcpOptions) -> tuple[object, ...]:
    assert options.ts_val is not None
    return (
        options.mss_bytes,
        options.window_scale,
        options.sack_permitted,
        options.sack_blocks,
        options.ts_val,
        (options.ts_val * 7) & 0xFFFFFFFF,
    )


SEGMENT = st.builds(
    TcpSegment, PORT, PORT, WORD, WORD, st.integers(0, 255), st.integers(0, 65535), st.integers(0, 1400), OPTIONS
)


@st.composite
def packets(draw: st.DrawFn) -> IpPacket:
    version = draw(st.sampled_from((4, 6)))
    address = st.ip_addresses(v=version).map(str)
    return IpPacket(
        version=version,
        source=draw(address),
        destination=draw(address),
        protocol=6,
        ip_bytes=0,
        ttl=draw(st.integers(1, 255)),
        ecn=draw(st.integers(0, 3)),
        dont_fragment=version == 6 or draw(st.booleans()),
        fragment=False,
        tcp=draw(SEGMENT),
    )


def analysed(path: Path, frames: list[bytes], snap: int = 65535) -> Analysis:
    records = [(1_000_000 * i, frame[:snap], len(frame)) for i, frame in enumerate(frames)]
    return analyze([write_pcap(path / "x.pcap", records)])


@settings(max_examples=150, deadline=None)
@given(packet=packets(), ip_id=st.integers(0, 65535))
def test_the_compiled_pass_reads_what_scapy_reads(tmp_path_factory, packet: IpPacket, ip_id: int) -> None:  # type: ignore[no-untyped-def]
    frame = craft(packet, ip_id=ip_id)
    seen = dissect(frame)
    assert seen is not None and seen.tcp is not None
    analysis = analysed(tmp_path_factory.mktemp("o"), [frame])
    row = analysis.packets.to_dicts()[0]
    for ours, scapys in (
        ("ip_version", seen.version),
        ("protocol", seen.protocol),
        ("ip_bytes", seen.ip_bytes),
        ("ttl", seen.ttl),
        ("ecn", seen.ecn),
        ("dont_fragment", seen.dont_fragment),
        ("fragment", seen.fragment),
        ("flags", seen.tcp.flags),
        ("seq", seen.tcp.seq),
        ("ack", seen.tcp.ack),
        ("payload_bytes", seen.tcp.payload_bytes),
        ("window_bytes", seen.tcp.window),
        ("ts_val", -1 if seen.tcp.options.ts_val is None else seen.tcp.options.ts_val),
        ("ts_ecr", -1 if seen.tcp.options.ts_ecr is None else seen.tcp.options.ts_ecr),
        ("sack_blocks", len(seen.tcp.options.sack_blocks)),
    ):
        assert row[ours] == scapys, ours
    ends = {analysis.connections[name][0] for name in ("client", "server")}
    text = "[{}]:{}" if packet.version == 6 else "{}:{}"
    assert ends == {
        text.format(seen.source, seen.tcp.source_port),
        text.format(seen.destination, seen.tcp.destination_port),
    }


@settings(max_examples=50, deadline=None)
@given(packet=packets(), options=OPTIONS)
def test_the_options_of_a_syn_are_what_scapy_reads(tmp_path_factory, packet: IpPacket, options: TcpOptions) -> None:  # type: ignore[no-untyped-def]
    assert packet.tcp is not None
    segment = TcpSegment(packet.tcp.source_port, packet.tcp.destination_port, 1, 0, SYN, 100, 0, options)
    frame = craft(IpPacket(4, "10.0.0.1", "10.0.0.2", 6, 0, 64, 0, True, False, segment))
    seen = dissect(frame)
    assert seen is not None and seen.tcp is not None
    row = analysed(tmp_path_factory.mktemp("s"), [frame]).connections.to_dicts()[0]
    assert row["a_mss_announced_bytes"] == seen.tcp.options.mss_bytes
    assert row["a_window_scale"] == seen.tcp.options.window_scale


@settings(max_examples=60, deadline=None)
@given(frame=packets().map(craft), snap=st.integers(0, 200))
def test_a_short_capture_is_read_as_far_as_it_goes(tmp_path_factory, frame: bytes, snap: int) -> None:  # type: ignore[no-untyped-def]
    whole = analysed(tmp_path_factory.mktemp("w"), [frame]).packets.to_dicts()[0]
    short = analysed(tmp_path_factory.mktemp("c"), [frame], snap)
    row = short.packets.to_dicts()[0]
    header = 14 + (20 if whole["ip_version"] == 4 else 40)
    if snap >= header + 60:
        assert row == whole
    elif snap >= header + 20:
        assert (row["seq"], row["payload_bytes"]) == (whole["seq"], whole["payload_bytes"])
    elif snap > 14:
        assert row["connection"] == -1
        assert any("too short" in warning for warning in short.warnings)
    else:
        assert (row["ip_version"], row["connection"]) == (0, -1)


@settings(max_examples=300, deadline=None)
@given(text=st.binary(max_size=120), wire=st.integers(0, 300), link=st.sampled_from((0, 1, 12, 101, 108, 113, 276)))
def test_no_bytes_break_it(tmp_path_factory, text: bytes, wire: int, link: int) -> None:  # type: ignore[no-untyped-def]
    path = tmp_path_factory.mktemp("r") / "x.pcap"
    assert analyze([write_pcap(path, [(0, text, wire)], link=link)]).packets.height == 1


def test_a_bad_option_length_is_malformed_and_counted(tmp_path: Path) -> None:
    header = bytes.fromhex("9c400050000003e8000000007002ffff00000000") + b"\x02\x00\x05\xb4\x01\x01\x01\x00"
    frame = ethernet(ip_header("10.0.0.1", "10.0.0.2", 6, len(header)) + header)
    analysis = analysed(tmp_path, [frame])
    assert analysis.connections["a_mss_announced_bytes"].to_list() == [None]
    assert any("malformed" in warning for warning in analysis.warnings)


def test_a_header_longer_than_the_packet_is_malformed(tmp_path: Path) -> None:
    header = bytes.fromhex("9c400050000003e800000000f002ffff00000000")
    analysis = analysed(tmp_path, [ethernet(ip_header("10.0.0.1", "10.0.0.2", 6, len(header)) + header)])
    assert analysis.connections.height == 0
    assert any("malformed" in warning for warning in analysis.warnings)


def test_padding_behind_the_packet_is_no_payload(tmp_path: Path) -> None:
    segment = TcpSegment(40000, 80, 5, 6, ACK, 100, 0)
    frame = craft(IpPacket(4, "10.0.0.1", "10.0.0.2", 6, 0, 64, 0, True, False, segment)) + bytes(6)
    assert analysed(tmp_path, [frame]).packets["payload_bytes"].to_list() == [0]


def test_udp_has_its_payload(tmp_path: Path) -> None:
    udp = bytes.fromhex("1388138900140000") + bytes(12)
    row = analysed(tmp_path, [ethernet(ip_header("10.0.0.1", "10.0.0.2", 17, 20) + udp)]).packets.to_dicts()[0]
    assert (row["protocol"], row["payload_bytes"], row["connection"]) == (17, 12, -1)


def quoted(version: int) -> IpPacket:
    ends = ("10.0.0.1", "10.0.0.2") if version == 4 else ("fd00::1", "fd00::2")
    return IpPacket(version, *ends, 6, 0, 64, 0, True, False, TcpSegment(40000, 80, 1001, 6, ACK, 100, 1000))


def test_errors_about_the_path_mtu_are_what_scapy_reads(tmp_path: Path) -> None:
    for version, kind, router, mtu in ((4, (3, 4), "10.9.9.9", 1280), (6, (2, 0), "fd00::99", 1300)):
        inner = quoted(version)
        data = craft(inner)
        error = IcmpError(*kind, mtu, inner)
        to = inner.source
        frame = craft(IpPacket(version, router, to, 1 if version == 4 else 58, 0, 64, 0, False, False, icmp=error))
        seen = dissect(frame)
        assert seen is not None and seen.icmp is not None and seen.icmp.quoted is not None
        row = analysed(tmp_path, [data, frame]).icmp.to_dicts()[0]
        assert (row["mtu_bytes"], row["reporter"]) == (seen.icmp.mtu_bytes, seen.source) == (mtu, router)
        assert (row["connection"], row["direction"], row["frame"]) == (0, 0, 2)
        assert row["kind"] == ("fragmentation_needed" if version == 4 else "packet_too_big")


def test_other_icmp_errors_are_listed_by_type_and_code(tmp_path: Path) -> None:
    inner = quoted(4)
    frame = craft(IpPacket(4, "10.9.9.9", "10.0.0.1", 1, 0, 64, 0, False, False, icmp=IcmpError(11, 0, None, inner)))
    row = analysed(tmp_path, [frame]).icmp.to_dicts()[0]
    assert (row["kind"], row["mtu_bytes"], row["connection"]) == ("11/0", None, -1)
