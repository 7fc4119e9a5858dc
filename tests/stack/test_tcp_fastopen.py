"""A server that opens connections by a SYN: whose data it has at once, how many it lets be unfinished."""

from __future__ import annotations

import errno
from itertools import pairwise
from typing import Any

import pytest

from netemu.packet.ip import Options
from tests.stack.hosts import ACK, FIN, RST, SYN, Lone

TCP, TCP_FASTOPEN, TCP_FASTOPEN_KEY, TCP_FASTOPEN_NO_COOKIE = 6, 23, 33, 34
ASK, ON = Options(mss=1460, other=((34, b""),)), {"net.ipv4.tcp_fastopen": "3"}


def serving(backlog: int = 5, **kwargs: Any) -> tuple[Lone, int]:
    lone = Lone(sysctls=ON, **kwargs)
    listener = lone.listener()
    lone.do("b", "setsockopt", listener, TCP, TCP_FASTOPEN, backlog)
    return lone, listener


def with_a_cookie(backlog: int = 5, **kwargs: Any) -> tuple[Lone, int, Options]:
    """A server, and the options of a SYN that it has given a cookie to."""
    lone, listener = serving(backlog, **kwargs)
    [synack] = lone.say(SYN, 1000, options=ASK, port=39_999)
    return lone, listener, Options(mss=1460, other=synack.options.other)


def test_a_cookie_is_given_and_good() -> None:
    lone, listener, good = with_a_cookie()
    assert [kind for kind, _ in good.other] == [34]
    [synack] = lone.say(SYN, 5000, payload=b"hello", options=good)
    assert (synack.flags, synack.ack_seq, synack.options.other) == (SYN | ACK, 5006, ())
    fd, _ = lone.do("b", "accept", listener)
    assert lone.do("b", "recv", fd, 100) == b"hello"
    assert lone.do("b", "send", fd, b"answer") == 6
    [answer] = lone.heard()
    assert (answer.payload, answer.seq, answer.ack_seq) == (b"answer", synack.seq + 1, 5006)
    sk = lone.sk("b", fd)
    assert sk.fastopen_rsk is not None and lone.sk("b", listener).tfo.qlen == 1
    lone.say(ACK, 5006, answer.seq + 6)
    assert sk.fastopen_rsk is None and lone.sk("b", listener).tfo.qlen == 0
    assert lone.hosts["b"].mib["TCPFastOpenPassive"] == 1


def test_a_bad_cookie_gets_a_good_one_and_its_data_are_not_taken() -> None:
    lone, _, good = with_a_cookie()
    [synack] = lone.say(SYN, 5000, payload=b"hello", options=Options(mss=1460, other=((34, bytes(8)),)))
    assert synack.ack_seq == 5001
    assert synack.options.other == good.other
    assert lone.hosts["b"].mib["TCPFastOpenPassiveFail"] == 1


def test_the_experimental_option_is_answered_in_kind() -> None:
    lone, _ = serving()
    [synack] = lone.say(SYN, 1000, options=Options(mss=1460, other=((254, b"\xf9\x89"),)))
    [(kind, value)] = synack.options.other
    assert (kind, value[:2], len(value)) == (254, b"\xf9\x89", 10)


@pytest.mark.parametrize(("tcp_fastopen", "backlog"), [("1", 5), ("3", 0)])
def test_without_being_asked_for_it_is_an_ordinary_handshake(tcp_fastopen: str, backlog: int) -> None:
    lone = Lone(sysctls={"net.ipv4.tcp_fastopen": tcp_fastopen})
    listener = lone.listener()
    if backlog:
        lone.do("b", "setsockopt", listener, TCP, TCP_FASTOPEN, backlog)
    [synack] = lone.say(SYN, 1000, payload=b"x", options=ASK)
    assert (synack.ack_seq, synack.options.other) == (1001, ())


def test_0x400_turns_it_on_for_every_listener_and_0x200_asks_for_no_cookie() -> None:
    lone = Lone(sysctls={"net.ipv4.tcp_fastopen": str(0x603)})
    listener = lone.listener(backlog=3)
    assert lone.do("b", "getsockopt", listener, TCP, TCP_FASTOPEN) == 3
    [synack] = lone.say(SYN, 1000, payload=b"x")
    assert synack.ack_seq == 1002
    assert lone.do("b", "recv", lone.do("b", "accept", listener)[0], 10) == b"x"


def test_the_syn_ack_is_sent_again_by_the_connection_once_more_than_another_s() -> None:
    lone, listener, good = with_a_cookie()
    begun = len(lone.log)
    lone.say(SYN, 5000, payload=b"x", options=good)
    fd, _ = lone.do("b", "accept", listener)
    lone.run(300_000)
    mine = [ms for ms, _, packet in lone.log[begun:] if packet.body.destination_port == lone.port]
    gaps = [after - before for before, after in pairwise(mine)]
    assert len(gaps) == 6
    for gap, wanted in zip(gaps, (1000, 2000, 4000, 8000, 16000, 32000), strict=True):
        assert wanted <= gap <= wanted * 1.15
    assert lone.do("b", "recv", fd, 10) == b"x"
    assert lone.error("b", "recv", fd, 10) == errno.ETIMEDOUT
    assert lone.sk("b", listener).tfo.qlen == 0


def test_no_more_than_the_limit_are_unfinished() -> None:
    lone, listener, good = with_a_cookie(backlog=1)
    assert lone.say(SYN, 5000, payload=b"x", options=good)[0].ack_seq == 5002
    assert lone.say(SYN, 5000, payload=b"x", options=good, port=40_001)[0].ack_seq == 5001
    assert lone.hosts["b"].mib["TCPFastOpenListenOverflow"] == 1
    # One that is reset counts for a minute more: whoever forges SYNs gets no more for it.
    lone.do("b", "accept", listener)
    lone.say(RST, 5002)
    assert lone.say(SYN, 5000, payload=b"x", options=good, port=40_002)[0].ack_seq == 5001
    lone.run(61_000)
    lone.heard()
    assert lone.say(SYN, 5000, payload=b"x", options=good, port=40_003)[0].ack_seq == 5002


def test_a_fin_in_the_syn_s_segment_is_no_syn_of_a_listener() -> None:
    lone, _, good = with_a_cookie()
    assert lone.say(SYN | FIN, 5000, payload=b"x", options=good) == []


def test_a_connection_closed_before_its_handshake_is_over_ends_in_order() -> None:
    lone, listener, good = with_a_cookie()
    [synack] = lone.say(SYN, 5000, payload=b"x", options=good)
    fd, _ = lone.do("b", "accept", listener)
    lone.do("b", "recv", fd, 10)
    lone.do("b", "close", fd)
    [fin] = lone.heard()
    assert fin.flags & FIN and fin.seq == synack.seq + 1
    lone.say(ACK, 5002, synack.seq + 2)
    assert lone.sk("b", listener).tfo.qlen == 0
    [last] = lone.say(ACK | FIN, 5002, synack.seq + 2)
    assert last.ack_seq == 5003


def test_a_listener_that_closes_resets_what_nobody_accepted() -> None:
    lone, listener, good = with_a_cookie()
    lone.say(SYN, 5000, payload=b"x", options=good)
    lone.do("b", "close", listener)
    assert any(segment.flags & RST for segment in lone.heard())


def test_the_options_of_a_listener() -> None:
    lone, listener = serving()
    key = bytes(range(32))
    lone.do("b", "setsockopt", listener, TCP, TCP_FASTOPEN_KEY, key)
    assert lone.do("b", "getsockopt", listener, TCP, TCP_FASTOPEN_KEY) == key
    assert lone.error("b", "setsockopt", listener, TCP, TCP_FASTOPEN_KEY, key[:15]) == errno.EINVAL
    assert lone.error("b", "setsockopt", listener, TCP, TCP_FASTOPEN, -1) == errno.EINVAL
    lone.do("b", "setsockopt", listener, TCP, TCP_FASTOPEN_NO_COOKIE, 1)
    assert lone.say(SYN, 1000, payload=b"x")[0].ack_seq == 1002
    old = Lone(era="linux-2.6")
    assert old.error("b", "setsockopt", old.listener(), TCP, TCP_FASTOPEN, 5) == errno.ENOPROTOOPT
