"""The SYN queue: answers, their retransmission, and what happens when it or the accept queue is full."""

from __future__ import annotations

from itertools import pairwise

import pytest

from netemu.packet.ip import Options
from netemu.stack.sock import TCP_NEW_SYN_RECV
from tests.stack.hosts import ACK, PORT, SYN, Lone, Pair

FULL = Options(mss=1460, window_scale=7, sack_permitted=True, ts_val=77, ts_ecr=0)


def test_a_syn_ack_answers_the_options_of_the_syn() -> None:
    lone = Lone()
    lone.listener()
    [synack] = lone.say(SYN, 1000, options=FULL)
    assert (synack.flags, synack.ack_seq, synack.window) == (SYN | ACK, 1001, 65160)
    options = synack.options
    assert (options.mss, options.window_scale, options.sack_permitted, options.ts_ecr) == (1460, 7, True, 77)
    [plain] = lone.say(SYN, 5000, port=40_001)
    assert plain.options == Options(mss=1460)
    assert plain.window == 64240


@pytest.mark.parametrize("name", ["tcp_sack", "tcp_window_scaling", "tcp_timestamps"])
def test_an_option_that_is_switched_off_is_not_answered(name: str) -> None:
    lone = Lone(sysctls={f"net.ipv4.{name}": "0"})
    lone.listener()
    options = lone.say(SYN, 1000, options=FULL)[0].options
    found = {
        "tcp_sack": options.sack_permitted,
        "tcp_window_scaling": options.window_scale is not None,
        "tcp_timestamps": options.ts_val is not None,
    }
    assert found == {key: key != name for key in found}


def test_the_syn_ack_is_sent_again_doubling_its_wait_and_then_given_up() -> None:
    lone = Lone()
    lone.listener()
    lone.say(SYN, 1000)
    lone.run(200_000)
    times = [ms for ms, _, _ in lone.log]
    assert len(times) == 6
    gaps = [after - before for before, after in pairwise(times)]
    for gap, wanted in zip(gaps, (1000, 2000, 4000, 8000, 16000), strict=True):
        assert wanted <= gap <= wanted * 1.15
    assert not lone.hosts["b"].hashinfo.ehash
    assert lone.hosts["b"].mib["TCPSynRetrans"] == 5


def test_a_syn_that_comes_again_is_answered_again() -> None:
    lone = Lone()
    lone.listener()
    [first] = lone.say(SYN, 1000)
    assert lone.say(SYN, 1000)[0].seq == first.seq
    # Half a second must pass between two such answers (tcp_invalid_ratelimit).
    assert lone.say(SYN, 1000) == []
    assert lone.hosts["b"].mib["TCPACKSkippedSynRecv"] == 1


def test_a_full_syn_queue_drops_without_cookies() -> None:
    for era, taken in (("linux-7", 3), ("linux-6", 3), ("linux-5.10", 2)):
        lone = Lone(era=era, sysctls={"net.ipv4.tcp_syncookies": "0"})
        lone.listener(backlog=2)
        answered = [bool(lone.say(SYN, 1000, port=40_000 + n)) for n in range(5)]
        assert answered == [True] * taken + [False] * (5 - taken)
        mib = lone.hosts["b"].mib
        assert (mib["TCPReqQFullDrop"], mib["ListenDrops"]) == (5 - taken, 5 - taken)


def test_the_accept_queue_takes_one_more_than_the_backlog() -> None:
    lone = Lone()
    fd = lone.listener(backlog=1)
    for n in range(4):
        answers = lone.say(SYN, 1000, port=40_000 + n)
        if answers:
            lone.say(ACK, 1001, answers[0].seq + 1, port=40_000 + n)
    sk = lone.sk("b", fd)
    assert (sk.sk_ack_backlog, len(sk.icsk_accept_queue)) == (2, 2)
    assert lone.hosts["b"].mib["ListenOverflows"] == 2


def test_the_last_ack_is_dropped_by_a_full_accept_queue_and_asked_for_again() -> None:
    pair = Pair()
    listener = pair.listener(backlog=5)
    calls = [pair.start("a", "connect", pair.socket("a"), ("10.0.0.2", PORT)) for _ in range(2)]
    pair.run(15)
    pair.do("b", "listen", listener, 0)  # both SYNs are answered, and now only one connection has room
    pair.run(100)
    assert all(pair.returned(call) for call in calls)
    assert len(pair.sk("b", listener).icsk_accept_queue) == 1
    [req] = pair.sk("b", listener).icsk_request_socks.values()
    assert (req.sk_state, req.acked) == (TCP_NEW_SYN_RECV, True)
    pair.do("b", "accept", listener)
    pair.run(1500)
    assert len(pair.sk("b", listener).icsk_accept_queue) == 1


def test_defer_accept_drops_the_bare_ack_and_takes_data() -> None:
    lone = Lone()
    fd = lone.listener()
    lone.do("b", "setsockopt", fd, 6, 9, 5)
    [synack] = lone.say(SYN, 1000)
    lone.say(ACK, 1001, synack.seq + 1)
    assert not lone.sk("b", fd).icsk_accept_queue
    assert lone.hosts["b"].mib["TCPDeferAcceptDrop"] == 1
    lone.say(ACK, 1001, synack.seq + 1, b"request")
    assert len(lone.sk("b", fd).icsk_accept_queue) == 1


def test_sequence_numbers_grow_with_time_and_differ_by_peer() -> None:
    lone = Lone()
    lone.listener()
    [first] = lone.say(SYN, 1000)
    [other] = lone.say(SYN, 1000, port=40_001)
    assert first.seq != other.seq
    lone.run(100)
    lone.hosts["b"].hashinfo.ehash.clear()
    [later] = lone.say(SYN, 1000)
    assert (later.seq - first.seq) % (1 << 32) == 100_000_000 >> 6
