"""SACK blocks: which are believed, D-SACKs, and the scoreboard under any of them."""

from __future__ import annotations

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from netemu.stack.skbuff import TCPCB_LOST, TCPCB_SACKED_ACKED
from netemu.stack.tcp_sack import tcp_is_sackblock_valid
from tests.stack.sender import FIRST, MSS, Sender, established


def _sacked(sender: Sender) -> list[int]:
    return [
        (skb.seq - FIRST) // MSS + i
        for skb in sender.sk.tcp_rtx_queue
        if skb.sacked & TCPCB_SACKED_ACKED
        for i in range(skb.tcp_gso_segs)
    ]


def test_blocks_mark_what_they_cover_in_any_order(monkeypatch: pytest.MonkeyPatch) -> None:
    sender = established(monkeypatch)
    sender.write(10)
    sender.at(1200)
    sender.ack(1, [(7, 8), (2, 3), (4, 6)])
    assert _sacked(sender) == [2, 4, 5, 7]
    sender.ack(1, [(4, 8), (2, 3)])
    assert _sacked(sender) == [2, 4, 5, 6, 7]
    assert sender.sk.delivered == 6


@pytest.mark.parametrize(
    ("block", "dsack", "believed"),
    [
        ((3, 5), False, True),
        ((5, 3), False, False),
        ((3, 3), False, False),
        ((2, 5), False, False),  # it starts at snd_una
        ((3, 12), False, False),  # never sent
        ((1, 2), False, False),
        ((1, 2), True, True),
        ((1, 3), True, False),  # across snd_una
        ((0, 1), True, False),  # below undo_marker
        ((0, 2), True, True),  # across undo_marker
    ],
)
def test_a_block_is_believed_where_it_can_be_true(
    monkeypatch: pytest.MonkeyPatch, block: tuple[int, int], dsack: bool, believed: bool
) -> None:
    sender = established(monkeypatch)
    sk = sender.sk
    sender.write(10)
    sk.undo_marker = FIRST + MSS
    sk.snd_una = FIRST + 2 * MSS
    start, end = FIRST + block[0] * MSS, FIRST + block[1] * MSS
    assert tcp_is_sackblock_valid(sk, dsack, start, end) is believed


def test_what_cannot_be_true_is_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    sender = established(monkeypatch)
    sender.write(10)
    sender.at(1200)
    sender.ack(1, [(30, 40)])
    assert sender.counted("TCPSACKDiscard") == 1
    sender.ack(1, [(0, 1)])
    assert sender.counted("TCPDSACKRecv") == 1
    assert sender.counted("TCPDSACKIgnoredDubious") == 1, "nothing was ever sent again"


def test_a_dsack_above_the_ack_lies_inside_the_second_block(monkeypatch: pytest.MonkeyPatch) -> None:
    sender = established(monkeypatch)
    sender.write(10)
    sender.at(1200)
    sender.ack(1, [(2, 6)])
    sender.sk.total_retrans = 5
    sender.ack(1, [(3, 4), (2, 6)])
    assert sender.counted("TCPDSACKOfoRecv") == 1
    assert sender.counted("TCPDSACKRecvSegs") == 1
    assert sender.sk.dsack_seen


def test_segments_that_arrive_out_of_order_raise_the_reordering_degree(monkeypatch: pytest.MonkeyPatch) -> None:
    sender = established(monkeypatch, cwnd=30)
    sender.write(20)
    sender.at(1200)
    sender.sk.reordering = 10
    sender.sk.reord_seen = 1
    sender.ack(1, [(3, 15)])
    sender.ack(1, [(2, 15)])
    assert sender.sk.reordering == 13
    assert sender.counted("TCPSACKReorder") == 1


Event = tuple[str, int, int, int]

_events = st.lists(
    st.tuples(
        st.sampled_from(["ack", "sack", "sacks", "dsack", "time", "write"]),
        st.integers(0, 40),
        st.integers(1, 12),
        st.integers(0, 3),
    ),
    max_size=40,
)


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(
    events=_events, sack=st.booleans(), era=st.sampled_from(["linux-6", "linux-7"]), recovery=st.sampled_from([0, 1])
)
def test_the_scoreboard_adds_up_whatever_arrives(
    monkeypatch: pytest.MonkeyPatch, events: list[Event], sack: bool, era: str, recovery: int
) -> None:
    """Sender.check compares the counts with the queue's tags after every step."""
    sender = established(monkeypatch, sack=sack, era=era, tcp_recovery=recovery)
    sk = sender.sk
    sender.write(12)
    for kind, a, b, c in events:
        una, end = (sk.snd_una - FIRST) // MSS, (sk.snd_nxt - FIRST) // MSS
        low = una + a % max(1, end - una)
        if kind == "time":
            sender.at(sender.net.now_ns / 1e6 + a * b)
        elif kind == "write":
            sender.write(b)
        elif kind == "ack":
            sender.ack(min(una + b, end))
        elif kind == "sack":
            sender.ack(una, [(low, low + b)] if sack else [])
        elif kind == "sacks":
            blocks = [(low, low + c + 1), (low + c + 2, low + c + 2 + b), (a, a + b)]
            sender.ack(una, blocks if sack else [])
        else:
            sender.ack(una, [(max(0, una - b), una), (low, low + b)] if sack else [])
        sender.check()
    for _ in range(60):
        if not sk.packets_out:
            break
        sender.ack((sk.snd_nxt - FIRST) // MSS)
    assert sk.packets_out == sk.lost_out == sk.retrans_out == 0
    assert sk.delivered >= 13


def test_a_lost_segment_that_arrives_after_all_is_lost_no_longer(monkeypatch: pytest.MonkeyPatch) -> None:
    sender = established(monkeypatch, cwnd=20)
    sk = sender.sk
    sender.write(12)
    sender.at(1200)
    sender.ack(1, [(4, 12)])
    assert any(skb.sacked & TCPCB_LOST for skb in sk.tcp_rtx_queue)
    lost = sk.lost_out
    sender.ack(1, [(3, 12)])
    assert sk.lost_out < lost or sk.retrans_out > 0
