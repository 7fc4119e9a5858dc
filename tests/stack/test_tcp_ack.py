"""An acknowledgement from top to bottom: what is refused, the window, growth, timers."""

from __future__ import annotations

from typing import Any

import pytest

from netemu.packet.ip import NO_OPTIONS
from netemu.stack import tcp_ack, tcp_input
from netemu.stack.skbuff import SkBuff
from netemu.stack.sock import ICSK_TIME_LOSS_PROBE, ICSK_TIME_PROBE0, TCP_CA_Open
from netemu.stack.tcp_h import FLAG_NO_CHALLENGE_ACK, FLAG_SLOWPATH, FLAG_WIN_UPDATE
from tests.forms import replace
from tests.stack.sender import FIRST, MSS, Sender, established


def _segment(sender: Sender, ack_seq: int, *, seq: int = 1, window: int | None = None, flags: int = 0x10) -> SkBuff:
    skb = SkBuff(seq, seq, flags)
    skb.ack_seq = ack_seq
    skb.window = sender.sk.snd_wnd if window is None else window
    skb.options = NO_OPTIONS
    return skb


def test_slow_start_lets_two_segments_out_for_each_acknowledged(monkeypatch: pytest.MonkeyPatch) -> None:
    sender = established(monkeypatch, cwnd=10)
    sender.write(50)
    sender.at(1200)
    assert len(sender.ack(3)) == 4
    assert sender.sk.icsk_ca_state == TCP_CA_Open
    assert sender.sk.icsk_pending == ICSK_TIME_LOSS_PROBE


def test_what_was_never_sent_and_what_is_too_old_is_challenged(monkeypatch: pytest.MonkeyPatch) -> None:
    sender = established(monkeypatch)
    sk = sender.sk
    sender.write(5)
    challenged: list[Any] = []
    replace(monkeypatch, tcp_input, "tcp_send_challenge_ack", challenged.append)
    assert tcp_ack.tcp_ack(sk, _segment(sender, sk.snd_nxt + 1), FLAG_SLOWPATH) == tcp_ack.ACK_UNSENT_DATA
    assert tcp_ack.tcp_ack(sk, _segment(sender, sk.snd_una - 5000), FLAG_SLOWPATH) == tcp_ack.TOO_OLD_ACK
    assert len(challenged) == 2
    quiet = FLAG_SLOWPATH | FLAG_NO_CHALLENGE_ACK
    assert tcp_ack.tcp_ack(sk, _segment(sender, sk.snd_nxt + 1), quiet) < 0
    assert len(challenged) == 2


def test_an_ack_that_was_overtaken_still_brings_its_sacks(monkeypatch: pytest.MonkeyPatch) -> None:
    sender = established(monkeypatch)
    sender.write(10)
    sender.at(1200)
    sender.ack(3)
    assert tcp_ack.tcp_ack(sender.sk, _segment(sender, FIRST + 2 * MSS), FLAG_SLOWPATH) == 0
    sender.ack(2, [(4, 6)])
    assert sender.sk.sacked_out == 2


def test_the_window_follows_the_newest_segment(monkeypatch: pytest.MonkeyPatch) -> None:
    sender = established(monkeypatch)
    sk = sender.sk
    sk.snd_wl1 = 50
    for seq, window, believed in ((40, 5000, False), (50, 4000, False), (50, 0, True), (51, 3000, True)):
        una = sk.snd_una
        flag = tcp_ack.tcp_ack_update_window(sk, _segment(sender, una, seq=seq, window=window), una, seq)
        assert (flag == FLAG_WIN_UPDATE, sk.snd_wnd == window) == (believed, believed)
    sk.snd_wscale = 3
    tcp_ack.tcp_ack_update_window(sk, _segment(sender, sk.snd_una, seq=60, window=100), sk.snd_una, 60)
    assert sk.snd_wnd == 800
    tcp_ack.tcp_ack_update_window(sk, _segment(sender, sk.snd_una, seq=61, window=100, flags=0x12), sk.snd_una, 61)
    assert sk.snd_wnd == 100, "the window of a SYN is not scaled"


def test_a_closed_window_is_probed_and_an_open_one_no_longer(monkeypatch: pytest.MonkeyPatch) -> None:
    sender = established(monkeypatch)
    sk = sender.sk
    sk.snd_wnd = 0
    sender.write(3)
    assert sk.icsk_pending == ICSK_TIME_PROBE0
    sk.icsk_backoff = 2
    sk.snd_wnd = 3 * MSS
    tcp_ack.tcp_ack_probe(sk)
    assert (sk.icsk_pending, sk.icsk_backoff) == (0, 0)


def test_the_window_grows_on_sacks_only_where_the_path_reorders(monkeypatch: pytest.MonkeyPatch) -> None:
    sender = established(monkeypatch)
    sk = sender.sk
    assert not tcp_ack.tcp_may_raise_cwnd(sk, 0x20)
    sk.reordering = 4
    assert tcp_ack.tcp_may_raise_cwnd(sk, 0x20)
    assert tcp_ack.tcp_may_raise_cwnd(sk, 0x04)
