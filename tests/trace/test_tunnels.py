"""Packets within packets: found where that is asked, counted where it is not."""

import struct

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.trace import dissection as d

V4, V6 = d.ipv4(d.tcp(b"inner")), d.ipv6(d.tcp(b"inner"))
ENDS = ("192.0.2.1", "192.0.2.2")
ENDS6 = ("2001:db8:ffff::1", "2001:db8:ffff::2")


def gre(packet: bytes, flags: int = 0, kind: int | None = None) -> bytes:
    options = bytes(4 * (flags >> 12).bit_count())
    ethertype = (0x0800 if packet[0] >> 4 == 4 else 0x86DD) if kind is None else kind
    return struct.pack("!HH", flags, ethertype) + options + packet


def vxlan(frame: bytes, port: int = 4789, flags: int = 8) -> bytes:
    body = struct.pack("!BxxxI", flags, 77 << 8) + frame
    return struct.pack("!HHHH", 50000, port, 8 + len(body), 0) + body


def outer4(payload: bytes, protocol: int) -> bytes:
    return d.ipv4(payload, protocol=protocol, ends=ENDS)


TUNNELS = {
    "IPIP": outer4(V4, 4),
    "6in4": outer4(V6, 41),
    "4in6": d.ipv6(V4, following=4, ends=ENDS6),
    "6in6": d.ipv6(V6, following=41, ends=ENDS6),
    "GRE": outer4(gre(V4), 47),
    "GRE of IPv6": outer4(gre(V6), 47),
    "GRE with checksum": outer4(gre(V4, 0x8000), 47),
    "GRE with all": outer4(gre(V6, 0xB000), 47),
    "GRE of Ethernet": outer4(gre(d.ethernet(V4, 0x8100), 0x2000, 0x6558), 47),
    "VXLAN": outer4(vxlan(d.ethernet(V4)), 17),
    "VXLAN of Linux, with a tag": outer4(vxlan(d.ethernet(V6, 0x8100), 8472), 17),
    "VXLAN over IPv6": d.ipv6(vxlan(d.ethernet(V6)), following=17, ends=ENDS6),
    "GRE in VXLAN in IPIP": outer4(outer4(vxlan(d.ethernet(outer4(gre(V4), 47))), 17), 4),
}


@pytest.mark.parametrize("name", TUNNELS)
def test_the_segment_within_is_read_where_that_is_asked(name: str) -> None:
    found = d.scan(d.pcap([d.ethernet(TUNNELS[name]) + b"fcs!"]), inner=True).packets[0]
    version = found["ip_version"]
    assert version in (4, 6)
    source = "10.0.0.1" if version == 4 else "2001:db8::1"
    assert (d.address(found, "src"), found["protocol"], found["payload"]) == (source, 6, 5)
    assert (found["seq"], found["malformed"], found["truncated"], found["connection"]) == (1000, 0, 0, 0)
    assert found["ip_bytes"] == len(V4 if version == 4 else V6)
    assert found["tunnels"] == (3 if name.startswith("GRE in") else 1)


@pytest.mark.parametrize("name", TUNNELS)
def test_the_outer_packet_is_what_counts_otherwise(name: str) -> None:
    scanned = d.scan(d.pcap([d.ethernet(TUNNELS[name])]))
    found = scanned.packets[0]
    assert found["ip_bytes"] == len(TUNNELS[name])
    assert (found["protocol"] in (4, 17, 41, 47), found["connection"], found["tunnels"]) == (True, -1, 1)
    assert scanned.state["tunnelled"] == 1
    assert d.scan(d.pcap([d.ethernet(TUNNELS[name])]), inner=True).state["tunnelled"] == 0


@pytest.mark.parametrize(
    "packet",
    [
        outer4(gre(V4, 0x4000), 47),  # with a source route
        outer4(gre(V4, 0x0001), 47),  # version 1, of PPTP
        outer4(gre(V4, kind=0x880B), 47),
        outer4(gre(V4)[:3], 47),
        outer4(vxlan(d.ethernet(V4), port=4790), 17),
        outer4(vxlan(d.ethernet(V4), flags=0), 17),
        outer4(vxlan(d.ethernet(V4))[:15], 17),
        outer4(vxlan(bytes(12) + b"\x08\x06" + bytes(28)), 17),
        d.ipv4(V4, protocol=4, word=0x2000),
        d.ipv4(V4, protocol=4, word=185),
        outer4(V4, 50),
    ],
)
def test_what_is_no_tunnel_of_ip_stays_as_it_is(packet: bytes) -> None:
    found = d.scan(d.pcap([d.ethernet(packet)]), inner=True).packets[0]
    assert (found["tunnels"], found["ip_bytes"], found["connection"]) == (0, len(packet), -1)


def test_an_endless_nest_of_tunnels_ends() -> None:
    packet = V4
    for _ in range(9):
        packet = d.ipv4(packet, protocol=4)
    found = d.scan(d.pcap([d.ethernet(packet)]), inner=True).packets[0]
    assert (found["tunnels"], found["protocol"], found["connection"]) == (4, 4, -1)


@pytest.mark.parametrize("name", TUNNELS)
def test_a_packet_cut_within_a_tunnel_is_truncated(name: str) -> None:
    frame = d.ethernet(TUNNELS[name])
    for cut in range(len(frame)):
        record = d.pcap_header() + d.record(0, 0, frame[:cut], len(frame))
        found = d.scan(record, inner=True).packets[0]
        assert found["malformed"] == 0, cut
        if found["connection"] < 0:
            # The rest of a tunnel's own header may be missing, so that it is not known for one
            unknown = found["ip_version"] == 0 or found["protocol"] in (17, 47)
            assert found["truncated"] or unknown, cut
        else:
            assert cut >= len(frame) - 5


@settings(max_examples=150)
@given(name=st.sampled_from(sorted(TUNNELS)), noise=st.binary(max_size=90), keep=st.integers(0, 70))
def test_no_bytes_bring_the_decoder_outside_the_frame(name: str, noise: bytes, keep: int) -> None:
    frame = d.ethernet(TUNNELS[name])[: 14 + keep] + noise
    found = d.scan(d.pcap([frame]), inner=True).packets[0]
    assert found["transport"] == -1 or found["offset"] < found["transport"] <= found["offset"] + len(frame)
    assert found["payload"] >= 0


def test_an_inner_packet_is_no_longer_than_what_carries_it() -> None:
    longer = d.ipv4(d.tcp(b"inner"), total=300)
    found = d.scan(d.pcap([d.ethernet(outer4(longer, 4)) + bytes(400)]), inner=True).packets[0]
    assert (found["ip_bytes"], found["payload"], found["malformed"]) == (300, 260, 0)
