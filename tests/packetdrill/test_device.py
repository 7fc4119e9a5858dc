"""A device that cuts super-segments."""

from __future__ import annotations

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from netemu.packet.ip import IPPROTO_TCP, Packet, Tcp
from netemu.packet.tcp import ACK, FIN, PSH
from tests.packetdrill.device import segmented


@given(st.integers(1, 5000), st.integers(1, 1460))
def test_segments_carry_every_byte_once_and_the_last_one_its_flags(size: int, mss: int) -> None:
    payload = bytes(index % 251 for index in range(size))
    body = Tcp(1, 2, 0xFFFFFF00, 0, ACK | PSH | FIN, 9, payload, gso_size=mss)
    found = segmented(Packet(4, "10.0.0.1", "10.0.0.2", IPPROTO_TCP, 40 + size, body))
    bodies = [packet.body for packet in found if isinstance(packet.body, Tcp)]
    assert b"".join(one.payload for one in bodies) == payload
    assert all(len(one.payload) <= mss for one in bodies)
    assert [one.flags for one in bodies] == [ACK] * (len(bodies) - 1) + [ACK | PSH | FIN]
    assert all((later.seq - one.seq) % 2**32 == len(one.payload) for one, later in pairwise(bodies))


def test_a_plain_segment_passes_whole() -> None:
    packet = Packet(4, "10.0.0.1", "10.0.0.2", IPPROTO_TCP, 90, Tcp(1, 2, 0, 0, ACK, 9, bytes(50)))
    assert segmented(packet) == [packet]
