"""Time-wait sockets: their time, their place in the tables, and who may take it."""

from __future__ import annotations

import pytest

from netemu.stack.inet_timewait_sock import (
    TimewaitSock,
    inet_twsk_deschedule_put,
    inet_twsk_hashdance_schedule,
    inet_twsk_reschedule,
    tcp_twsk_unique,
)
from netemu.stack.sock import TCP_FIN_WAIT2, TCP_TIME_WAIT
from tests.stack.hosts import Pair


def _made(pair: Pair, seconds: int, substate: int = TCP_TIME_WAIT) -> TimewaitSock:
    client, _ = pair.connection()
    sk = pair.sk("a", client)
    tw = TimewaitSock(sk, substate)
    inet_twsk_hashdance_schedule(tw, sk, seconds * sk.net.profile.hz)
    return tw


def test_it_stands_in_place_of_its_connection_until_its_time_is_over() -> None:
    pair = Pair()
    tw = _made(pair, 60)
    hashinfo = pair.hosts["a"].hashinfo
    assert hashinfo.ehash[tw.key] is tw
    assert tw in hashinfo.bhash[tw.inet_sport].owners
    pair.run(50_000)
    net = pair.hosts["a"]
    net.now_ns = pair.now_ns
    net.timers.advance(pair.now_ns)
    inet_twsk_reschedule(tw, 60 * net.profile.hz)
    pair.run(100_000)
    assert hashinfo.tw_count == 1
    pair.run(116_000)
    assert (hashinfo.tw_count, hashinfo.ehash.get(tw.key)) == (0, None)


@pytest.mark.parametrize(("seconds", "counter"), [(4, "TWKilled"), (5, "TW")])
def test_short_ones_are_counted_apart(seconds: int, counter: str) -> None:
    pair = Pair()
    _made(pair, seconds)
    assert pair.hosts["a"].mib[counter] == 1


def test_it_may_be_ended_once() -> None:
    pair = Pair()
    tw = _made(pair, 60)
    inet_twsk_deschedule_put(tw)
    inet_twsk_deschedule_put(tw)
    assert pair.hosts["a"].hashinfo.tw_count == 0


@pytest.mark.parametrize(
    ("reuse", "bound", "substate", "later_ms", "taken"),
    [
        ("2", True, TCP_TIME_WAIT, 0, True),
        ("2", False, TCP_TIME_WAIT, 5000, False),
        ("1", False, TCP_TIME_WAIT, 5000, True),
        ("1", False, TCP_TIME_WAIT, 500, False),
        ("1", False, TCP_FIN_WAIT2, 5000, False),
        ("0", False, TCP_TIME_WAIT, 5000, False),
    ],
)
def test_who_may_take_its_ends(reuse: str, bound: bool, substate: int, later_ms: int, taken: bool) -> None:
    pair = Pair(sysctls={"net.ipv4.tcp_tw_reuse": reuse})
    tw = _made(pair, 60, substate)
    pair.run(pair.now_ms + later_ms)
    pair.hosts["a"].now_ns = pair.now_ns
    sk = pair.sk("a", pair.socket("a"))
    assert tcp_twsk_unique(sk, tw, has_bucket=bound) is taken
    if taken:
        assert sk.write_seq == (tw.tw_snd_nxt + 65537) & 0xFFFFFFFF
        assert sk.ts_recent == tw.tw_ts_recent


def test_without_timestamps_nobody_may() -> None:
    pair = Pair(sysctls={"net.ipv4.tcp_timestamps": "0"})
    tw = _made(pair, 60)
    assert not tcp_twsk_unique(pair.sk("a", pair.socket("a")), tw, has_bucket=True)
