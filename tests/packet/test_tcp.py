"""Names and numbers of TCP as RFC 9293, 7323 and 2018 give them."""

import dataclasses

import pytest

from netemu.packet import IpPacket, TcpOptions, TcpSegment, flag_names, tcp


@pytest.mark.parametrize(
    ("flags", "names"),
    [
        (0, "-"),
        (2, "SYN"),
        (18, "SYN|ACK"),
        (17, "FIN|ACK"),
        (0xFF, "FIN|SYN|RST|PSH|ACK|URG|ECE|CWR"),
        (256, "-"),
    ],
)
def test_flags_are_named_from_the_lowest_bit(flags: int, names: str) -> None:
    assert flag_names(flags) == names


def test_every_flag_is_one_bit_of_its_own() -> None:
    assert sorted(tcp.FLAG_NAMES) == [1 << k for k in range(8)]
    assert {getattr(tcp, name) for name in tcp.FLAG_NAMES.values()} == set(tcp.FLAG_NAMES)


def test_option_kinds() -> None:
    kinds = (tcp.OPTION_END, tcp.OPTION_NOP, tcp.OPTION_MSS, tcp.OPTION_WINDOW_SCALE)
    assert kinds == (0, 1, 2, 3)
    assert (tcp.OPTION_SACK_PERMITTED, tcp.OPTION_SACK, tcp.OPTION_TIMESTAMPS) == (4, 5, 8)
    assert 65535 << tcp.MAX_WINDOW_SCALE < 1 << 30


def test_a_segment_without_options_has_none_of_them() -> None:
    segment = TcpSegment(1, 2, 3, 4, 16, 5, 6)
    assert segment.options == TcpOptions(None, None, False, (), None, None)


def test_packets_are_values() -> None:
    packet = IpPacket(4, "10.0.0.1", "10.0.0.2", 6, 40, 64, 0, True, False, TcpSegment(1, 2, 3, 4, 16, 5, 0))
    same = dataclasses.replace(packet)
    assert (packet, hash(packet)) == (same, hash(same))
    assert packet != dataclasses.replace(packet, ttl=63)
    with pytest.raises(dataclasses.FrozenInstanceError):
        packet.ttl = 1  # type: ignore[misc]
