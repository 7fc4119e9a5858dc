"""Every way in which a connection ends: segments sent, and what later calls give on both ends."""

from __future__ import annotations

import errno
import struct

import pytest

from netemu.packet.ip import Tcp
from netemu.stack.sock import (
    TCP_CLOSE,
    TCP_CLOSE_WAIT,
    TCP_CLOSING,
    TCP_ESTABLISHED,
    TCP_FIN_WAIT1,
    TCP_FIN_WAIT2,
    TCP_LAST_ACK,
)
from tests.stack.hosts import ACK, FIN, PORT, RST, SYN, Lone, Pair

LINGER = (1, 13)


def _opened() -> tuple[Pair, int, int]:
    pair = Pair()
    client, server = pair.connection()
    pair.run(pair.now_ms + 50)
    return pair, client, server


def test_states_of_an_orderly_end() -> None:
    pair, client, server = _opened()
    a, b = pair.sk("a", client), pair.sk("b", server)
    pair.do("a", "shutdown", client, 1)
    assert (a.sk_state, b.sk_state) == (TCP_FIN_WAIT1, TCP_ESTABLISHED)
    pair.run(pair.now_ms + 25)
    assert (a.sk_state, b.sk_state) == (TCP_FIN_WAIT2, TCP_CLOSE_WAIT)
    pair.do("b", "shutdown", server, 1)
    assert b.sk_state == TCP_LAST_ACK
    pair.run(pair.now_ms + 25)
    assert (a.sk_state, b.sk_state) == (TCP_CLOSE, TCP_CLOSE)
    assert pair.do("a", "recv", client, 1) == b""


def test_half_close_lets_data_come_back() -> None:
    pair, client, server = _opened()
    pair.do("a", "shutdown", client, 1)
    assert pair.do("b", "recv", server, 10) == b""
    pair.do("b", "send", server, b"answer")
    assert pair.do("a", "recv", client, 10) == b"answer"
    assert pair.error("a", "send", client, b"x") == errno.EPIPE
    assert pair.hosts["a"].sigpipes == 1
    assert pair.error("a", "send", client, b"x", 0x4000) == errno.EPIPE
    assert pair.hosts["a"].sigpipes == 1


def test_shut_rd_reads_the_end_but_the_peer_notices_nothing() -> None:
    pair, client, server = _opened()
    before = len(pair.log)
    pair.do("b", "shutdown", server, 0)
    assert pair.do("b", "recv", server, 10) == b""
    pair.run(pair.now_ms + 50)
    assert len(pair.log) == before
    pair.do("a", "send", client, b"data")
    pair.run(pair.now_ms + 50)
    assert pair.do("b", "recv", server, 10) == b"data"
    assert pair.do("b", "recv", server, 10) == b""


def test_unread_data_at_close_resets() -> None:
    pair, client, server = _opened()
    pair.do("a", "send", client, b"data")
    pair.run(pair.now_ms + 50)
    before = len(pair.log)
    pair.do("b", "close", server)
    assert [flags & (RST | FIN) for flags in pair.flags("b", before)] == [RST]
    assert pair.hosts["b"].mib["TCPAbortOnClose"] == 1
    pair.run(pair.now_ms + 50)
    assert pair.error("a", "recv", client, 1) == errno.ECONNRESET
    assert pair.do("a", "recv", client, 1) == b""
    assert pair.error("a", "send", client, b"x") == errno.EPIPE


def test_data_for_a_closed_socket_is_reset() -> None:
    pair, client, server = _opened()
    pair.do("b", "close", server)
    pair.run(pair.now_ms + 50)
    assert pair.do("a", "send", client, b"x") == 1
    pair.run(pair.now_ms + 50)
    assert pair.error("a", "send", client, b"x") == errno.EPIPE
    assert pair.hosts["b"].mib["OutRsts"] == 1


def test_linger_zero_resets_and_frees_at_once() -> None:
    pair, client, _ = _opened()
    pair.do("a", "setsockopt", client, *LINGER, struct.pack("ii", 1, 0))
    pair.do("a", "send", client, b"lost")
    before = len(pair.log)
    pair.do("a", "close", client)
    assert [flags & RST for flags in pair.flags("a", before)] == [RST]
    host = pair.hosts["a"]
    assert (host.mib["TCPAbortOnData"], host.tcp_orphan_count, host.tcp_sockets) == (1, 0, set())


def test_linger_waits_until_all_is_acknowledged() -> None:
    pair, client, _ = _opened()
    pair.do("a", "setsockopt", client, *LINGER, struct.pack("ii", 1, 5))
    pair.do("a", "send", client, b"x" * 5000)
    begin = pair.now_ms
    pair.do("a", "close", client)
    # There and back, and the peer delays the FIN's ACK.
    assert pair.now_ms - begin == pytest.approx(60, abs=5)


def test_linger_gives_up_after_its_time() -> None:
    pair, client, _ = _opened()
    pair.drop = lambda number, host, packet: True
    pair.do("a", "setsockopt", client, *LINGER, struct.pack("ii", 1, 3))
    pair.do("a", "send", client, b"x")
    begin = pair.now_ms
    pair.do("a", "close", client)
    assert 3000 <= pair.now_ms - begin <= 3250


def test_close_without_linger_returns_at_once_and_delivers() -> None:
    pair, client, server = _opened()
    pair.do("a", "send", client, b"x" * 100_000)
    begin = pair.now_ms
    pair.do("a", "close", client)
    assert pair.now_ms == begin
    got = 0
    while data := pair.do("b", "recv", server, 65536):
        got += len(data)
    assert got == 100_000


def test_simultaneous_close_passes_closing() -> None:
    pair, client, server = _opened()
    pair.do("a", "shutdown", client, 1)
    pair.do("b", "shutdown", server, 1)
    pair.run(pair.now_ms + 10)
    assert (pair.sk("a", client).sk_state, pair.sk("b", server).sk_state) == (TCP_CLOSING, TCP_CLOSING)
    pair.run(pair.now_ms + 30)
    assert [host.hashinfo.tw_count for host in pair.hosts.values()] == [1, 1]


def test_simultaneous_open_makes_one_connection() -> None:
    pair = Pair()
    a, b = pair.socket("a"), pair.socket("b")
    pair.do("a", "bind", a, ("10.0.0.1", 7000))
    pair.do("b", "bind", b, ("10.0.0.2", 7001))
    calls = [pair.start("a", "connect", a, ("10.0.0.2", 7001)), pair.start("b", "connect", b, ("10.0.0.1", 7000))]
    for call in calls:
        pair.result(call)
    pair.do("a", "send", a, b"hello")
    assert pair.do("b", "recv", b, 10) == b"hello"
    assert [flags & SYN for flags in pair.flags("a")[:2]] == [SYN, SYN]


def test_an_orphan_in_fin_wait_2_ends_after_its_time() -> None:
    pair, client, _ = _opened()
    pair.do("a", "close", client)
    pair.run(pair.now_ms + 50)
    assert pair.hosts["a"].hashinfo.tw_count == 1
    pair.run(pair.now_ms + 62_000)
    assert not pair.hosts["a"].hashinfo.ehash


def test_negative_linger2_resets_in_fin_wait_2() -> None:
    pair, client, server = _opened()
    pair.do("a", "setsockopt", client, 6, 8, -1)
    pair.do("a", "shutdown", client, 1)
    pair.run(pair.now_ms + 50)
    before = len(pair.log)
    pair.do("a", "close", client)
    assert [flags & RST for flags in pair.flags("a", before)] == [RST]
    pair.run(pair.now_ms + 50)
    assert pair.sk("b", server).sk_state == TCP_CLOSE


def test_a_closed_listener_resets_what_nobody_accepted() -> None:
    pair = Pair()
    listener, client = pair.listener(), pair.socket("a")
    pair.do("a", "connect", client, ("10.0.0.2", PORT))
    pair.run(pair.now_ms + 50)
    before = len(pair.log)
    pair.do("b", "close", listener)
    assert [flags & RST for flags in pair.flags("b", before)] == [RST]
    pair.run(pair.now_ms + 50)
    assert pair.error("a", "recv", client, 1) == errno.ECONNRESET
    assert pair.hosts["b"].tcp_sockets == set()


def test_too_many_orphans_are_reset() -> None:
    pair = Pair(sysctls={"net.ipv4.tcp_max_orphans": "0"})
    client, _ = pair.connection()
    pair.do("a", "send", client, b"x")
    before = len(pair.log)
    pair.do("a", "close", client)
    assert pair.flags("a", before)[-1] & RST
    assert pair.hosts["a"].mib["TCPAbortOnMemory"] == 1


def test_memory_is_given_back_when_a_connection_ends() -> None:
    pair, client, server = _opened()
    pair.do("a", "send", client, b"x" * 50_000)
    pair.run(pair.now_ms + 30)
    pair.do("b", "close", server)
    pair.do("a", "close", client)
    pair.run(pair.now_ms + 70_000)
    for host in pair.hosts.values():
        assert host.tcp_memory_allocated == 0
        assert (host.tcp_sockets, host.tcp_orphan_count) == (set(), 0)
        assert not host.hashinfo.ehash
        assert not host.hashinfo.bhash


def test_disconnect_makes_a_socket_usable_again() -> None:
    lone = Lone()
    lone.listener()
    fd = lone.socket("b")
    call = lone.start("b", "connect", fd, ("10.0.0.1", 9))
    [syn] = lone.heard()
    port = syn.source_port
    lone.port = 9
    lone.say(RST | ACK, 0, syn.seq + 1, to=port)
    with pytest.raises(OSError, match="refused"):
        lone.result(call)
    lone.start("b", "connect", fd, ("10.0.0.1", 10))
    again = lone.log[-1][2].body
    assert isinstance(again, Tcp)
    assert (again.flags, again.destination_port) == (SYN, 10)
