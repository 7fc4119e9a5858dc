"""Where a transfer starts from."""

from __future__ import annotations

import pytest

from netemu.stack.sock import TCP_INFINITE_SSTHRESH
from netemu.stack.tcp_metrics_init import tcp_init_cwnd, tcp_init_metrics
from tests.stack.sender import Sender, established


def test_the_initial_window_is_the_eras(monkeypatch: pytest.MonkeyPatch) -> None:
    assert tcp_init_cwnd(Sender(monkeypatch).sk) == 10
    assert tcp_init_cwnd(Sender(monkeypatch, era="linux-2.6").sk) == 10
    old = Sender(monkeypatch, era="linux-2.4").sk
    for mss, segments in ((8960, 2), (1460, 3), (1095, 4)):
        old.mss_cache = mss
        assert tcp_init_cwnd(old) == segments
    sk = Sender(monkeypatch).sk
    sk.snd_cwnd_clamp = 4
    assert tcp_init_cwnd(sk) == 4


def test_without_an_rtt_the_rto_is_three_seconds(monkeypatch: pytest.MonkeyPatch) -> None:
    sk = Sender(monkeypatch).sk
    sk.snd_ssthresh = 2
    tcp_init_metrics(sk)
    assert (sk.icsk_rto, sk.rttvar_us, sk.snd_ssthresh) == (3 * sk.net.profile.hz, 3_000_000, TCP_INFINITE_SSTHRESH)
    measured = established(monkeypatch).sk
    rto = measured.icsk_rto
    tcp_init_metrics(measured)
    assert measured.icsk_rto == rto
