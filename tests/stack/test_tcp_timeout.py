"""When a connection gives up."""

from __future__ import annotations

from errno import EHOSTUNREACH, ETIMEDOUT
from typing import Any, cast

import pytest

from netemu.stack import tcp_close, tcp_mss, tcp_send, tcp_timeout
from netemu.stack.profile import Profile
from netemu.stack.sock import TCP_ESTABLISHED, TCP_SYN_RECV, TCP_SYN_SENT, TcpSock
from netemu.stack.stack import LinuxStack
from netemu.stack.sysctl import Sysctl
from tests.forms import replace

HZ = 250


def _sock(waited_ms: int = 0, **fields: Any) -> TcpSock:
    """Established, once retransmitted, ``waited_ms`` since the first retransmission."""
    sk = TcpSock(LinuxStack("h", Profile("test", hz=HZ), Sysctl(), 1), 2, cast(Any, None))
    sk.sk_state = TCP_ESTABLISHED
    sk.icsk_rto = HZ // 5
    sk.icsk_rto_max = 120 * HZ
    sk.icsk_retransmits = 1
    sk.retrans_stamp = 50_000
    sk.tcp_mstamp = (50_000 + waited_ms) * 1000
    for name, value in fields.items():
        setattr(sk, name, value)
    return sk


@pytest.fixture
def ends(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """errno of each end of a connection; 0 where it ended without one."""
    errors: list[int] = []
    replace(monkeypatch, tcp_close, "tcp_done_with_error", lambda sk, error: errors.append(error))
    replace(monkeypatch, tcp_close, "tcp_done", lambda sk: errors.append(0))
    replace(monkeypatch, tcp_close, "tcp_check_oom", lambda sk, shift: False)
    return errors


def test_fifteen_retries_are_924_seconds_from_the_first() -> None:
    """ip-sysctl.rst: 'The default value of 15 yields a hypothetical timeout of 924.6 seconds'."""
    sk = _sock()
    assert tcp_timeout.tcp_model_timeout(sk, 15, HZ // 5) == 924_600
    assert tcp_timeout.tcp_model_timeout(sk, 3, HZ // 5) == 3_000
    assert tcp_timeout.tcp_model_timeout(sk, 6, HZ) == 127_000


def test_it_is_time_and_not_the_count_that_ends_a_connection(ends: list[int]) -> None:
    assert not tcp_timeout.tcp_write_timeout(_sock(924_599, icsk_retransmits=30))
    sk = _sock(924_600)
    assert tcp_timeout.tcp_write_timeout(sk)
    assert ends == [ETIMEDOUT]
    assert sk.net.mib["TCPAbortOnTimeout"] == 1


def test_the_error_is_the_last_icmps(ends: list[int]) -> None:
    assert tcp_timeout.tcp_write_timeout(_sock(924_600, sk_err_soft=EHOSTUNREACH))
    assert ends == [EHOSTUNREACH]


def test_what_was_not_retransmitted_has_not_timed_out(ends: list[int]) -> None:
    assert not tcp_timeout.tcp_write_timeout(_sock(10**7, icsk_retransmits=0))
    assert not ends


def test_the_user_timeout_is_sooner(ends: list[int]) -> None:
    assert not tcp_timeout.tcp_write_timeout(_sock(4_999, icsk_user_timeout=5_000))
    assert tcp_timeout.tcp_write_timeout(_sock(5_000, icsk_user_timeout=5_000))


@pytest.mark.parametrize(("state", "tries"), [(TCP_SYN_SENT, 10), (TCP_SYN_RECV, 6)])
def test_syns_are_counted(ends: list[int], state: int, tries: int) -> None:
    """tcp_syn_retries and, of SYNs only, tcp_syn_linear_timeouts."""
    assert not tcp_timeout.tcp_write_timeout(_sock(sk_state=state, icsk_retransmits=tries - 1))
    assert tcp_timeout.tcp_write_timeout(_sock(sk_state=state, icsk_retransmits=tries))
    assert not tcp_timeout.tcp_write_timeout(_sock(sk_state=state, icsk_retransmits=tries - 1, icsk_syn_retries=6))


def test_tcp_syncnt_is_instead_of_the_sysctl(ends: list[int]) -> None:
    assert tcp_timeout.tcp_write_timeout(_sock(sk_state=TCP_SYN_RECV, icsk_retransmits=2, icsk_syn_retries=2))


def test_an_orphan_tries_eight_times_while_it_is_alive(ends: list[int]) -> None:
    assert tcp_timeout.tcp_model_timeout(_sock(), 8, HZ // 5) == 102_200
    assert not tcp_timeout.tcp_write_timeout(_sock(102_199, sk_dead=True))
    assert tcp_timeout.tcp_write_timeout(_sock(102_200, sk_dead=True))


def test_an_orphan_whose_rto_is_at_its_longest_is_not_alive() -> None:
    sk = _sock(sk_err_soft=EHOSTUNREACH)
    assert tcp_timeout.tcp_orphan_retries(sk, alive=False) == 0
    assert tcp_timeout.tcp_orphan_retries(sk, alive=True) == 8
    sk.net.sysctl.tcp_orphan_retries = 3
    assert tcp_timeout.tcp_orphan_retries(sk, alive=True) == 3


def test_an_orphan_without_memory_is_reset_if_it_was_active(ends: list[int], monkeypatch: pytest.MonkeyPatch) -> None:
    resets: list[TcpSock] = []
    replace(monkeypatch, tcp_close, "tcp_check_oom", lambda sk, shift: True)
    replace(monkeypatch, tcp_send, "tcp_send_active_reset", resets.append)
    sk = _sock(sk_dead=True, snd_wnd=100)
    sk.lsndtime = sk.net.jiffies
    assert tcp_timeout.tcp_write_timeout(sk)
    assert (ends, resets) == ([0], [sk])
    quiet = _sock(snd_wnd=100)
    quiet.lsndtime = quiet.net.jiffies - 61 * HZ
    assert tcp_timeout.tcp_out_of_resources(quiet, do_reset=False)
    assert resets == [sk]
    assert quiet.net.mib["TCPAbortOnMemory"] == 1


def test_the_rto_is_cut_by_the_user_timeout() -> None:
    assert tcp_timeout.tcp_clamp_rto_to_user_timeout(_sock(900)) == 50
    assert tcp_timeout.tcp_clamp_rto_to_user_timeout(_sock(900, icsk_user_timeout=1_000)) == 25
    assert tcp_timeout.tcp_clamp_rto_to_user_timeout(_sock(1_000, icsk_user_timeout=1_000)) == 1


def test_black_hole_detection_halves_the_segments_and_has_a_floor(monkeypatch: pytest.MonkeyPatch) -> None:
    synced: list[int] = []
    replace(monkeypatch, tcp_mss, "tcp_sync_mss", lambda sk, pmtu: synced.append(pmtu))
    replace(monkeypatch, tcp_mss, "tcp_mtu_to_mss", lambda sk, mtu: mtu - 40)
    replace(monkeypatch, tcp_mss, "tcp_mss_to_mtu", lambda sk, mss: mss + 40)
    sk = _sock(mtup_search_low=1500, icsk_pmtu_cookie=1500)
    tcp_timeout.tcp_mtu_probing(sk)
    assert not synced
    sk.net.sysctl.tcp_mtu_probing = 1
    lows = []
    for _ in range(6):
        tcp_timeout.tcp_mtu_probing(sk)
        lows.append(sk.mtup_search_low)
    assert sk.mtup_enabled
    assert lows == [1500, 770, 405, 222, 131, 88]
    assert synced == [1500] * 6


def test_a_peer_that_took_its_window_back_may_be_silent_for_four_minutes() -> None:
    sk = _sock(rcv_tstamp=0)
    sk.icsk_timeout = 240 * HZ
    assert not tcp_timeout.tcp_rtx_probe0_timed_out(sk, 10**6)
    sk.icsk_timeout += 1
    assert tcp_timeout.tcp_rtx_probe0_timed_out(sk, 240_001)
    assert not tcp_timeout.tcp_rtx_probe0_timed_out(sk, 240_000)
    sk.icsk_user_timeout = 1_000
    assert tcp_timeout.tcp_rtx_probe0_timed_out(sk, 1_001)
