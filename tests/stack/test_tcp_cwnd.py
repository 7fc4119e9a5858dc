"""The congestion window of a sender that does not use it (RFC 2861)."""

from __future__ import annotations

from netemu.stack import tcp_cwnd
from netemu.stack.cong import tcp_ca_find
from netemu.stack.sock import TcpSock
from tests.stack.senders import make_sender, wait_ns


def wait(sk: TcpSock, jiffies: int) -> None:
    """Let time pass."""
    wait_ns(sk.net, jiffies * sk.net.timers.tick_ns)


def test_idleness_halves_the_window_once_per_rto_down_to_the_initial_one() -> None:
    sk = make_sender()
    sk.snd_cwnd, sk.lsndtime = 64, sk.net.jiffies
    wait(sk, 3 * sk.icsk_rto - 1)
    tcp_cwnd.tcp_slow_start_after_idle_check(sk)
    assert sk.snd_cwnd == 16
    assert sk.snd_ssthresh >= 48
    sk.lsndtime = sk.net.jiffies
    wait(sk, 30 * sk.icsk_rto)
    tcp_cwnd.tcp_slow_start_after_idle_check(sk)
    assert sk.snd_cwnd == 10


def test_no_restart_with_data_in_flight_or_with_the_sysctl_off_or_under_bbr() -> None:
    for field in ("packets", "sysctl", "bbr"):
        sk = make_sender()
        sk.snd_cwnd, sk.lsndtime = 64, sk.net.jiffies
        wait(sk, 5 * sk.icsk_rto)
        if field == "packets":
            sk.packets_out = 1
        elif field == "sysctl":
            sk.net.sysctl.tcp_slow_start_after_idle = False
        else:
            bbr = tcp_ca_find("bbr")
            assert bbr is not None
            sk.icsk_ca_ops = bbr
        tcp_cwnd.tcp_slow_start_after_idle_check(sk)
        assert sk.snd_cwnd == 64


def test_a_window_unused_for_an_rto_shrinks_halfway_to_what_was_used() -> None:
    sk = make_sender()
    sk.snd_cwnd, sk.snd_ssthresh, sk.packets_out = 40, 20, 4
    sk.snd_cwnd_stamp = sk.net.jiffies
    sk.cwnd_usage_seq = sk.snd_una
    wait(sk, sk.icsk_rto)
    tcp_cwnd.tcp_cwnd_validate(sk, False)
    assert sk.snd_cwnd == 25
    assert sk.snd_ssthresh == 30


def test_a_full_window_is_remembered_until_it_is_acknowledged() -> None:
    sk = make_sender()
    sk.snd_nxt = sk.snd_una + 5000
    sk.packets_out = 4
    tcp_cwnd.tcp_cwnd_validate(sk, True)
    tcp_cwnd.tcp_cwnd_validate(sk, False)
    assert sk.is_cwnd_limited
    sk.snd_una = sk.snd_nxt
    tcp_cwnd.tcp_cwnd_validate(sk, False)
    assert not sk.is_cwnd_limited
