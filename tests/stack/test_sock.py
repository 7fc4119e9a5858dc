"""A socket's clocks, and fields that no two sockets share."""

from __future__ import annotations

from netemu.stack.sock import TcpSock, fields_of, tcp_mstamp_refresh, tcp_time_stamp_ms
from tests.stack.hosts import Pair


def test_the_clock_is_read_once_for_all_that_a_packet_causes() -> None:
    pair = Pair()
    sk = pair.sk("a", pair.socket("a"))
    sk.net.now_ns = 1_234_567_890
    tcp_mstamp_refresh(sk)
    assert (sk.tcp_clock_cache, sk.tcp_mstamp, tcp_time_stamp_ms(sk)) == (1_234_567_890, 1_234_567, 1234)
    sk.net.now_ns += 1_000_000
    assert sk.tcp_mstamp == 1_234_567


def test_two_sockets_share_no_queue_or_timer() -> None:
    pair = Pair()
    one, two = (pair.sk("a", pair.socket("a")) for _ in range(2))
    plain = (int, str, bool, float, type(None), tuple)
    shared = [
        name
        for name in fields_of(TcpSock)
        if not isinstance(getattr(one, name), plain) and getattr(one, name) is getattr(two, name)
    ]
    assert sorted(shared) == ["icsk_ca_ops", "net"]
