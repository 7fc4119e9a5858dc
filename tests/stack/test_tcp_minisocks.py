"""Half-open connections meet segments, and connections become TIME_WAIT."""

from __future__ import annotations

import pytest

from netemu.packet.ip import Options
from netemu.stack.sock import TCP_ESTABLISHED
from tests.stack.hosts import ACK, FIN, RST, SYN, Lone, Pair

STAMPED = Options(mss=1460, window_scale=7, sack_permitted=True, ts_val=100, ts_ecr=0)


def _half_open(**kwargs: object) -> tuple[Lone, int, int]:
    lone = Lone(**kwargs)
    fd = lone.listener()
    [synack] = lone.say(SYN, 1000)
    return lone, fd, synack.seq


def test_the_ack_of_the_syn_ack_makes_a_connection() -> None:
    lone = Lone()
    fd = lone.listener()
    [synack] = lone.say(SYN, 1000, options=STAMPED)
    lone.say(ACK, 1001, synack.seq + 1, window=1000, options=Options(ts_val=120, ts_ecr=synack.options.ts_val))
    sk = lone.sk("b", lone.do("b", "accept", fd)[0])
    assert sk.sk_state == TCP_ESTABLISHED
    assert (sk.snd_wnd, sk.ts_recent, sk.mss_cache, sk.rcv_nxt, sk.snd_una) == (
        1000 << 7,
        120,
        1448,
        1001,
        synack.seq + 1,
    )
    assert lone.hosts["b"].mib["PassiveOpens"] == 1


def test_a_wrong_ack_is_reset_by_the_listener_and_the_request_stays() -> None:
    lone, fd, isn = _half_open()
    [reset] = lone.say(ACK, 1001, isn + 7)
    assert (reset.flags, reset.seq) == (RST, (isn + 7) & 0xFFFFFFFF)
    assert len(lone.sk("b", fd).icsk_request_socks) == 1


def test_a_segment_outside_the_window_is_answered_by_an_ack() -> None:
    lone, _, isn = _half_open()
    [answer] = lone.say(ACK, 900_000, isn + 1)
    assert (answer.flags, answer.seq, answer.ack_seq) == (ACK, isn + 1, 1001)


def test_a_reset_ends_the_handshake_if_its_number_is_exact() -> None:
    lone, fd, _ = _half_open()
    [challenge] = lone.say(RST, 1002)
    assert challenge.flags == ACK
    assert lone.say(RST, 1001) == []
    assert not lone.sk("b", fd).icsk_request_socks
    assert (lone.hosts["b"].mib["EmbryonicRsts"], lone.hosts["b"].mib["AttemptFails"]) == (1, 1)


def test_before_6_a_reset_in_the_window_was_enough() -> None:
    lone, fd, _ = _half_open(era="linux-5.10")
    assert lone.say(RST, 1002) == []
    assert not lone.sk("b", fd).icsk_request_socks


def test_another_syn_with_other_numbers_resets() -> None:
    lone, fd, isn = _half_open()
    [reset] = lone.say(SYN | ACK, 1001, isn + 1)
    assert reset.flags & RST
    assert not lone.sk("b", fd).icsk_request_socks


@pytest.mark.parametrize(("era", "rejected"), [("linux-7", 1), ("linux-6", 0)])
def test_the_echo_must_be_one_that_was_sent(era: str, rejected: int) -> None:
    lone = Lone(era=era)
    fd = lone.listener()
    [synack] = lone.say(SYN, 1000, options=STAMPED)
    assert synack.options.ts_val is not None
    lone.say(ACK, 1001, synack.seq + 1, options=Options(ts_val=120, ts_ecr=synack.options.ts_val + 1))
    assert lone.hosts["b"].mib["TSEcrRejected"] == rejected
    assert len(lone.sk("b", fd).icsk_accept_queue) == 1 - rejected


def test_an_old_timestamp_is_rejected() -> None:
    lone = Lone()
    lone.listener()
    [synack] = lone.say(SYN, 1000, options=STAMPED)
    [answer] = lone.say(ACK, 1001, synack.seq + 1, options=Options(ts_val=50, ts_ecr=synack.options.ts_val))
    assert answer.flags == ACK
    assert lone.hosts["b"].mib["PAWSEstab"] == 1


@pytest.mark.parametrize("abort", [False, True])
def test_a_full_accept_queue_drops_the_ack_or_resets(abort: bool) -> None:
    lone = Lone(sysctls={"net.ipv4.tcp_abort_on_overflow": str(int(abort))})
    fd = lone.listener(backlog=5)
    isns = [lone.say(SYN, 1000, port=40_000 + n)[0].seq for n in range(2)]
    lone.do("b", "listen", fd, 0)
    assert lone.say(ACK, 1001, isns[0] + 1) == []
    answer = lone.say(ACK, 1001, isns[1] + 1, port=40_001)
    assert [segment.flags & RST for segment in answer] == [RST] * abort
    assert len(lone.sk("b", fd).icsk_request_socks) == 1 - abort


def test_a_connection_inherits_what_was_set_on_the_listener() -> None:
    pair = Pair()
    listener = pair.listener()
    for level, option, value in ((6, 1, 1), (6, 4, 30), (1, 9, 1), (1, 8, 50_000), (6, 13, b"reno")):
        pair.do("b", "setsockopt", listener, level, option, value)
    client = pair.socket("a")
    pair.do("a", "connect", client, ("10.0.0.2", 5000))
    server = pair.do("b", "accept", listener)[0]
    assert pair.do("b", "getsockopt", server, 6, 1) == 1
    assert pair.do("b", "getsockopt", server, 6, 4) == 30
    assert pair.do("b", "getsockopt", server, 1, 8) == 100_000
    assert pair.do("b", "getsockopt", server, 6, 13) == "reno"
    assert pair.sk("b", server).sk_timer.pending


def test_the_active_closer_waits_and_too_many_do_not() -> None:
    for buckets, waiting in ((8192, 1), (0, 0)):
        pair = Pair(sysctls={"net.ipv4.tcp_max_tw_buckets": str(buckets)})
        client, server = pair.connection()
        pair.do("a", "close", client)
        pair.run(pair.now_ms + 50)
        pair.do("b", "close", server)
        pair.run(pair.now_ms + 50)
        assert pair.hosts["a"].hashinfo.tw_count == waiting
        assert pair.hosts["a"].mib["TCPTimeWaitOverflow"] == 1 - waiting
        assert not pair.hosts["b"].hashinfo.ehash
        pair.run(pair.now_ms + 61_000)
        assert not pair.hosts["a"].hashinfo.ehash
        assert not pair.hosts["a"].hashinfo.bhash


def test_data_with_the_handshake_s_last_ack_is_delivered() -> None:
    lone, fd, isn = _half_open()
    [ack] = lone.say(ACK, 1001, isn + 1, b"hello")
    assert ack.ack_seq == 1006
    server = lone.do("b", "accept", fd)[0]
    assert lone.do("b", "recv", server, 10) == b"hello"


def test_a_fin_with_the_last_ack_ends_the_stream() -> None:
    lone, fd, isn = _half_open()
    lone.say(ACK | FIN, 1001, isn + 1)
    server = lone.do("b", "accept", fd)[0]
    assert lone.do("b", "recv", server, 10) == b""
