"""One segment's header and options, and what the socket remembers of it."""

from __future__ import annotations

import pytest

from netemu.packet.ip import Options
from netemu.packet.tcp import ACK, PSH, SYN, URG
from netemu.stack import tcp_transmit as transmit
from netemu.stack.skbuff import SkBuff
from netemu.stack.sock import tcp_mstamp_refresh
from tests.stack.senders import MSS, Wire, cut_off, make_sender, wire

__all__ = ["wire"]


@pytest.mark.parametrize(
    ("options", "size"),
    [
        (Options(), 0),
        (Options(mss=1460), 4),
        (Options(mss=1460, sack_permitted=True), 8),
        (Options(mss=1460, sack_permitted=True, ts_val=1, ts_ecr=0), 16),
        (Options(mss=1460, window_scale=7, sack_permitted=True, ts_val=1, ts_ecr=0), 20),
        (Options(ts_val=1, ts_ecr=2), 12),
        (Options(ts_val=1, ts_ecr=2, sack=((1, 2), (3, 4), (5, 6))), 40),
        (Options(sack=((1, 2),)), 12),
        (Options(other=((34, b"12345678"),)), 12),
    ],
)
def test_options_cost_what_they_take_on_the_wire(options: Options, size: int) -> None:
    assert transmit.tcp_options_size(options) == size


def test_a_data_segment(wire: Wire) -> None:
    sk = make_sender()
    tcp_mstamp_refresh(sk)
    sk.ts_recent, sk.tsoffset = 77, 5
    skb = SkBuff(1001, 1004, ACK | PSH, b"abc")
    assert transmit.tcp_transmit_skb(sk, skb, True) == 0
    segment = wire.segments[0]
    assert (segment.source_port, segment.destination_port) == (1025, 80)
    assert (segment.seq, segment.ack_seq, segment.flags, segment.payload) == (1001, 5001, ACK | PSH, b"abc")
    assert segment.options == Options(ts_val=1005, ts_ecr=77)
    assert segment.window == 65536 >> 7
    assert wire.lengths == [20 + 12 + 3]
    assert (sk.segs_out, sk.data_segs_out, sk.bytes_sent, sk.net.mib["OutSegs"]) == (1, 1, 3, 1)
    assert sk.tsorted_sent_queue.head is skb
    assert skb.skb_mstamp_ns == 1_000_000_000


def test_numbers_wrap_on_the_wire(wire: Wire) -> None:
    sk = make_sender()
    sk.rcv_nxt = sk.rcv_wup = (5 << 32) + 1
    sk.snd_una = sk.snd_nxt = sk.snd_up = (3 << 32) - 2
    transmit.tcp_transmit_skb(sk, SkBuff(sk.snd_nxt, sk.snd_nxt, ACK), False)
    assert (wire.segments[0].seq, wire.segments[0].ack_seq) == (2**32 - 2, 1)


def test_a_duplicate_is_reported_once_and_first(wire: Wire) -> None:
    sk = make_sender()
    sk.duplicate_sack = (3000, 4000)
    sk.selective_acks = [(6000, 7000), (8000, 9000), (10_000, 11_000)]
    for _ in range(2):
        transmit.tcp_transmit_skb(sk, SkBuff(1001, 1001, ACK), False)
    assert wire.segments[0].options.sack == ((3000, 4000), (6000, 7000), (8000, 9000))
    assert wire.segments[1].options.sack == ((6000, 7000), (8000, 9000), (10_000, 11_000))
    assert wire.lengths == [60, 60]


def test_four_blocks_fit_without_timestamps(wire: Wire) -> None:
    sk = make_sender()
    sk.tstamp_ok = False
    sk.selective_acks = [(6000 + k, 6001 + k) for k in range(0, 12, 2)]
    transmit.tcp_transmit_skb(sk, SkBuff(1001, 1001, ACK), False)
    assert len(wire.segments[0].options.sack) == 4


def test_a_syn_announces_what_the_sysctls_allow(wire: Wire) -> None:
    sk = make_sender()
    sk.net.sysctl.tcp_sack = False
    sk.rcv_wnd = 100_000
    transmit.tcp_transmit_skb(sk, SkBuff(1000, 1001, SYN), True)
    options = wire.segments[0].options
    assert (options.mss, options.window_scale, options.sack_permitted, options.ts_ecr) == (1460, 7, False, 0)
    assert wire.segments[0].window == 65535  # never scaled


def test_an_ack_ends_what_was_delayed(wire: Wire) -> None:
    sk = make_sender()
    sk.ack_pending, sk.ack_quick = 1, 2
    transmit.tcp_transmit_skb(sk, SkBuff(1001, 1001, ACK), False)
    assert (sk.ack_pending, sk.ack_quick) == (0, 1)


def test_data_soon_after_data_makes_the_session_interactive(wire: Wire) -> None:
    sk = make_sender()
    sk.ack_lrcvtime, sk.ack_ato = sk.net.jiffies, 10
    transmit.tcp_transmit_skb(sk, SkBuff(1001, 1002, ACK, b"x"), True)
    assert sk.ack_pingpong == 1
    assert sk.lsndtime == sk.net.jiffies


def test_pacing_spaces_segments_after_the_first_ten(wire: Wire) -> None:
    sk = make_sender()
    sk.sk_pacing_needed, sk.sk_pacing_rate = True, 1_000_000
    tcp_mstamp_refresh(sk)
    sk.tcp_wstamp_ns = sk.tcp_clock_cache
    transmit.tcp_transmit_skb(sk, SkBuff(1001, 2001, ACK, bytes(1000)), True)
    assert sk.tcp_wstamp_ns == sk.tcp_clock_cache
    sk.data_segs_out = 10
    transmit.tcp_transmit_skb(sk, SkBuff(2001, 3001, ACK, bytes(1000)), True)
    assert sk.tcp_wstamp_ns == sk.tcp_clock_cache + 1_000_000


def test_urgent_data_is_pointed_at(wire: Wire) -> None:
    sk = make_sender()
    sk.snd_up = 1050
    transmit.tcp_transmit_skb(sk, SkBuff(1001, 1101, ACK, bytes(100)), True)
    assert (wire.segments[0].flags, wire.segments[0].urgent) == (ACK | URG, 49)


def test_what_could_not_leave_is_not_counted_as_sent_last(wire: Wire) -> None:
    sk = make_sender()
    cut_off(sk)
    assert transmit.tcp_transmit_skb(sk, SkBuff(1001, 1002, ACK, b"x"), True) == -113
    assert sk.tsorted_sent_queue.head is None


def test_a_super_segment_leaves_with_psh_and_tells_how_it_is_cut_but_in_the_queue_it_stays_as_it_was(
    wire: Wire,
) -> None:
    """The clone that leaves is flagged, not the segment that may be sent again in parts (__tcp_transmit_skb, 7.2)."""
    sk = make_sender()
    skb = SkBuff(1001, 1001 + 3 * MSS, ACK, bytes(3 * MSS))
    skb.tcp_gso_segs, skb.gso_size = 3, MSS
    sk.tcp_rtx_queue.append(skb)
    assert transmit.tcp_transmit_skb(sk, skb, True) == 0
    (segment,) = wire.segments
    assert (segment.flags, segment.gso_size) == (ACK | PSH, MSS)
    assert skb.tcp_flags == ACK
