"""Options of SOL_TCP, and what they do at once."""

from __future__ import annotations

import errno

import pytest

from netemu.packet.ip import Tcp
from tests.stack.hosts import Pair

NODELAY, MAXSEG, CORK, QUICKACK, CONGESTION, DEFER = 1, 2, 3, 12, 13, 9


@pytest.mark.parametrize(
    ("option", "value", "read"),
    [
        (NODELAY, 5, 1),
        (CORK, 1, 1),
        (MAXSEG, 1000, 1000),
        (4, 30, 30),
        (5, 3, 3),
        (6, 4, 4),
        (7, 2, 2),
        (8, 10, 10),
        (8, -1, -1),
        (8, 1000, 120),
        (10, 20_000, 20_000),
        (18, 1500, 1500),
        (25, 4096, 4096),
        (CONGESTION, b"reno", "reno"),
        (CONGESTION, b"reno\0rest", "reno"),
    ],
)
def test_what_is_set_is_read(option: int, value: int | bytes, read: int | str) -> None:
    pair = Pair()
    fd = pair.socket("a")
    pair.do("a", "setsockopt", fd, 6, option, value)
    assert pair.do("a", "getsockopt", fd, 6, option) == read


def test_defaults_are_the_sysctls() -> None:
    pair = Pair()
    fd = pair.socket("a")
    read = [pair.do("a", "getsockopt", fd, 6, option) for option in (4, 5, 6, 7, 8, 13, 18, QUICKACK)]
    assert read == [7200, 75, 9, 6, 60, "cubic", 0, 1]


@pytest.mark.parametrize(
    ("option", "value", "code"),
    [
        (MAXSEG, 87, errno.EINVAL),
        (MAXSEG, 40_000, errno.EINVAL),
        (4, 0, errno.EINVAL),
        (5, 40_000, errno.EINVAL),
        (6, 128, errno.EINVAL),
        (7, 0, errno.EINVAL),
        (18, -1, errno.EINVAL),
        (CONGESTION, b"nosuch", errno.ENOENT),
        (CONGESTION, b"", errno.EINVAL),
        (NODELAY, b"x", errno.EINVAL),
        (99, 1, errno.ENOPROTOOPT),
    ],
)
def test_what_is_refused(option: int, value: int | bytes, code: int) -> None:
    pair = Pair()
    assert pair.error("a", "setsockopt", pair.socket("a"), 6, option, value) == code


@pytest.mark.parametrize(("seconds", "count"), [(0, 0), (1, 1), (2, 2), (3, 2), (4, 3), (5, 3), (8, 4), (1000, 15)])
def test_defer_accept_is_counted_in_syn_acks(seconds: int, count: int) -> None:
    pair = Pair()
    fd = pair.socket("a")
    pair.do("a", "setsockopt", fd, 6, DEFER, seconds)
    assert pair.sk("a", fd).defer_accept == count
    assert pair.do("a", "getsockopt", fd, 6, DEFER) >= seconds


@pytest.mark.parametrize("option", [NODELAY, CORK])
def test_what_waits_is_pushed(option: int) -> None:
    pair = Pair()
    client, _ = pair.connection()
    pair.do("a", "setsockopt", client, 6, CORK, 1)
    pair.do("a", "send", client, b"x" * 100)
    before = len(pair.log)
    pair.do("a", "setsockopt", client, 6, option, int(option == NODELAY))
    [(_, _, packet)] = pair.log[before:]
    assert isinstance(packet.body, Tcp)
    assert packet.body.payload == b"x" * 100


def test_quick_ack_sends_a_delayed_one_now() -> None:
    pair = Pair()
    client, server = pair.connection()
    pair.do("b", "setsockopt", server, 6, QUICKACK, 0)
    pair.do("a", "send", client, b"x")
    pair.run(pair.now_ms + 12)
    before = len(pair.log)
    assert pair.do("b", "recv", server, 9) == b"x"
    assert len(pair.log) == before
    pair.do("b", "setsockopt", server, 6, QUICKACK, 1)
    assert len(pair.log) == before + 1


def test_keepalive_s_time_counts_from_when_the_peer_was_heard_last() -> None:
    pair = Pair()
    client, _ = pair.connection()
    pair.do("a", "setsockopt", client, 1, 9, 1)
    pair.run(pair.now_ms + 5000)
    begin, before = pair.now_ms, len(pair.log)
    pair.do("a", "setsockopt", client, 6, 4, 8)
    pair.run(begin + 4000)
    times = [ms - begin for ms, host, _ in pair.log[before:] if host == "a"]
    assert len(times) == 1
    assert 2900 <= times[0] <= 3500


def test_the_mss_of_a_connection_is_what_it_uses() -> None:
    pair = Pair()
    client, _ = pair.connection()
    assert pair.do("a", "getsockopt", client, 6, MAXSEG) == 1448
