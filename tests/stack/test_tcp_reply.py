"""Segments without a connection: what their headers hold."""

from __future__ import annotations

import pytest

from netemu.packet.ip import Options, Packet, Tcp
from netemu.stack.tcp_reply import tcp_v4_send_reset
from tests.stack.hosts import ACK, FIN, PORT, RST, SYN, Lone


@pytest.mark.parametrize(
    ("flags", "payload", "seq", "ack", "answer"),
    [
        (ACK, b"", 77, 0, RST),
        (ACK | FIN, b"xx", 77, 0, RST),
        (SYN, b"", 0, 1001, RST | ACK),
        (FIN, b"xyz", 0, 1004, RST | ACK),
        (0, b"", 0, 1000, RST | ACK),
    ],
)
def test_numbers_of_a_reset(flags: int, payload: bytes, seq: int, ack: int, answer: int) -> None:
    lone = Lone()
    packet = Packet(
        4, "10.0.0.1", "10.0.0.2", 6, 40 + len(payload), Tcp(9, PORT, 1000, 77, flags, 5, payload), tos=0x2B
    )
    lone.deliver(packet)
    [(_, _, reply)] = lone.log
    assert isinstance(reply.body, Tcp)
    assert reply.body == Tcp(PORT, 9, seq, ack, answer, 0)
    # With DF, without identification, and without the ECN bits of what it answers.
    assert (reply.length, reply.dont_fragment, reply.identification, reply.tos) == (40, True, 0, 0x28)


def test_a_reset_is_never_answered_nor_what_came_from_nowhere() -> None:
    lone = Lone()
    net = lone.hosts["b"]
    tcp_v4_send_reset(net, None, Packet(4, "10.0.0.1", "10.0.0.2", 6, 40, Tcp(9, PORT, 1, 2, RST, 0)))
    tcp_v4_send_reset(net, None, Packet(4, "8.8.8.8", "10.0.0.2", 6, 40, Tcp(9, PORT, 1, 2, ACK, 0)))
    tcp_v4_send_reset(net, None, Packet(4, "10.0.0.1", "10.0.0.2", 6, 40, b""))
    assert (lone.log, net.mib["OutSegs"]) == ([], 0)


def test_the_ack_of_the_syn_queue_carries_window_and_timestamps() -> None:
    lone = Lone()
    lone.listener()
    options = Options(mss=1460, window_scale=7, sack_permitted=True, ts_val=9, ts_ecr=0)
    [synack] = lone.say(SYN, 1000, options=options)
    [answer] = lone.say(ACK, 500_000, synack.seq + 1)
    assert (answer.seq, answer.ack_seq, answer.window) == (synack.seq + 1, 1001, 65160 >> 7)
    assert (answer.options.ts_ecr, answer.options.ts_val is not None) == (9, True)
