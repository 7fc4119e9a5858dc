"""What a block does to segments: tags, joining, cutting."""

from __future__ import annotations

import pytest

from netemu.stack import tcp_sacktag
from netemu.stack.cong import RateSample
from netemu.stack.skbuff import TCPCB_EVER_RETRANS, TCPCB_LOST, TCPCB_RETRANS, TCPCB_SACKED_ACKED, TCPCB_SACKED_RETRANS
from netemu.stack.tcp_sacktag import SacktagState
from tests.stack.sender import FIRST, MSS, established


def test_neighbours_that_were_sacked_become_one_segment_and_keep_their_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    sender = established(monkeypatch)
    sk = sender.sk
    sender.write(10)
    sender.at(1200)
    queued = sk.sk_wmem_queued
    sender.ack(1, [(2, 5)])
    joined = [skb for skb in sk.tcp_rtx_queue if skb.sacked & TCPCB_SACKED_ACKED]
    assert len(joined) == 1
    assert (joined[0].tcp_gso_segs, len(joined[0].data), joined[0].gso_size) == (3, 3 * MSS, MSS)
    assert sender.counted("TCPSackMerged") == 2
    assert queued - sk.sk_wmem_queued == 2 * 1024, "the heads of the two that went"


def test_a_filled_hole_joins_both_sides(monkeypatch: pytest.MonkeyPatch) -> None:
    sender = established(monkeypatch)
    sk = sender.sk
    sender.write(10)
    sender.at(1200)
    sender.ack(1, [(4, 5), (2, 3)])
    sender.ack(1, [(2, 5)])
    joined = [skb for skb in sk.tcp_rtx_queue if skb.sacked & TCPCB_SACKED_ACKED]
    assert [skb.tcp_gso_segs for skb in joined] == [3]
    assert sk.highest_sack is not None and sk.highest_sack.seq == FIRST + 5 * MSS


def test_an_ack_into_a_joined_segment_takes_off_its_packets(monkeypatch: pytest.MonkeyPatch) -> None:
    sender = established(monkeypatch)
    sk = sender.sk
    sender.write(10)
    sender.at(1200)
    sender.ack(1, [(2, 8)])
    sender.ack(4)
    assert sk.sacked_out == 4
    assert sk.packets_out == (sk.snd_nxt - FIRST) // MSS - 4


_S, _L, _E, _R = TCPCB_SACKED_ACKED, TCPCB_LOST, TCPCB_RETRANS & ~TCPCB_SACKED_RETRANS, TCPCB_RETRANS


@pytest.mark.parametrize(
    ("tags", "dup", "expected", "counts"),
    [
        (0, False, _S, (1, 0, 0)),
        (_L, False, _S, (1, -1, 0)),
        (_L | _R, False, _S | _E, (1, -1, -1)),
        (_R, False, _S | _R, (1, 0, 0)),
        (_R, True, _S | _E, (1, 0, -1)),
        (_S | _R, True, _S | _E, (0, 0, -1)),
    ],
)
def test_the_six_states_of_a_segment(
    monkeypatch: pytest.MonkeyPatch, tags: int, dup: bool, expected: int, counts: tuple[int, int, int]
) -> None:
    """``counts``: what changes in sacked_out, lost_out and retrans_out."""
    sender = established(monkeypatch)
    sk = sender.sk
    sender.write(10)
    skb = list(sk.tcp_rtx_queue)[3]
    skb.sacked = tags
    state = SacktagState(RateSample())
    state.reord = sk.snd_nxt
    before = sk.sacked_out, sk.lost_out, sk.retrans_out
    assert tcp_sacktag.tcp_sacktag_one(sk, state, skb, skb.seq, skb.end_seq, dup, 1) == expected
    after = sk.sacked_out, sk.lost_out, sk.retrans_out
    assert tuple(b - a for a, b in zip(before, after, strict=True)) == counts
    assert expected & TCPCB_EVER_RETRANS == tags & TCPCB_EVER_RETRANS


def test_a_block_cuts_a_segment_of_several_packets_at_whole_ones(monkeypatch: pytest.MonkeyPatch) -> None:
    sender = established(monkeypatch)
    sk = sender.sk
    sender.write(1)
    skb = sk.tcp_rtx_queue.head
    assert skb is not None
    skb.data, skb.end_seq, skb.tcp_gso_segs, skb.gso_size = bytes(4 * MSS), skb.seq + 4 * MSS, 4, MSS
    skb.truesize += 3 * MSS
    sk.sk_wmem_queued += 3 * MSS
    sk.snd_nxt, sk.packets_out = skb.end_seq, 4
    assert tcp_sacktag.tcp_match_skb_to_sack(sk, skb, skb.seq + 1500, skb.end_seq) == 0
    assert [other.tcp_gso_segs for other in sk.tcp_rtx_queue] == [2, 2]
    sender.check()


def test_places_in_the_queue_are_found_from_anywhere(monkeypatch: pytest.MonkeyPatch) -> None:
    sender = established(monkeypatch)
    sk = sender.sk
    sender.write(6)
    queue = list(sk.tcp_rtx_queue)
    at = [skb.seq for skb in queue]
    for start in (None, queue[0], queue[3]):
        assert tcp_sacktag.tcp_sacktag_skip(start, sk, at[4] + 10) is queue[4]
    assert tcp_sacktag.tcp_sacktag_skip(queue[5], sk, at[2]) is queue[5], "past it already"
    assert tcp_sacktag.tcp_sacktag_skip(None, sk, at[0] - 1) is None
    assert tcp_sacktag.tcp_sacktag_skip(None, sk, sk.snd_nxt) is None
