"""Cutting and joining keep bytes, numbers and memory."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from netemu.packet.tcp import ACK, FIN, PSH
from netemu.stack import tcp_fragment as frag
from netemu.stack import wmem
from netemu.stack.skbuff import TCPCB_LOST, SkBuff
from netemu.stack.sock import TcpSock
from tests.stack.senders import HEAD, MSS, make_sender, queued


def queue_one(sk: TcpSock, data: bytes, flags: int = ACK) -> SkBuff:
    """A segment at the end of the send queue."""
    skb = wmem.tcp_stream_alloc_skb(sk, force_schedule=True)
    assert skb is not None
    wmem.sk_forced_mem_schedule(sk, skb.truesize + len(data))
    skb.data, skb.tcp_flags = data, flags
    skb.truesize += len(data)
    skb.end_seq = skb.seq + len(data) + bool(flags & FIN)
    sk.write_seq = skb.end_seq
    sk.sk_wmem_queued += skb.truesize
    sk.sk_forward_alloc -= skb.truesize
    sk.sk_write_queue.append(skb)
    return skb


@given(st.binary(min_size=2, max_size=5000), st.data())
def test_a_cut_keeps_bytes_numbers_and_memory(data: bytes, draw: st.DataObject) -> None:
    sk = make_sender()
    skb = queue_one(sk, data, ACK | PSH | FIN)
    length = draw.draw(st.integers(1, len(data) - 1))
    end = skb.end_seq
    assert frag.tcp_fragment(sk, frag.TCP_FRAG_IN_WRITE_QUEUE, skb, length, MSS) == 0
    rest = skb.next
    assert rest is not None
    assert skb.data + rest.data == data
    assert (skb.seq + length, rest.end_seq) == (rest.seq, end)
    assert (skb.tcp_flags, rest.tcp_flags) == (ACK, ACK | PSH | FIN)
    assert queued(sk) == sk.sk_wmem_queued == len(data) + 2 * HEAD
    assert (sk.sk_wmem_queued + sk.sk_forward_alloc) % wmem.PAGE_SIZE == 0


def test_cutting_what_was_sent_adjusts_the_counts() -> None:
    """Two and a half segments of one transmission, cut inside the first: one more is counted, lost ones too."""
    sk = make_sender()
    skb = queue_one(sk, bytes(MSS * 5 // 2))
    sk.sk_write_queue.unlink(skb)
    sk.tcp_rtx_queue.append(skb)
    sk.tsorted_sent_queue.append(skb)
    sk.snd_nxt = skb.end_seq
    skb.sacked = TCPCB_LOST
    sk.packets_out = sk.lost_out = frag.tcp_set_skb_tso_segs(skb, MSS)
    assert sk.packets_out == 3
    assert frag.tcp_fragment(sk, frag.TCP_FRAG_IN_RTX_QUEUE, skb, 10, MSS) == 0
    assert sk.packets_out == sk.lost_out == 4
    assert list(sk.tsorted_sent_queue) == list(sk.tcp_rtx_queue)


def test_a_queue_that_falls_to_pieces_is_cut_no_further() -> None:
    """CVE-2019-11478."""
    sk = make_sender()
    for _ in range(3):
        skb = queue_one(sk, bytes(100))
        sk.sk_write_queue.unlink(skb)
        sk.tcp_rtx_queue.append(skb)
    sk.sk_sndbuf = 4608
    sk.sk_wmem_queued = 1 << 20
    middle = sk.tcp_rtx_queue.head
    assert middle is not None
    assert middle.next is not None
    assert frag.tcp_fragment(sk, frag.TCP_FRAG_IN_RTX_QUEUE, middle.next, 10, MSS) == -frag.ENOMEM
    assert sk.net.mib["TCPWqueueTooBig"] == 1
    assert frag.tcp_fragment(sk, frag.TCP_FRAG_IN_RTX_QUEUE, middle, 10, MSS) == 0


def test_trimming_gives_memory_back() -> None:
    sk = make_sender()
    skb = queue_one(sk, b"abcdef")
    begin = skb.seq
    frag.tcp_trim_head(sk, skb, 4)
    assert (skb.data, skb.seq, skb.truesize) == (b"ef", begin + 4, HEAD + 2)
    assert sk.sk_wmem_queued == skb.truesize


def test_a_short_first_segment_is_filled_up_and_an_emptied_one_goes() -> None:
    sk = make_sender()
    first = queue_one(sk, b"abc")
    queue_one(sk, b"defg", ACK | PSH | FIN)
    frag.tcp_grow_skb(sk, first, 2)
    assert first.data == b"abcde"
    assert sk.sk_write_queue.qlen == 2
    frag.tcp_grow_skb(sk, first, 100)
    assert (first.data, first.tcp_flags) == (b"abcdefg", ACK | PSH | FIN)
    assert first.end_seq == first.seq + 8
    assert sk.sk_write_queue.qlen == 1
    assert queued(sk) == sk.sk_wmem_queued


def test_a_record_s_end_is_not_grown_over() -> None:
    sk = make_sender()
    first = queue_one(sk, b"abc")
    first.eor = True
    queue_one(sk, b"def")
    frag.tcp_grow_skb(sk, first, 100)
    assert first.data == b"abc"
