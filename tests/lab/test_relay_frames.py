from __future__ import annotations

import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from netemu.lab.relay_frames import IP_OFFSET, flip_bit, mark_congestion
from tests.link.packets import H1, H2, ipv4, ipv6, ones_sum, tcp

ETHERNET = bytes(12) + b"\x08\x00"


def frame(packet: bytes, virtio: bytes = bytes(10)) -> bytes:
    return virtio + ETHERNET + packet


@given(st.integers(0, 255), st.binary(max_size=40))
def test_a_marked_ipv4_header_still_has_a_right_checksum(tos: int, payload: bytes) -> None:
    before = frame(ipv4(6, tcp(payload), tos=tos))
    after = mark_congestion(before)
    header = after[IP_OFFSET : IP_OFFSET + 20]
    assert ones_sum(header) == 0xFFFF
    assert header[1] == tos | 3
    changed = [at for at in range(len(before)) if before[at] != after[at]]
    assert set(changed) <= {IP_OFFSET + 1, IP_OFFSET + 10, IP_OFFSET + 11}


def test_ipv6_keeps_its_traffic_class_and_flow_label() -> None:
    before = frame(ipv6(6, tcp(), traffic_class=0xA9))
    after = mark_congestion(before)
    assert struct.unpack_from("!I", after, IP_OFFSET)[0] == 6 << 28 | 0xAB << 20
    assert after[:IP_OFFSET] == before[:IP_OFFSET]
    assert after[IP_OFFSET + 4 :] == before[IP_OFFSET + 4 :]


@given(st.integers(0, 8 * 45 - 1))
def test_one_bit_is_flipped_and_no_other(bit: int) -> None:
    before = frame(ipv4(6, tcp(b"hello")))
    after = flip_bit(before, bit)
    assert int.from_bytes(before, "big") ^ int.from_bytes(after, "big") == 1 << (8 * 45 - 1 - bit)


@pytest.mark.parametrize("payload", [b"", b"odd", b"even"], ids=["none", "odd", "even"])
def test_a_checksum_left_to_the_device_is_filled_in_first(payload: bytes) -> None:
    """Flipping a bit of the payload must be the only thing wrong with the segment."""
    segment = tcp(payload)
    pseudo = H1 + H2 + struct.pack("!HH", 6, len(segment))
    partial = segment[:16] + struct.pack("!H", ones_sum(pseudo)) + segment[18:]
    virtio = struct.pack("=BBHHHH", 1, 0, 0, 0, 34, 16)
    after = flip_bit(frame(ipv4(6, partial), virtio), 8 * 20)  # the first bit of the source port
    assert after[0] == 0
    sent = after[IP_OFFSET + 20 :]
    assert ones_sum(pseudo + bytes((sent[0] ^ 0x80,)) + sent[1:]) == 0xFFFF
    assert ones_sum(pseudo + sent) != 0xFFFF
