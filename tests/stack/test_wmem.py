"""Memory of segments to be sent: accounts add up, limits bite."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from netemu.stack import wmem
from netemu.stack.sock import SOCK_SNDBUF_LOCK
from tests.stack.senders import make_net, make_sender


@given(st.lists(st.integers(0, 4000), max_size=30))
def test_pages_taken_are_held_or_used(sizes: list[int]) -> None:
    sk = make_sender()
    skbs = []
    for size in sizes:
        skb = wmem.tcp_stream_alloc_skb(sk, force_schedule=False)
        assert skb is not None
        assert wmem.sk_wmem_schedule(sk, skb.truesize + size)
        skb.truesize += size
        sk.sk_wmem_queued += skb.truesize
        wmem.sk_mem_charge(sk, skb.truesize)
        skbs.append(skb)
        assert sk.sk_forward_alloc + sk.sk_wmem_queued == sk.net.tcp_memory_allocated * wmem.PAGE_SIZE
    for skb in skbs:
        wmem.tcp_wmem_free_skb(sk, skb)
        assert 0 <= sk.sk_forward_alloc < wmem.PAGE_SIZE
    assert sk.sk_wmem_queued == 0
    assert sk.net.tcp_memory_allocated == 0


def test_first_send_buffer_is_two_initial_windows() -> None:
    """87040 bytes, as skmem of linux-7.2 shows on a link of 1500."""
    sk = make_sender()
    sk.sk_sndbuf = 16384
    wmem.tcp_sndbuf_expand(sk)
    assert sk.sk_sndbuf == 87040


def test_a_user_s_buffer_is_never_expanded() -> None:
    sk = make_sender()
    assert wmem.tcp_should_expand_sndbuf(sk)
    sk.sk_userlocks = SOCK_SNDBUF_LOCK
    assert not wmem.tcp_should_expand_sndbuf(sk)


def test_no_expansion_while_the_congestion_window_is_full() -> None:
    sk = make_sender()
    sk.packets_out = sk.snd_cwnd
    assert not wmem.tcp_should_expand_sndbuf(sk)


def test_writable_again_when_a_third_is_free() -> None:
    sk = make_sender()
    sk.sk_sndbuf = 9000
    sk.sk_wmem_queued = 6000
    assert wmem.sk_stream_is_writeable(sk)
    sk.sk_wmem_queued = 6002
    assert not wmem.sk_stream_is_writeable(sk)
    assert wmem.sk_stream_memory_free(sk)


def test_notsent_lowat_wakes_at_half() -> None:
    sk = make_sender()
    sk.notsent_lowat = 1000
    sk.write_seq = sk.snd_nxt + 999
    assert wmem.tcp_stream_memory_free(sk, 0)
    assert not wmem.tcp_stream_memory_free(sk, 1)


def test_pressure_begins_above_the_second_limit_and_ends_below_the_first() -> None:
    sk = make_sender()
    sk.net.sysctl.tcp_mem = (10, 20, 1000)
    sk.sk_wmem_queued = 1 << 20
    sk.sk_sndbuf = 2 << 20
    sk.net.tcp_sockets_allocated = 1
    assert wmem.sk_wmem_schedule(sk, 15 * wmem.PAGE_SIZE)
    assert not wmem.tcp_under_memory_pressure(sk)
    assert wmem.sk_wmem_schedule(sk, 25 * wmem.PAGE_SIZE)
    assert wmem.tcp_under_memory_pressure(sk)
    wmem.sk_mem_uncharge(sk, 0)
    assert not wmem.tcp_under_memory_pressure(sk)
    assert sk.net.mib["TCPMemoryPressures"] == 1


def test_above_the_hard_limit_a_sender_below_its_buffer_is_refused_and_its_buffer_shrinks() -> None:
    sk = make_sender()
    sk.net.sysctl.tcp_mem = (1, 2, 3)
    sk.net.tcp_memory_allocated = 5
    sk.sk_wmem_queued = 4000
    assert not wmem.sk_wmem_schedule(sk, 100)
    assert sk.sk_sndbuf == wmem.SOCK_MIN_SNDBUF
    assert sk.sk_forward_alloc == 0
    assert sk.net.tcp_memory_allocated == 5


def test_above_the_hard_limit_a_sender_at_its_buffer_is_served() -> None:
    """It blocks by itself next, and something must be in flight to wake it."""
    sk = make_sender()
    sk.net.sysctl.tcp_mem = (1, 2, 3)
    sk.net.tcp_memory_allocated = 5
    sk.sk_wmem_queued = 40_000
    assert wmem.sk_wmem_schedule(sk, 100)
    assert sk.sk_sndbuf == 20_000


def test_a_segment_may_be_forced() -> None:
    sk = make_sender()
    sk.net.sysctl.tcp_mem = (0, 0, 0)
    assert wmem.tcp_stream_alloc_skb(sk, force_schedule=True) is not None
    assert sk.sk_forward_alloc == wmem.PAGE_SIZE


def test_before_6_3_a_head_costs_a_kilobyte_and_before_6_0_a_socket_keeps_what_it_no_longer_needs() -> None:
    """A SYN of linux-5.10 shows 1280 bytes queued and 2816 left of its page."""
    sk = make_sender(make_net("linux-5.10"))
    skb = wmem.tcp_stream_alloc_skb(sk, force_schedule=True)
    assert skb is not None
    assert skb.truesize == 1280
    wmem.sk_mem_charge(sk, skb.truesize)
    assert sk.sk_forward_alloc == 2816
    wmem.sk_mem_uncharge(sk, (1 << 21) - 2817)
    assert sk.sk_forward_alloc == (1 << 21) - 1
    wmem.sk_mem_uncharge(sk, 1)
    assert sk.sk_forward_alloc == 1 << 20
