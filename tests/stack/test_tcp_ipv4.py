"""Demultiplexing, and numbers of 32 bits among unbounded ones."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from netemu.packet.ip import IPPROTO_TCP, Options, Packet, Tcp
from netemu.stack.skbuff import SkBuff
from netemu.stack.tcp_ipv4 import tcp_add_backlog, tcp_v4_fill_cb, unwrap
from tests.stack.hosts import ACK, FIN, PORT, RST, SYN, Lone, Pair

WORDS = st.integers(0, 0xFFFFFFFF)
NET = Lone().hosts["b"]


@given(WORDS, st.integers(0, 1 << 40))
def test_unwrapping_is_congruent_and_nearest(number: int, near: int) -> None:
    found = unwrap(number, near)
    assert found % (1 << 32) == number
    assert -(1 << 31) <= found - near < 1 << 31


@given(
    st.tuples(WORDS, WORDS), st.integers(0, 511), st.binary(max_size=20), st.integers(0, 1 << 40),
    st.lists(st.tuples(WORDS, WORDS), max_size=4),
)  # fmt: skip
def test_a_segment_in_the_stack_s_numbers(
    numbers: tuple[int, int], flags: int, data: bytes, near: int, sack: list[tuple[int, int]]
) -> None:
    seq, ack = numbers
    options = Options(ts_val=1, sack=tuple(sack))
    packet = Packet(4, "a", "b", IPPROTO_TCP, 40 + len(data), Tcp(1, 2, seq, ack, flags, 7, data, options), tos=3)
    assert isinstance(packet.body, Tcp)
    skb = tcp_v4_fill_cb(NET, packet, packet.body, near, near + 5)
    assert (skb.seq, skb.ack_seq) == (unwrap(seq, near), unwrap(ack, near + 5))
    assert skb.end_seq - skb.seq == len(data) + bool(flags & SYN) + bool(flags & FIN)
    assert (skb.data, skb.tcp_flags, skb.window, skb.tos, skb.packet) == (data, flags, 7, 3, packet)
    assert isinstance(skb.options, Options)
    assert skb.options.sack == tuple((unwrap(a, near + 5), unwrap(b, near + 5)) for a, b in sack)
    assert packet.body.options.sack == tuple(sack)


def test_a_connection_passes_the_end_of_its_numbers() -> None:
    lone = Lone()
    listener = lone.listener()
    first = 0xFFFFFFFF - 999
    [synack] = lone.say(SYN, first)
    lone.say(ACK, first + 1, synack.seq + 1)
    fd = lone.do("b", "accept", listener)[0]
    seq = first + 1
    for _ in range(3):
        lone.say(ACK, seq & 0xFFFFFFFF, synack.seq + 1, b"x" * 500)
        seq += 500
    assert lone.do("b", "recv", fd, 5000) == b"x" * 1500
    assert lone.sk("b", fd).rcv_nxt == (1 << 32) + 501


def test_whom_nobody_knows_is_reset() -> None:
    lone = Lone()
    [reset] = lone.say(ACK, 5, 77)
    assert (reset.flags, reset.seq, reset.ack_seq) == (RST, 77, 0)
    [reset] = lone.say(SYN, 5, 0)
    assert (reset.flags, reset.seq, reset.ack_seq) == (RST | ACK, 0, 6)
    assert lone.say(RST, 5) == []
    mib = lone.hosts["b"].mib
    assert (mib["OutRsts"], mib["InSegs"]) == (2, 3)


def test_what_is_no_segment_is_counted_and_dropped() -> None:
    lone = Lone()
    lone.deliver(Packet(4, "10.0.0.1", "10.0.0.2", IPPROTO_TCP, 24, b"junk"))
    assert (lone.log, lone.hosts["b"].mib["InErrs"]) == ([], 1)


def test_segments_in_are_counted_on_the_socket() -> None:
    pair = Pair()
    client, server = pair.connection()
    pair.do("a", "send", client, b"x" * 3000)
    pair.run(pair.now_ms + 50)
    sk = pair.sk("b", server)
    assert (sk.segs_in, sk.data_segs_in) == (1 + 1 + 3, 3)


def test_a_held_socket_gets_its_segments_when_it_is_let_go_and_not_without_limit() -> None:
    lone = Lone()
    fd, nxt = lone.open(lone.listener())
    sk = lone.sk("b", fd)
    sk.sk_owned = True
    assert lone.say(ACK, 1001, nxt, b"data") == []
    assert (len(sk.sk_backlog), sk.sk_backlog_len > 0) == (1, True)
    sk.sk_owned = False
    lone.do("b", "setsockopt", fd, 6, 1, 1)
    assert (len(sk.sk_backlog), sk.sk_backlog_len) == (0, 0)
    assert lone.do("b", "recv", fd, 10) == b"data"
    limit = (sk.sk_rcvbuf << 1) + (sk.sk_sndbuf >> 1) + 65536
    sk.sk_backlog_len = limit + 1
    tcp_add_backlog(sk, SkBuff(0, 0, ACK))
    assert (len(sk.sk_backlog), lone.hosts["b"].mib["TCPBacklogDrop"]) == (0, 1)


def test_a_listener_that_is_gone_leaves_its_requests_to_nobody() -> None:
    lone = Lone()
    fd = lone.listener()
    [synack] = lone.say(SYN, 1000)
    lone.do("b", "close", fd)
    [reset] = lone.say(ACK, 1001, synack.seq + 1)
    assert reset.flags == RST
    assert lone.listener(port=PORT) >= 0
