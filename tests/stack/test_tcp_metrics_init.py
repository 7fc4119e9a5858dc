"""Where a transfer starts from."""

from __future__ import annotations

import pytest

from netemu.stack.sock import TCP_INFINITE_SSTHRESH
from netemu.stack.tcp_metrics_init import tcp_init_cwnd, tcp_init_metrics, tcp_start_cwnd
from tests.stack.sender import Sender, established


def test_the_initial_window_is_the_eras(monkeypatch: pytest.MonkeyPatch) -> None:
    assert tcp_init_cwnd(Sender(monkeypatch).sk) == 10
    assert tcp_init_cwnd(Sender(monkeypatch, era="linux-2.6").sk) == 3
    sk = Sender(monkeypatch).sk
    sk.snd_cwnd_clamp = 4
    assert tcp_init_cwnd(sk) == 4


def test_a_handshake_that_was_repeated_starts_with_one_segment(monkeypatch: pytest.MonkeyPatch) -> None:
    sk = Sender(monkeypatch).sk
    sk.total_retrans, sk.undo_marker = 1, 5
    tcp_start_cwnd(sk)
    assert sk.snd_cwnd == 10
    sk.total_retrans = 2
    tcp_start_cwnd(sk)
    assert sk.snd_cwnd == 1
    sk.undo_marker = 0
    tcp_start_cwnd(sk)
    assert sk.snd_cwnd == 10, "the repetition was needless"


def test_without_an_rtt_the_rto_is_three_seconds(monkeypatch: pytest.MonkeyPatch) -> None:
    sk = Sender(monkeypatch).sk
    sk.snd_ssthresh = 2
    tcp_init_metrics(sk)
    assert (sk.icsk_rto, sk.rttvar_us, sk.snd_ssthresh) == (3 * sk.net.profile.hz, 3_000_000, TCP_INFINITE_SSTHRESH)
    measured = established(monkeypatch).sk
    rto = measured.icsk_rto
    tcp_init_metrics(measured)
    assert measured.icsk_rto == rto
