"""Keepalive: probes after silence, an end after as many unanswered ones, and FIN-WAIT-2's own end."""

from __future__ import annotations

from typing import Any, cast

import pytest

from netemu.stack import tcp_close, tcp_keepalive, tcp_minisocks, tcp_send, tcp_timeout, tcp_timer
from netemu.stack.profile import Profile
from netemu.stack.skbuff import SkBuff
from netemu.stack.sock import TCP_CLOSE, TCP_ESTABLISHED, TCP_FIN_WAIT2, TcpSock
from netemu.stack.stack import LinuxStack
from netemu.stack.sysctl import Sysctl
from tests.forms import replace

HZ = 250
S = 1_000_000_000


class Effects:
    """What the timer did: seconds since the peer was heard last."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.probes: list[int] = []
        self.done: list[str] = []
        self.local_congestion = False
        replace(monkeypatch, tcp_send, "tcp_write_wakeup", self.probe)
        replace(monkeypatch, tcp_send, "tcp_send_active_reset", lambda sk: self.done.append("reset"))
        replace(monkeypatch, tcp_timeout, "tcp_write_err", lambda sk: self.done.append("timed out"))
        replace(monkeypatch, tcp_close, "tcp_done", lambda sk: self.done.append("done"))
        replace(monkeypatch, tcp_minisocks, "tcp_time_wait", lambda sk, state, timeo: self.done.append(f"wait {timeo}"))

    def probe(self, sk: TcpSock, counter: str) -> int:
        assert counter == "TCPKeepAlive"
        self.probes.append((sk.net.now_ns + S // 2) // S)
        return int(self.local_congestion)


@pytest.fixture
def effects(monkeypatch: pytest.MonkeyPatch) -> Effects:
    return Effects(monkeypatch)


def _sock(**fields: Any) -> TcpSock:
    """Established, SO_KEEPALIVE with 10 s, 5 s and 3 probes, heard at time 0."""
    sk = TcpSock(LinuxStack("h", Profile("test", hz=HZ), Sysctl(), 1), 2, cast(Any, None))
    sk.sk_state = TCP_ESTABLISHED
    tcp_timer.tcp_init_xmit_timers(sk)
    sk.ack_lrcvtime = sk.rcv_tstamp = sk.net.jiffies
    sk.keepalive_time, sk.keepalive_intvl, sk.keepalive_probes = 10 * HZ, 5 * HZ, 3
    for name, value in fields.items():
        setattr(sk, name, value)
    tcp_keepalive.tcp_set_keepalive(sk, True)
    sk.sk_keepopen = True
    return sk


def _pass(sk: TcpSock, until_s: int) -> None:
    net = sk.net
    while (at_ns := net.timers.next_ns()) is not None and at_ns <= until_s * S:
        net.now_ns = at_ns
        net.timers.advance(at_ns)
        net.timers.run()
    net.now_ns = until_s * S
    net.timers.advance(net.now_ns)


def test_a_silent_peer_is_probed_and_given_up(effects: Effects) -> None:
    sk = _sock()
    _pass(sk, 60)
    assert effects.probes in ([10, 15, 20], [10, 15, 21])
    assert effects.done == ["reset", "timed out"]


def test_a_peer_that_was_heard_meanwhile_is_probed_later(effects: Effects) -> None:
    sk = _sock()
    _pass(sk, 4)
    sk.rcv_tstamp = sk.net.jiffies
    _pass(sk, 13)
    assert not effects.probes
    _pass(sk, 16)
    assert len(effects.probes) == 1


def test_data_in_flight_proves_the_peer_by_itself(effects: Effects) -> None:
    sk = _sock(packets_out=1)
    _pass(sk, 30)
    sk.packets_out = 0
    sk.sk_write_queue.append(SkBuff(1, 2, 0x10, b"x"))
    _pass(sk, 60)
    assert not effects.probes


def test_a_probe_that_this_host_refuses_is_tried_again_soon(effects: Effects) -> None:
    effects.local_congestion = True
    sk = _sock()
    _pass(sk, 13)
    assert len(effects.probes) >= 4
    assert sk.icsk_probes_out == 0


def test_the_user_timeout_counts_instead_of_the_probes(effects: Effects) -> None:
    sk = _sock(icsk_user_timeout=12_000)
    _pass(sk, 60)
    assert len(effects.probes) == 1
    assert effects.done == ["reset", "timed out"]


def test_without_options_the_sysctls_count() -> None:
    sk = _sock(keepalive_time=0, keepalive_intvl=0, keepalive_probes=0)
    assert tcp_keepalive.keepalive_time_when(sk) == 7200 * HZ
    assert tcp_keepalive.keepalive_intvl_when(sk) == 75 * HZ
    assert tcp_keepalive.keepalive_probes(sk) == 9


def test_taking_the_option_back_stops_the_timer(effects: Effects) -> None:
    sk = _sock()
    tcp_keepalive.tcp_set_keepalive(sk, False)
    assert not sk.sk_timer.pending
    closed = _sock(sk_state=TCP_CLOSE)
    assert not closed.sk_timer.pending


def test_a_socket_in_a_processs_hands_is_looked_at_again_in_50_ms(effects: Effects) -> None:
    sk = _sock(sk_owned=True)
    tcp_keepalive.tcp_keepalive_timer(sk)
    assert sk.sk_timer.expires == sk.net.jiffies + HZ // 20


@pytest.mark.parametrize(
    ("linger2", "done"), [(0, ["reset", "done"]), (70 * HZ, [f"wait {10 * HZ}"]), (-1, ["reset", "done"])]
)
def test_fin_wait_2_ends_by_itself(effects: Effects, linger2: int, done: list[str]) -> None:
    """By default its minute is over by then; a longer TCP_LINGER2 goes on as a time-wait socket."""
    tcp_keepalive.tcp_keepalive_timer(_sock(sk_state=TCP_FIN_WAIT2, sk_dead=True, linger2=linger2))
    assert effects.done == done


def test_fin_wait_2_lasts_three_and_a_half_rto_at_least() -> None:
    assert tcp_keepalive.tcp_fin_time(_sock(icsk_rto=100)) == 60 * HZ
    assert tcp_keepalive.tcp_fin_time(_sock(icsk_rto=10_000)) == 35_000
