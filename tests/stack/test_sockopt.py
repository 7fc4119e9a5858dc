"""Options of SOL_SOCKET and of IP: what is set is what is read, doubled, bounded and refused as in the kernel."""

from __future__ import annotations

import errno
import struct
from typing import Any

import pytest

from tests.stack.hosts import DGRAM, STREAM, Pair


@pytest.mark.parametrize("kind", [STREAM, DGRAM])
@pytest.mark.parametrize(
    ("level", "option", "value", "read"),
    [
        (1, 2, 1, 1),  # SO_REUSEADDR
        (1, 15, 7, 1),  # SO_REUSEPORT
        (1, 9, 1, 1),  # SO_KEEPALIVE
        (1, 10, 1, 1),  # SO_OOBINLINE
        (1, 12, 6, 6),  # SO_PRIORITY
        (1, 7, 50_000, 100_000),  # SO_SNDBUF
        (1, 8, 50_000, 100_000),  # SO_RCVBUF
        (1, 7, 1, 4608),
        (1, 8, 1, 2304),
        (1, 18, 500, 500),  # SO_RCVLOWAT
        (1, 13, struct.pack("ii", 1, 5), struct.pack("ii", 1, 5)),  # SO_LINGER
        (1, 20, struct.pack("qq", 1, 500_000), struct.pack("qq", 1, 500_000)),  # SO_RCVTIMEO
        (1, 21, struct.pack("qq", 0, 0), struct.pack("qq", 0, 0)),  # SO_SNDTIMEO
        (1, 47, 100_000, 100_000),  # SO_MAX_PACING_RATE
        (1, 25, b"a-eth0\0", None),  # SO_BINDTODEVICE
        (0, 2, 9, 9),  # IP_TTL
        (0, 2, b"\x09", 9),  # as a char
        (0, 10, 2, 2),  # IP_MTU_DISCOVER
        (0, 11, 1, 1),  # IP_RECVERR
        (41, 26, 1, 1),  # IPV6_V6ONLY
        (41, 16, 3, 3),  # IPV6_UNICAST_HOPS
    ],
)
def test_what_is_set_is_read(kind: int, level: int, option: int, value: int | bytes, read: Any) -> None:
    pair = Pair()
    fd = pair.socket("a", kind)
    pair.do("a", "setsockopt", fd, level, option, value)
    if read is not None:
        assert pair.do("a", "getsockopt", fd, level, option) == read
    else:
        assert pair.sk("a", fd).sk_bound_if == "a-eth0"


@pytest.mark.parametrize(
    ("level", "option", "value", "code"),
    [
        (1, 999, 1, errno.ENOPROTOOPT),
        (99, 1, 1, errno.ENOPROTOOPT),
        (0, 999, 1, errno.ENOPROTOOPT),
        (1, 13, 1, errno.EINVAL),
        (1, 13, b"short", errno.EINVAL),
        (1, 2, b"x", errno.EINVAL),
        (1, 20, struct.pack("qq", 0, 1_000_000), errno.EDOM),
        (1, 25, b"eth9\0", errno.ENODEV),
        (0, 2, 256, errno.EINVAL),
        (0, 10, 6, errno.EINVAL),
    ],
)
def test_what_is_refused(level: int, option: int, value: int | bytes, code: int) -> None:
    pair = Pair()
    assert pair.error("a", "setsockopt", pair.socket("a"), level, option, value) == code


def test_buffers_are_bounded_by_sysctls() -> None:
    pair = Pair(sysctls={"net.core.rmem_max": "10000", "net.core.wmem_max": "20000"})
    fd = pair.socket("a")
    for option in (7, 8):
        pair.do("a", "setsockopt", fd, 1, option, 1 << 30)
    assert pair.do("a", "getsockopt", fd, 1, 7) == 40_000
    assert pair.do("a", "getsockopt", fd, 1, 8) == 20_000


def test_ecn_s_bits_of_a_stream_are_not_the_user_s() -> None:
    pair = Pair()
    stream, datagrams = pair.socket("a"), pair.socket("a", DGRAM)
    for fd in (stream, datagrams):
        pair.do("a", "setsockopt", fd, 0, 1, 0x2B)
    assert pair.do("a", "getsockopt", stream, 0, 1) == 0x28
    assert pair.do("a", "getsockopt", datagrams, 0, 1) == 0x2B


def test_what_a_socket_is() -> None:
    pair = Pair()
    stream, datagrams = pair.listener("a"), pair.socket("a", DGRAM)
    read = {option: (pair.do("a", "getsockopt", stream, 1, option), pair.do("a", "getsockopt", datagrams, 1, option))
            for option in (3, 30, 38, 39)}  # fmt: skip
    assert read == {3: (1, 2), 30: (1, 0), 38: (6, 17), 39: (2, 2)}
    cookies = [pair.do("a", "getsockopt", fd, 1, 57) for fd in (stream, datagrams)]
    assert len({*cookies, 0}) == 3


def test_an_error_is_told_once() -> None:
    pair = Pair()
    fd = pair.socket("a")
    sk = pair.sk("a", fd)
    sk.sk_err, sk.sk_err_soft = errno.ECONNRESET, errno.EHOSTUNREACH
    told = [pair.do("a", "getsockopt", fd, 1, 4) for _ in range(3)]
    assert told == [errno.ECONNRESET, errno.EHOSTUNREACH, 0]


def test_the_path_s_mtu_of_a_connection_only() -> None:
    pair = Pair()
    client, _ = pair.connection()
    assert pair.do("a", "getsockopt", client, 0, 14) == 1500
    assert pair.error("a", "getsockopt", pair.socket("a"), 0, 14) == errno.ENOTCONN


def test_v6only_is_fixed_by_bind() -> None:
    pair = Pair(family=6)
    fd = pair.listener("a")
    assert pair.error("a", "setsockopt", fd, 41, 26, 1) == errno.EINVAL


def test_seven_words_of_memory() -> None:
    pair = Pair()
    client, _ = pair.connection()
    pair.do("a", "send", client, b"x" * 100_000, 0x40)
    memory = pair.do("a", "getsockopt", client, 1, 55)
    sk = pair.sk("a", client)
    assert len(memory) == 9
    assert (memory[1], memory[3], memory[5]) == (sk.sk_rcvbuf, sk.sk_sndbuf, sk.sk_wmem_queued)
    assert memory[5] > 0


@pytest.mark.parametrize(("era", "moves"), [("linux-7", True), ("linux-6", False), ("linux-5.10", False)])
def test_a_receive_buffer_set_on_a_connection_moves_what_limits_its_window(era: str, moves: bool) -> None:
    pair = Pair(era=era)
    client, _ = pair.connection()
    sk = pair.sk("a", client)
    before = sk.window_clamp
    pair.do("a", "setsockopt", client, 1, 8, 4000)
    assert (sk.sk_rcvbuf, sk.window_clamp < before) == (8000, moves)
