"""Sending again: what is sent, how it is cut or joined, what is counted."""

from __future__ import annotations

from netemu.packet.tcp import ACK, PSH, SYN
from netemu.stack import tcp_retransmit as retransmit
from netemu.stack.skbuff import TCPCB_EVER_RETRANS, TCPCB_LOST, TCPCB_RETRANS, TCPCB_SACKED_ACKED, SkBuff
from netemu.stack.sock import TCP_NAGLE_OFF, TCP_SYN_SENT, TCP_CA_Loss, TCP_CA_Recovery, TcpSock
from netemu.stack.tcp_send import tcp_connect
from tests.stack.senders import MSS, Wire, make_sender, queued, send, wire

__all__ = ["wire"]


def in_flight(wire: Wire, sizes: list[int]) -> TcpSock:
    """A sender without Nagle that has written ``sizes``, all of it sent; ``wire`` forgets that."""
    sk = make_sender()
    sk.nonagle = TCP_NAGLE_OFF
    for size in sizes:
        send(sk, bytes(size))
    assert sk.tcp_rtx_queue.qlen == len(sizes)
    wire.segments.clear()
    return sk


def lose(sk: TcpSock, *indices: int) -> None:
    """Mark segments of the queue lost."""
    for index, skb in enumerate(sk.tcp_rtx_queue):
        if index in indices:
            skb.sacked |= TCPCB_LOST
            sk.lost_out += 1


def first(sk: TcpSock) -> SkBuff:
    """The oldest unacknowledged segment."""
    assert sk.tcp_rtx_queue.head is not None
    return sk.tcp_rtx_queue.head


def test_a_segment_is_sent_again_and_counted(wire: Wire) -> None:
    sk = in_flight(wire, [MSS, MSS])
    assert retransmit.tcp_retransmit_skb(sk, first(sk), 1) == 0
    assert (wire.segments[0].seq, len(wire.segments[0].payload)) == (1001, MSS)
    assert (sk.retrans_out, sk.total_retrans, sk.bytes_retrans, sk.undo_retrans) == (1, 1, MSS, 1)
    assert first(sk).sacked & TCPCB_RETRANS
    assert sk.retrans_stamp == 1000
    assert sk.net.mib["RetransSegs"] == 1
    assert list(sk.tsorted_sent_queue)[-1] is first(sk)
    assert sk.snd_nxt == 1001 + 2 * MSS


def test_short_segments_are_joined(wire: Wire) -> None:
    sk = in_flight(wire, [100, 200, MSS, 50])
    retransmit.tcp_retransmit_skb(sk, first(sk), 1)
    assert [len(segment.payload) for segment in wire.segments] == [300]
    assert wire.segments[0].flags == ACK | PSH
    assert (sk.packets_out, sk.tcp_rtx_queue.qlen) == (3, 3)
    assert queued(sk) == sk.sk_wmem_queued
    assert len(list(sk.tsorted_sent_queue)) == 3


def test_nothing_is_joined_to_a_sacked_segment_or_over_a_record_s_end_or_if_the_sysctl_says_no(wire: Wire) -> None:
    for reason in ("sacked", "eor", "sysctl"):
        sk = in_flight(wire, [100, 200])
        if reason == "sacked":
            assert first(sk).next is not None
            first(sk).next.sacked = TCPCB_SACKED_ACKED  # type: ignore[union-attr]
        elif reason == "eor":
            first(sk).eor = True
        else:
            sk.net.sysctl.tcp_retrans_collapse = False
        retransmit.tcp_retransmit_skb(sk, first(sk), 1)
        assert len(wire.segments[-1].payload) == 100


def test_acknowledged_bytes_are_cut_off(wire: Wire) -> None:
    sk = in_flight(wire, [MSS])
    sk.snd_una += 1000
    retransmit.tcp_retransmit_skb(sk, first(sk), 1)
    assert (wire.segments[0].seq, len(wire.segments[0].payload)) == (2001, MSS - 1000)


def test_a_smaller_mss_cuts_the_segment(wire: Wire) -> None:
    sk = in_flight(wire, [MSS])
    sk.mss_cache = 1000
    retransmit.tcp_retransmit_skb(sk, first(sk), 1)
    assert len(wire.segments[0].payload) == 1000
    assert (sk.packets_out, sk.tcp_rtx_queue.qlen) == (2, 2)


def test_a_window_that_shrank_allows_the_first_segment_only(wire: Wire) -> None:
    sk = in_flight(wire, [MSS, MSS])
    sk.snd_wnd = 0
    assert first(sk).next is not None
    assert retransmit.tcp_retransmit_skb(sk, first(sk).next, 1) == -retransmit.EAGAIN  # type: ignore[arg-type]
    assert retransmit.tcp_retransmit_skb(sk, first(sk), 1) == 0
    assert [segment.seq for segment in wire.segments] == [1001]


def test_a_failure_is_counted_and_no_rtt_is_ever_taken_from_it(wire: Wire) -> None:
    sk = in_flight(wire, [MSS])
    assert sk.sk_dst is not None
    sk.sk_dst.mtu = sk.icsk_pmtu_cookie = 500  # too narrow by now, and TCP does not know: IP refuses it with EMSGSIZE
    assert retransmit.tcp_retransmit_skb(sk, first(sk), 1) == -90
    assert sk.net.mib["TCPRetransFail"] == 1
    assert first(sk).sacked == TCPCB_EVER_RETRANS
    assert sk.retrans_out == 0


def test_a_lost_syn_is_sent_again(wire: Wire) -> None:
    sk = make_sender()
    sk.sk_state = TCP_SYN_SENT
    tcp_connect(sk)
    retransmit.tcp_retransmit_skb(sk, first(sk), 1)
    assert wire.segments[1].flags == SYN
    assert sk.net.mib["TCPSynRetrans"] == 1


def test_all_lost_segments_are_sent_as_far_as_cwnd_allows(wire: Wire) -> None:
    sk = in_flight(wire, [MSS] * 6)
    lose(sk, 1, 2, 4, 5)
    sk.icsk_ca_state = TCP_CA_Recovery
    sk.snd_cwnd = 5
    retransmit.tcp_xmit_retransmit_queue(sk)
    assert [(segment.seq - 1001) // MSS for segment in wire.segments] == [1, 2, 4]
    assert sk.net.mib["TCPFastRetrans"] == sk.prr_out == 3
    sk.snd_cwnd = 10
    sk.icsk_ca_state = TCP_CA_Loss
    retransmit.tcp_xmit_retransmit_queue(sk)
    assert (wire.segments[-1].seq - 1001) // MSS == 5
    assert sk.net.mib["TCPSlowStartRetrans"] == 1
    retransmit.tcp_xmit_retransmit_queue(sk)
    assert len(wire.segments) == 4


def test_the_search_goes_on_where_it_stopped_unless_a_hole_was_passed(wire: Wire) -> None:
    sk = in_flight(wire, [MSS] * 4)
    sk.icsk_ca_state = TCP_CA_Recovery
    lose(sk, 0, 2)
    retransmit.tcp_xmit_retransmit_queue(sk)
    assert sk.retransmit_skb_hint is first(sk).next  # not lost, not sacked: it may be marked later


def test_sending_the_first_segment_again_restarts_the_timer(wire: Wire) -> None:
    sk = in_flight(wire, [MSS] * 3)
    lose(sk, 0)
    sk.icsk_timeout = 0
    retransmit.tcp_xmit_retransmit_queue(sk)
    assert sk.icsk_timeout == sk.net.jiffies + sk.icsk_rto


def test_pacing_holds_retransmissions_back(wire: Wire) -> None:
    sk = in_flight(wire, [MSS] * 3)
    lose(sk, 0, 1)
    sk.sk_pacing_needed = True
    sk.tcp_wstamp_ns = sk.tcp_clock_cache + 1000
    retransmit.tcp_xmit_retransmit_queue(sk)
    assert wire.segments == []
    assert sk.pacing_timer.expires == sk.tcp_wstamp_ns


def test_what_is_too_long_for_the_path_is_sent_again_without_blaming_congestion(wire: Wire) -> None:
    sk = in_flight(wire, [MSS, 500, MSS])
    sk.mss_cache = 1000
    retransmit.tcp_simple_retransmit(sk)
    assert [len(segment.payload) for segment in wire.segments] == [1000, 948, 1000, 448]  # joined again
    assert sk.snd_cwnd == 10


def test_nothing_too_long_nothing_sent(wire: Wire) -> None:
    sk = in_flight(wire, [500])
    retransmit.tcp_simple_retransmit(sk)
    assert wire.segments == []
