"""Packets as values: compared by what they hold, never changed, with the defaults of a plain packet."""

from __future__ import annotations

import msgspec
import pytest

from netemu.packet.ip import (
    CE,
    ECT_0,
    ECT_1,
    IPPROTO_TCP,
    IPPROTO_UDP,
    NO_OPTIONS,
    NOT_ECT,
    Icmp,
    Options,
    Packet,
    Tcp,
    Udp,
)


def _segment(**fields: object) -> Packet:
    return Packet(4, "10.0.0.1", "10.0.0.2", IPPROTO_TCP, 41, Tcp(1, 2, 3, 4, 16, 500, b"x"), **fields)  # type: ignore[arg-type]


def test_packets_are_values() -> None:
    assert _segment() == _segment()
    assert _segment() != _segment(tos=CE)
    assert Options(sack=((1, 2),)) != NO_OPTIONS
    assert Options() == NO_OPTIONS


def test_a_packet_is_never_changed() -> None:
    for value, name in (
        (_segment(), "ttl"),
        (_segment().body, "seq"),
        (Udp(1, 2), "payload"),
        (Icmp(3, 4), "mtu_bytes"),
    ):
        with pytest.raises(AttributeError):
            setattr(value, name, 0)
    lower = msgspec.structs.replace(_segment(), ttl=63)
    assert (lower.ttl, _segment().ttl) == (63, 64)


def test_a_plain_packet_is_whole_unmarked_and_fresh() -> None:
    packet = Packet(4, "10.0.0.1", "10.0.0.2", IPPROTO_UDP, 29, Udp(1, 2, b"y"))
    assert (packet.ttl, packet.tos & 3, packet.more_fragments, packet.fragment_offset) == (64, NOT_ECT, False, 0)
    assert not packet.dont_fragment


def test_marks_are_those_of_rfc_3168() -> None:
    assert (NOT_ECT, ECT_1, ECT_0, CE) == (0b00, 0b01, 0b10, 0b11)


def test_an_error_quotes_the_packet_it_speaks_of() -> None:
    assert Icmp(3, 4, 1400, _segment()).quoted == _segment()
