"""What arms the retransmission timer, for when, and what it does when it fires."""

from __future__ import annotations

from typing import Any, cast

import pytest

from netemu.stack import (
    tcp_ack_snd,
    tcp_loss,
    tcp_recovery,
    tcp_retransmit,
    tcp_send,
    tcp_timeout,
    tcp_timer,
    tcp_tlp,
)
from netemu.stack.profile import Profile
from netemu.stack.skbuff import SkBuff
from netemu.stack.sock import (
    ICSK_ACK_TIMER,
    ICSK_TIME_LOSS_PROBE,
    ICSK_TIME_PROBE0,
    ICSK_TIME_REO_TIMEOUT,
    ICSK_TIME_RETRANS,
    TCP_CLOSE,
    TCP_DELACK_TIMER_DEFERRED,
    TCP_ESTABLISHED,
    TCP_SYN_SENT,
    TCP_WRITE_TIMER_DEFERRED,
    TCP_CA_Recovery,
    TcpSock,
)
from netemu.stack.stack import LinuxStack
from netemu.stack.sysctl import Sysctl
from tests.forms import replace

HZ = 250
MS = 1_000_000


def _sock(**fields: Any) -> TcpSock:
    """Established, 50 jiffies of RTO, one segment of 10 bytes in flight, sent now, 100 s after boot."""
    sk = TcpSock(LinuxStack("h", Profile("test", hz=HZ), Sysctl(), 1), 2, cast(Any, None))
    sk.sk_state = TCP_ESTABLISHED
    sk.icsk_rto = sk.icsk_rto_min = HZ // 5
    sk.icsk_rto_max = 120 * HZ
    sk.snd_wnd = 1000
    tcp_timer.tcp_init_xmit_timers(sk)
    _pass(sk, 100_000 * MS)
    skb = SkBuff(1, 11, 0x10, b"x" * 10)
    skb.skb_mstamp_ns = sk.net.now_ns
    sk.tcp_rtx_queue.append(skb)
    sk.packets_out = 1
    for name, value in fields.items():
        setattr(sk, name, value)
    return sk


def _pass(sk: TcpSock, ns: int) -> None:
    """Let time pass, firing what is due."""
    net = sk.net
    end_ns = net.now_ns + ns
    while (at_ns := net.timers.next_ns()) is not None and at_ns <= end_ns:
        net.now_ns = at_ns
        net.timers.advance(at_ns)
        net.timers.run()
    net.now_ns = end_ns
    net.timers.advance(end_ns)
    sk.tcp_mstamp = end_ns // 1000
    sk.tcp_clock_cache = end_ns


@pytest.fixture
def retransmissions(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Times (ns) of retransmissions; all other effects of a timeout are left out."""
    sent: list[int] = []

    def retransmit(sk: TcpSock, skb: SkBuff, segs: int) -> int:
        sent.append(sk.net.now_ns)
        sk.retrans_stamp = sk.retrans_stamp or sk.net.now_ns // MS
        return 0

    replace(monkeypatch, tcp_retransmit, "tcp_retransmit_skb", retransmit)
    replace(monkeypatch, tcp_loss, "tcp_enter_loss", lambda sk: None)
    return sent


def test_the_rto_doubles_until_two_minutes(retransmissions: list[int]) -> None:
    sk = _sock()
    began = sk.net.now_ns
    tcp_timer.tcp_rearm_rto(sk)
    _pass(sk, 420_000 * MS)
    gaps = [(b - a) / MS for a, b in zip([began, *retransmissions], retransmissions, strict=False)]
    asked = [min(200 * 2**k, 120_000) for k in range(len(gaps))]
    assert len(gaps) == 11
    for gap, ms in zip(gaps, asked, strict=True):
        assert ms < gap <= ms * 1.13 + 4
    assert sk.icsk_backoff == 11
    assert sk.total_rto == 11
    assert sk.total_rto_recoveries == 1
    assert sk.net.mib["TCPTimeouts"] == 11


def test_syns_go_a_second_apart_five_times_before_they_back_off(retransmissions: list[int]) -> None:
    """tcp_syn_linear_timeouts = 4: the first five intervals are equal (6.5, cbaa55f3e2)."""
    sk = _sock(sk_state=TCP_SYN_SENT, icsk_rto=HZ)
    began = sk.net.now_ns
    tcp_timer.tcp_rearm_rto(sk)
    _pass(sk, 20_000 * MS)
    seconds = [round((at - began) / 1e9) for at in retransmissions]
    assert seconds == [1, 2, 3, 4, 5, 7, 11, 20]  # 2, 4 and 8 s in buckets of 32, 256 and 512 ms


def test_without_linear_timeouts_syns_back_off_at_once(retransmissions: list[int]) -> None:
    sk = _sock(sk_state=TCP_SYN_SENT, icsk_rto=HZ)
    sk.net.sysctl.tcp_syn_linear_timeouts = 0
    began = sk.net.now_ns
    tcp_timer.tcp_rearm_rto(sk)
    _pass(sk, 16_000 * MS)
    assert [round((at - began) / 1e9) for at in retransmissions] == [1, 3, 7, 15]


def test_a_retransmission_that_this_host_refuses_is_tried_again_in_half_a_second(
    monkeypatch: pytest.MonkeyPatch, retransmissions: list[int]
) -> None:
    replace(monkeypatch, tcp_retransmit, "tcp_retransmit_skb", lambda sk, skb, segs: 1)
    sk = _sock()
    tcp_timer.tcp_rearm_rto(sk)
    _pass(sk, 210 * MS)
    assert (sk.icsk_backoff, sk.icsk_pending) == (0, ICSK_TIME_RETRANS)
    assert sk.icsk_timeout - sk.net.jiffies in (HZ // 2, HZ // 2 - 1)


def test_a_shrunk_window_makes_retransmissions_probes_that_do_not_end_the_connection(
    retransmissions: list[int],
) -> None:
    sk = _sock(snd_wnd=0)
    sk.rcv_tstamp = sk.net.jiffies
    tcp_timer.tcp_rearm_rto(sk)
    _pass(sk, 60_000 * MS)
    assert len(retransmissions) >= 7
    assert (sk.icsk_retransmits, sk.icsk_backoff) == (0, len(retransmissions))


def test_thin_streams_do_not_back_off_six_times_where_asked_for(retransmissions: list[int]) -> None:
    sk = _sock(srtt_us=8 * 20_000, rttvar_us=200_000, snd_ssthresh=10)
    sk.net.sysctl.tcp_thin_linear_timeouts = True
    began = sk.net.now_ns
    tcp_timer.tcp_rearm_rto(sk)
    _pass(sk, 2_500 * MS)
    gaps = [(b - a) // MS for a, b in zip([began, *retransmissions], retransmissions, strict=False)]
    assert gaps[0] == 204
    assert all(220 <= gap <= 228 for gap in gaps[1:7])
    assert gaps[7] >= 440


def test_nothing_in_flight_stops_the_timer_without_taking_it_from_the_wheel() -> None:
    sk = _sock()
    tcp_timer.tcp_rearm_rto(sk)
    sk.packets_out = 0
    tcp_timer.tcp_rearm_rto(sk)
    assert sk.icsk_pending == 0
    assert sk.icsk_retransmit_timer.pending
    _pass(sk, 300 * MS)
    assert sk.net.mib["TCPTimeouts"] == 0


@pytest.mark.parametrize("event", [ICSK_TIME_LOSS_PROBE, ICSK_TIME_REO_TIMEOUT])
def test_after_a_probe_the_rto_counts_from_when_the_segment_was_sent(event: int) -> None:
    sk = _sock(icsk_pending=event)
    _pass(sk, 99 * MS)
    tcp_timer.tcp_rearm_rto(sk)
    assert sk.icsk_timeout - sk.net.jiffies == 26  # 101 ms
    sk.icsk_pending = 0
    _pass(sk, 300 * MS)
    sk.icsk_pending = event
    tcp_timer.tcp_rearm_rto(sk)
    assert sk.icsk_timeout - sk.net.jiffies == 1


def test_pacing_puts_the_timer_off_by_whole_jiffies() -> None:
    sk = _sock()
    sk.tcp_wstamp_ns = sk.tcp_clock_cache + 11 * MS
    tcp_timer.tcp_reset_xmit_timer(sk, ICSK_TIME_RETRANS, 50, True)
    assert sk.icsk_timeout - sk.net.jiffies == 52
    tcp_timer.tcp_reset_xmit_timer(sk, ICSK_TIME_RETRANS, 50, False)
    assert sk.icsk_timeout - sk.net.jiffies == 50


def test_each_event_has_its_handler(monkeypatch: pytest.MonkeyPatch) -> None:
    called: list[str] = []
    replace(monkeypatch, tcp_tlp, "tcp_send_loss_probe", lambda sk: called.append("tlp"))
    replace(monkeypatch, tcp_recovery, "tcp_rack_reo_timeout", lambda sk: called.append("rack"))
    sk = _sock()
    for event in (ICSK_TIME_LOSS_PROBE, ICSK_TIME_REO_TIMEOUT):
        tcp_timer.inet_csk_reset_xmit_timer(sk, event, 1, 1000)
        _pass(sk, 20 * MS)
    assert called == ["tlp", "rack"]
    sk.sk_state = TCP_CLOSE
    _pass(sk, 20 * MS)
    tcp_timer.tcp_write_timer_handler(sk)
    assert called == ["tlp", "rack"]


def test_the_longest_wait_is_the_most_allowed() -> None:
    sk = _sock()
    tcp_timer.inet_csk_reset_xmit_timer(sk, ICSK_TIME_RETRANS, 5000, 1000)
    assert sk.icsk_timeout - sk.net.jiffies == 1000


def test_a_timer_that_was_put_off_waits_for_the_rest() -> None:
    sk = _sock()
    tcp_timer.tcp_rearm_rto(sk)
    sk.icsk_timeout += 100
    tcp_timer.tcp_write_timer(sk)
    assert sk.net.mib["TCPTimeouts"] == 0
    assert sk.icsk_retransmit_timer.expires == sk.icsk_timeout


def test_a_socket_in_a_processs_hands_is_left_to_it() -> None:
    sk = _sock(sk_owned=True, icsk_pending=ICSK_TIME_RETRANS, ack_pending=ICSK_ACK_TIMER)
    tcp_timer.tcp_write_timer(sk)
    assert sk.sk_tsq_flags == TCP_WRITE_TIMER_DEFERRED
    tcp_timer.tcp_delack_timer(sk)
    assert sk.sk_tsq_flags == TCP_WRITE_TIMER_DEFERRED | TCP_DELACK_TIMER_DEFERRED
    assert sk.net.mib["DelayedACKLocked"] == 1


def test_the_delayed_ack_timer_only_works_when_an_ack_is_owed(monkeypatch: pytest.MonkeyPatch) -> None:
    called: list[TcpSock] = []
    replace(monkeypatch, tcp_ack_snd, "tcp_delack_timer_handler", called.append)
    sk = _sock()
    tcp_timer.tcp_delack_timer(sk)
    assert not called
    sk.ack_pending = ICSK_ACK_TIMER
    tcp_timer.tcp_delack_timer(sk)
    assert called == [sk]


def test_a_timeout_in_recovery_is_counted_as_its_failure(retransmissions: list[int]) -> None:
    sk = _sock(icsk_ca_state=TCP_CA_Recovery, sack_ok=True)
    tcp_timer.tcp_rearm_rto(sk)
    _pass(sk, 1000 * MS)
    assert len(retransmissions) == 2
    assert sk.net.mib["TCPSackRecoveryFail"] == 1


# ---- window probes


def _probing(monkeypatch: pytest.MonkeyPatch, **fields: Any) -> tuple[TcpSock, list[int]]:
    sent: list[int] = []

    def send_probe0(sk: TcpSock) -> None:
        sent.append(sk.net.now_ns)
        sk.icsk_probes_out += 1
        sk.icsk_backoff += 1
        when = tcp_timer.tcp_clamp_probe0_to_user_timeout(sk, tcp_timer.tcp_probe0_when(sk, sk.icsk_rto_max))
        tcp_timer.tcp_reset_xmit_timer(sk, ICSK_TIME_PROBE0, when, True)

    replace(monkeypatch, tcp_send, "tcp_send_probe0", send_probe0)
    sk = _sock(packets_out=0, **fields)
    sk.sk_write_queue.append(SkBuff(1, 2, 0x10, b"x"))
    tcp_timer.tcp_check_probe_timer(sk)
    return sk, sent


def test_window_probes_back_off_from_200_ms_whatever_the_rtt(monkeypatch: pytest.MonkeyPatch) -> None:
    sk, sent = _probing(monkeypatch, icsk_rto=2)
    began = sk.net.now_ns
    _pass(sk, 30_000 * MS)
    gaps = [(b - a) / MS for a, b in zip([began, *sent], sent, strict=False)]
    for k, gap in enumerate(gaps):
        assert 200 * 2**k < gap <= 200 * 2**k * 1.13 + 4


def test_probing_ends_when_there_is_nothing_to_send(monkeypatch: pytest.MonkeyPatch) -> None:
    sk, sent = _probing(monkeypatch)
    _pass(sk, 210 * MS)
    assert (len(sent), sk.icsk_probes_out) == (1, 1)
    sk.sk_write_queue.pop()
    _pass(sk, 1000 * MS)
    assert (len(sent), sk.icsk_probes_out, sk.icsk_probes_tstamp) == (1, 0, 0)


def test_a_window_that_stays_shut_ends_a_connection_by_its_user_timeout(monkeypatch: pytest.MonkeyPatch) -> None:
    ended: list[int] = []
    replace(monkeypatch, tcp_timeout, "tcp_write_err", lambda sk: ended.append(sk.net.now_ns))
    sk, sent = _probing(monkeypatch, icsk_user_timeout=3000)
    first = None
    _pass(sk, 10_000 * MS)
    first = sent[0]
    assert len(ended) == 1
    assert 3000 <= (ended[0] - first) / MS <= 3080


def test_unanswered_probes_end_a_connection_after_tcp_retries2(monkeypatch: pytest.MonkeyPatch) -> None:
    ended: list[int] = []
    replace(monkeypatch, tcp_timeout, "tcp_write_err", lambda sk: ended.append(len(sent)))
    sk, sent = _probing(monkeypatch)
    sk.net.sysctl.tcp_retries2 = 5
    _pass(sk, 60_000 * MS)
    assert ended == [5]


def test_the_back_off_of_probes_ends_at_two_to_the_tenth() -> None:
    sk = _sock(icsk_backoff=20, icsk_rto=1)
    assert tcp_timer.tcp_probe0_when(sk, 1 << 40) == 50 << 10
    assert tcp_timer.tcp_probe0_when(sk, 120 * HZ) == 120 * HZ
    assert tcp_timer.inet_csk_rto_backoff(_sock(icsk_backoff=2), 120 * HZ) == 200
