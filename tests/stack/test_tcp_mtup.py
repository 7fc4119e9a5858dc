"""The outcome of a probe of a larger path MTU."""

from __future__ import annotations

import pytest

from netemu.stack import tcp_mss, tcp_mtup
from tests.forms import replace
from tests.stack.sender import FIRST, MSS, established


def test_an_acknowledged_probe_raises_the_floor_and_keeps_the_window_in_bytes(monkeypatch: pytest.MonkeyPatch) -> None:
    sender = established(monkeypatch)
    sk = sender.sk
    synced: list[int] = []
    replace(monkeypatch, tcp_mss, "tcp_sync_mss", lambda sk, pmtu: synced.append(pmtu))
    replace(monkeypatch, tcp_mss, "tcp_mss_to_mtu", lambda sk, mss: mss + 40)
    sender.write(2)
    sk.snd_cwnd, sk.mtup_probe_size, sk.icsk_pmtu_cookie = 20, 2080, 5000
    sk.mtu_probe_seq_start, sk.mtu_probe_seq_end = FIRST + MSS, FIRST + 2 * MSS
    sender.at(1200)
    sk.reordering = 3
    tcp_mtup.tcp_mtup_probe_success(sk)
    assert (sk.mtup_search_low, sk.mtup_probe_size, sk.snd_cwnd) == (2080, 0, 10)
    assert synced == [5000]
    assert sender.counted("TCPMTUPSuccess") == 1


def test_a_lost_probe_lowers_the_ceiling(monkeypatch: pytest.MonkeyPatch) -> None:
    sk = established(monkeypatch).sk
    sk.mtup_probe_size, sk.mtup_search_high = 1400, 1500
    tcp_mtup.tcp_mtup_probe_failed(sk)
    assert (sk.mtup_search_high, sk.mtup_probe_size) == (1399, 0)
