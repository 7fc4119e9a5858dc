"""SYN cookies: nothing is kept, and what comes back is believed only while cookies are being sent."""

from __future__ import annotations

import pytest

from netemu.packet.ip import Options
from netemu.stack.syncookies import MSSTAB_V4
from tests.stack.hosts import ACK, SYN, Lone

ALWAYS = {"net.ipv4.tcp_syncookies": "2"}
FULL = Options(mss=1400, window_scale=5, sack_permitted=True, ts_val=77, ts_ecr=0)


@pytest.mark.parametrize("family", [4, 6])
def test_a_connection_from_a_cookie_has_its_options(family: int) -> None:
    lone = Lone(family=family, sysctls=ALWAYS)
    fd = lone.listener()
    [synack] = lone.say(SYN, 1000, options=FULL)
    assert not lone.hosts["b"].hashinfo.ehash
    assert synack.options.ts_val is not None
    back = Options(ts_val=90, ts_ecr=synack.options.ts_val)
    assert lone.say(ACK, 1001, synack.seq + 1, window=100, options=back) == []
    sk = lone.sk("b", lone.do("b", "accept", fd)[0])
    assert (sk.tstamp_ok, sk.sack_ok, sk.snd_wscale, sk.snd_wnd) == (True, True, 5, 100 << 5)
    assert sk.mss_clamp == (1300 if family == 4 else 1220)
    assert (lone.hosts["b"].mib["SyncookiesSent"], lone.hosts["b"].mib["SyncookiesRecv"]) == (1, 1)


def test_without_timestamps_only_the_mss_is_remembered() -> None:
    lone = Lone(sysctls=ALWAYS)
    fd = lone.listener()
    [synack] = lone.say(SYN, 1000, options=Options(mss=1460, window_scale=5, sack_permitted=True))
    assert synack.options == Options(mss=1460)
    lone.say(ACK, 1001, synack.seq + 1)
    sk = lone.sk("b", lone.do("b", "accept", fd)[0])
    assert (sk.tstamp_ok, sk.sack_ok, sk.wscale_ok) == (False, False, False)
    assert sk.mss_clamp == MSSTAB_V4[3]  # tcp_clear_options() leaves the MSS


def test_an_ack_that_brings_no_cookie_is_reset() -> None:
    lone = Lone(sysctls=ALWAYS)
    lone.listener()
    lone.say(SYN, 1000)
    [reset] = lone.say(ACK, 1001, 12345)
    assert reset.seq == 12345
    assert lone.hosts["b"].mib["SyncookiesFailed"] == 1


def test_a_cookie_is_valid_for_less_than_two_minutes() -> None:
    lone = Lone(sysctls=ALWAYS)
    fd = lone.listener()
    [synack] = lone.say(SYN, 1000)
    lone.run(130_000)
    lone.say(SYN, 9000, port=40_001)  # cookies are being sent still
    lone.say(ACK, 1001, synack.seq + 1)
    assert not lone.sk("b", fd).icsk_accept_queue
    assert lone.hosts["b"].mib["SyncookiesFailed"] == 1


def test_nobody_believes_cookies_while_none_are_sent() -> None:
    lone = Lone()
    lone.listener()
    assert lone.say(ACK, 1001, 4711)[0].seq == 4711
    assert lone.hosts["b"].mib["SyncookiesFailed"] == 0


def test_cookies_begin_when_the_queue_is_full() -> None:
    lone = Lone()
    fd = lone.listener(backlog=0)
    lone.say(SYN, 1000)
    [synack] = lone.say(SYN, 1000, port=40_001)
    assert len(lone.sk("b", fd).icsk_request_socks) == 1
    assert lone.hosts["b"].mib["TCPReqQFullDoCookies"] == 1
    lone.say(ACK, 1001, synack.seq + 1, port=40_001)
    assert len(lone.sk("b", fd).icsk_accept_queue) == 1
