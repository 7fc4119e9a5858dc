"""What a connection leaves for the next one between the same addresses."""

from __future__ import annotations

import pytest

from netemu.stack.sock import TCP_INFINITE_SSTHRESH, TCP_CA_Loss
from netemu.stack.tcp_metrics import tcp_get_metrics, tcp_peer_is_proven, tcp_update_metrics
from netemu.stack.tcp_metrics_init import tcp_init_metrics
from tests.stack.sender import Sender, established


def test_the_next_first_rto_comes_of_a_longer_rtt_than_the_handshakes(monkeypatch: pytest.MonkeyPatch) -> None:
    sender = established(monkeypatch)
    sk = sender.sk
    tcp_update_metrics(sk)
    assert tcp_peer_is_proven(sender.net, sk.inet_saddr, sk.inet_daddr)
    sk.srtt_us = 8 * 40_000
    tcp_init_metrics(sk)
    assert sk.icsk_rto == 25 + 50  # 100 ms and twice that, in ticks of 4 ms
    sk.srtt_us = 8 * 400_000
    sk.icsk_rto = 777
    tcp_init_metrics(sk)
    assert sk.icsk_rto == 777


def test_a_longer_rtt_is_believed_at_once_and_a_shorter_one_by_an_eighth(monkeypatch: pytest.MonkeyPatch) -> None:
    sender = established(monkeypatch)
    sk = sender.sk
    for srtt_us, remembered in ((800, 800), (1600, 1600), (800, 1500)):
        sk.srtt_us = srtt_us
        tcp_update_metrics(sk)
        known = tcp_get_metrics(sender.net, sk.inet_saddr, sk.inet_daddr)
        assert known is not None and known.rtt == remembered


def test_a_connection_that_backs_off_takes_the_rtt_back(monkeypatch: pytest.MonkeyPatch) -> None:
    sender = established(monkeypatch)
    sk = sender.sk
    tcp_update_metrics(sk)
    sk.icsk_backoff = 1
    tcp_update_metrics(sk)
    assert not tcp_peer_is_proven(sender.net, sk.inet_saddr, sk.inet_daddr)


def test_reordering_is_remembered_of_a_window_that_had_been_reduced(monkeypatch: pytest.MonkeyPatch) -> None:
    sender = established(monkeypatch)
    sk = sender.sk
    sk.reordering, sk.snd_ssthresh, sk.snd_cwnd, sk.icsk_ca_state = 9, 20, 4, TCP_CA_Loss
    tcp_update_metrics(sk)
    sk.reordering = 3
    tcp_init_metrics(sk)
    assert sk.reordering == 9
    assert sk.snd_ssthresh == TCP_INFINITE_SSTHRESH


def test_ssthresh_only_where_the_host_asks_for_it(monkeypatch: pytest.MonkeyPatch) -> None:
    sender = established(monkeypatch, tcp_no_ssthresh_metrics_save=False)
    sk = sender.sk
    sk.snd_ssthresh, sk.snd_cwnd = 20, 50
    tcp_update_metrics(sk)
    tcp_init_metrics(sk)
    assert sk.snd_ssthresh == 25


def test_nothing_is_left_where_the_host_forbids_it_or_after_an_hour(monkeypatch: pytest.MonkeyPatch) -> None:
    forbidden = established(monkeypatch, tcp_no_metrics_save=True)
    tcp_update_metrics(forbidden.sk)
    assert tcp_get_metrics(forbidden.net, forbidden.sk.inet_saddr, forbidden.sk.inet_daddr) is None
    sender: Sender = established(monkeypatch)
    tcp_update_metrics(sender.sk)
    sender.at(1000 + 3_700_000)
    assert not tcp_peer_is_proven(sender.net, sender.sk.inet_saddr, sender.sk.inet_daddr)
