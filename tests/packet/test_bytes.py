"""Packets to bytes and back; Scapy is the judge of lengths, checksums and fields; hostile bytes never raise."""

from __future__ import annotations

import itertools
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from netemu.packet.bytes import from_bytes, ones_sum, packed, to_bytes
from netemu.packet.ip import Icmp, Options, Packet, Tcp, Udp

V4, V6 = ("10.0.0.1", "10.0.1.1"), ("fd00::1", "fd00:0:0:1::1")
SYN = Tcp(4000, 80, 7, 0, 2, 64240, options=Options(1460, 7, True, 9, 0))
DATA = Tcp(4000, 80, 2**32 - 1, 5, 24, 502, b"hello", Options(ts_val=1, ts_ecr=2), urgent=3)


def packet(body: Any, version: int = 4, **more: Any) -> Packet:
    source, destination = V4 if version == 4 else V6
    protocol = {Tcp: 6, Udp: 17, Icmp: 1 if version == 4 else 58}[type(body)]
    blank = Packet(version, source, destination, protocol, 65535, body, dont_fragment=version == 6, **more)
    length = len(to_bytes(blank)) if not isinstance(body, Icmp) else more.get("length", 56)
    return msgspec.structs.replace(blank, length=length)


def scapy_layer(data: bytes) -> Any:
    scapy = pytest.importorskip("scapy.all")
    return (scapy.IP if data[0] >> 4 == 4 else scapy.IPv6)(data)


BODIES = [SYN, DATA, Udp(53, 4000, b"odd"), Udp(1, 2, b"")]


@pytest.mark.parametrize(("body", "version"), list(itertools.product(BODIES, (4, 6))))
def test_what_is_written_is_read_back_and_scapy_reckons_the_same_checksums(body: Any, version: int) -> None:
    wanted = packet(body, version, ttl=61, tos=0xB9)
    data = to_bytes(wanted)
    assert len(data) == wanted.length
    assert from_bytes(data) == wanted
    again = scapy_layer(data)
    for layer in (again, again.payload):
        for field in ("chksum", "len", "plen"):
            if field in layer.fields:
                delattr(layer, field)
    assert bytes(again) == data


def test_identification_and_fragments_survive() -> None:
    for version in (4, 6):
        whole = packet(DATA, version)
        part = msgspec.structs.replace(
            whole,
            body=b"x" * 16,
            length=(36 if version == 4 else 64),
            fragment_offset=8,
            more_fragments=True,
            identification=77,
        )
        assert from_bytes(to_bytes(part)) == part


@pytest.mark.parametrize("version", [4, 6])
def test_an_icmp_error_quotes_the_packet_that_it_is_about(version: int) -> None:
    quoted = packet(DATA, version)
    kind, code, length = (3, 4, 56) if version == 4 else (2, 0, 96)
    icmp = Icmp(kind, code, 1280, quoted)
    protocol = 1 if version == 4 else 58
    source, destination = V4 if version == 4 else V6
    error = Packet(version, source, destination, protocol, length, icmp, dont_fragment=version == 6)
    found = from_bytes(to_bytes(error))
    assert found is not None and isinstance(found.body, Icmp) and found.body.quoted is not None
    assert found.body.mtu_bytes == 1280
    inner = found.body.quoted
    assert isinstance(inner.body, Tcp) and inner.length == quoted.length
    assert (inner.source, inner.body.source_port, inner.body.seq) == (source, 4000, 2**32 - 1)


def test_echo_keeps_its_data() -> None:
    echo = Packet(4, *V4, 1, 20 + 4 + 12, Icmp(8, 0, data=b"\0\1\0\2ping-pon"))
    assert from_bytes(to_bytes(echo)) == echo


def test_a_flipped_bit_of_the_header_loses_the_packet_and_one_behind_it_leaves_bytes() -> None:
    data = to_bytes(packet(DATA))
    for bit in range(8 * len(data)):
        flipped = bytearray(data)
        flipped[bit >> 3] ^= 0x80 >> (bit & 7)
        found = from_bytes(bytes(flipped))
        assert found is None if bit < 160 else (found is not None and found.body == bytes(flipped[20:]))


@given(st.binary(max_size=200), st.sampled_from([b"", b"\x45", b"\x60", b"\x4f"]))
def test_any_bytes_are_read_without_an_exception(data: bytes, front: bytes) -> None:
    found = from_bytes(front + data)
    assert found is None or isinstance(found, Packet)


@given(st.data())
def test_any_change_of_a_packet_is_read_without_an_exception(data: st.DataObject) -> None:
    version = data.draw(st.sampled_from([4, 6]))
    quoted = packet(data.draw(st.sampled_from(BODIES)), version)
    body: Any = quoted
    if data.draw(st.booleans()):
        icmp = Icmp(3 if version == 4 else 1, 3, 0, quoted)
        body = Packet(version, quoted.source, quoted.destination, 1 if version == 4 else 58, quoted.length + 28, icmp)
    raw = bytearray(to_bytes(body))
    for _ in range(data.draw(st.integers(1, 4))):
        raw[data.draw(st.integers(0, len(raw) - 1))] = data.draw(st.integers(0, 255))
    found = from_bytes(bytes(raw[: data.draw(st.integers(0, len(raw)))]))
    if found is not None:
        assert isinstance(to_bytes(found), bytes)


@given(st.binary(max_size=40))
def test_the_sum_is_that_of_rfc_1071(data: bytes) -> None:
    padded = data + b"\0" * (len(data) % 2)
    total = sum(int.from_bytes(padded[at : at + 2], "big") for at in range(0, len(padded), 2))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    assert ones_sum(data) in {total, 0 if total == 0xFFFF else total}


def test_addresses_are_packed() -> None:
    assert packed("10.0.0.1") == b"\x0a\0\0\1" and len(packed("::1")) == 16
