"""Script numbers to the host's and back."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from netemu.packet.ip import Tcp
from netemu.packet.tcp import ACK, SYN
from tests.packetdrill import wire
from tests.packetdrill.flow import Flow
from tests.packetdrill.options import described, options_bytes
from tests.packetdrill.settings import Settings
from tests.packetdrill.syntax import IcmpPacket, IpInfo, TcpPacket
from tests.packetdrill.verdict import ScriptError

_U32 = st.integers(0, 2**32 - 1)
_FLAGS = st.sets(st.sampled_from("FSRPEWAU.")).map("".join)


@given(_FLAGS)
def test_flags_survive_their_bits(flags: str) -> None:
    assert set(wire.flag_letters(wire.flag_bits(flags)).strip("-")) == set(flags)


@given(_U32, _U32, _U32, _U32, st.booleans())
def test_what_arrives_comes_back_as_the_script_wrote_it(
    seq: int, ack: int, local_isn: int, remote_isn: int, syn: bool
) -> None:
    flow = Flow(live_local_isn=local_isn, remote_isn=remote_isn, local_port=80, remote_port=9)
    spec = TcpPacket(True, IpInfo(), (0, 0), "S." if syn else ".", seq, 0, ack, 5, 0, (("sack", (1, 2)),))
    spec = TcpPacket(**{**vars(spec), "options": (("nop", ()), ("nop", ()), ("sack", (ack, ack)))})
    body = wire.arriving(spec, flow, Settings(), 1).body
    assert isinstance(body, Tcp)
    assert body.flags == (SYN | ACK if syn else ACK)
    assert (body.seq - flow.remote_offset(syn)) % 2**32 == seq
    assert (body.ack_seq - flow.local_offset(syn)) % 2**32 == ack
    assert body.options.sack == ((body.ack_seq, body.ack_seq),)


def test_options_are_written_as_scripts_write_them() -> None:
    raw = options_bytes((("mss", (1460,)), ("sackOK", ()), ("TS", (1, 2)), ("nop", ()), ("wscale", (8,))))
    assert described(raw) == "<mss 1460,sackOK,TS val 1 ecr 2,nop,wscale 8>"
    assert described(options_bytes((("nop", ()), ("nop", ()), ("sack", (1, 2, 5, 6))))) == "<nop,nop,sack 1:2 5:6>"


def test_a_count_of_accurate_ecn_is_three_flags() -> None:
    assert [wire.flag_letters(wire.flag_bits(f".{count}")) for count in range(8)] == [
        ".", "E.", "W.", "EW.", "A.", "EA.", "WA.", "EWA.",
    ]  # fmt: skip


def test_counters_of_accurate_ecn_are_written_as_scripts_write_them() -> None:
    raw = options_bytes((("ECN", (174, 1, 5, 9)), ("nop", ()), ("ECN", (172, 7))))
    assert raw.hex() == "ae0b000001000005000009" + "01" + "ac05000007"
    assert described(raw) == "<ECN e1b 1 ceb 5 e0b 9,nop,ECN e0b 7>"


def test_echoed_timestamps_are_those_that_left() -> None:
    flow = Flow()
    flow.note_ts(100, 5000)
    assert flow.live_ecr(100, Settings()) == 5000
    assert flow.live_ecr(103, Settings()) is None
    assert flow.live_ecr(103, Settings(ts_ecr_scaled=True)) == 5003
    assert flow.script_ts(5007) == 107


def test_unknown_icmp_is_a_mistake() -> None:
    def spec(kind: str, code: str | None) -> IcmpPacket:
        return IcmpPacket(True, IpInfo(), kind, code, -1, (0, 0))

    assert wire.icmp_numbers(spec("unreachable", "port_unreachable"), False, 1) == (3, 3)
    assert wire.icmp_numbers(spec("unreachable", "port_unreachable"), True, 1) == (1, 4)
    assert wire.icmp_numbers(spec("type_9", "code_2"), False, 1) == (9, 2)
    with pytest.raises(ScriptError):
        wire.icmp_numbers(spec("packet_too_big", None), False, 1)
    with pytest.raises(ScriptError):
        wire.icmp_numbers(spec("unreachable", "nowhere"), False, 1)
