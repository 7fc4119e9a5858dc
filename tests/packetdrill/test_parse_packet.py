"""Packets of scripts."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.packetdrill.lexer import tokens
from tests.packetdrill.parse_packet import packet
from tests.packetdrill.reader import Reader
from tests.packetdrill.syntax import IcmpPacket, IpInfo, OtherPacket, TcpPacket
from tests.packetdrill.verdict import ScriptError

_NUMBER = st.integers(0, 2**31)


def parsed(text: str) -> TcpPacket | IcmpPacket | OtherPacket:
    return packet(Reader(tokens(text)))


def test_a_segment_with_everything() -> None:
    text = "< [ect0] 5000 > 80 P. 1:11(10) ack 7 win 99 urg 3 <nop,nop,TS val 5 ecr 6,sack 1:2 3:4,mss 9,wscale 2>"
    options = (
        ("nop", ()), ("nop", ()), ("TS", (5, 6)), ("sack", (1, 2, 3, 4)), ("mss", (9,)), ("wscale", (2,)),
    )  # fmt: skip
    assert parsed(text) == TcpPacket(True, IpInfo(ecn=2), (5000, 80), "P.", 1, 10, 7, 99, 3, options)


def test_what_is_left_out_is_not_checked_of_packets_that_leave() -> None:
    assert parsed("> . 1:1(0) ack 1 <...>") == TcpPacket(False, IpInfo(), (0, 0), ".", 1, 0, 1, None, 0, None)
    assert parsed("> (tos 0x8, flowlabel 0x5) - 1:1(0)") == TcpPacket(
        False, IpInfo(tos=8, flow_label=5), (0, 0), "", 1, 0, 0, None, 0, ()
    )


@pytest.mark.parametrize("text", ["< . 1:1(0) ack 1", "< . 1:1(0) win 5 <...>"])
def test_packets_that_arrive_say_everything(text: str) -> None:
    with pytest.raises(ScriptError):
        parsed(text)


@given(_NUMBER, st.integers(0, 65535), st.integers(-9, 9))
def test_the_range_of_a_segment_is_as_long_as_it_says(start: int, length: int, wrong: int) -> None:
    text = f"> . {start}:{start + length + wrong}({length})"
    if wrong and start + length + wrong >= 0:
        with pytest.raises(ScriptError):
            parsed(text)
    elif not wrong:
        found = parsed(text)
        assert isinstance(found, TcpPacket)
        assert (found.seq, found.length) == (start, length)


def test_icmp_and_what_it_quotes() -> None:
    assert parsed("< icmp unreachable frag_needed mtu 900 [1:101(100)]") == IcmpPacket(
        True, IpInfo(), "unreachable", "frag_needed", 900, (1, 100)
    )


@pytest.mark.parametrize(
    ("text", "what"),
    [("> udp (10)", "UDP packets"), ("< ipv4 10.0.0.1 > 10.0.0.2: . 1:1(0)", "packets in ipv4"),
     ("< icmp echo_reply id 1", "ICMP echo sockets"), ("< icmp unreachable [udp (8)]", "ICMP about udp")],
)  # fmt: skip
def test_what_is_not_spoken_here_is_named(text: str, what: str) -> None:
    assert parsed(text) == OtherPacket(text[0] == "<", what)


@pytest.mark.parametrize(
    ("text", "values"),
    [
        ("ECN e1b 1 ceb 0 e0b 5", (174, 1, 0, 5)),
        ("ECN e0b 1001 ceb 7 e1b 2", (172, 1001, 7, 2)),
        ("ECN e1b 1 ceb 0", (174, 1, 0)),
        ("ECN e0b 16777215", (172, 16777215)),
    ],
)
def test_counters_of_accurate_ecn(text: str, values: tuple[int, ...]) -> None:
    found = parsed(f"> P5. 1:1(0) ack 1 <{text},nop>")
    assert isinstance(found, TcpPacket)
    assert (found.flags, found.options) == ("P5.", (("ECN", values), ("nop", ())))


@pytest.mark.parametrize("flags", ["S.56", "SE5.", "S5A"])
def test_a_count_stands_alone(flags: str) -> None:
    with pytest.raises(ScriptError, match="TCP flags"):
        parsed(f"> {flags} 1:1(0) ack 1")


def test_unknown_flags_and_options_are_refused() -> None:
    with pytest.raises(ScriptError, match="TCP flags"):
        parsed("> X 1:1(0)")
    with pytest.raises(ScriptError, match="a TCP option"):
        parsed("> . 1:1(0) <window 5>")
