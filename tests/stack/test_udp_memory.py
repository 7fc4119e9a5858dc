"""Receive memory of UDP adds up, whatever is queued and read."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from netemu.stack.udp import udp_init_sock
from netemu.stack.udp_memory import (
    PAGE_SIZE,
    next_datagram,
    take_datagram,
    udp_destroy_memory,
    udp_enqueue_schedule,
)
from netemu.stack.udp_sock import Datagram, UdpSock
from tests.stack.hosts import Lone


def _check(sk: UdpSock) -> None:
    held = sum(datagram.truesize for datagram in (*sk.sk_receive_queue, *sk.reader_queue))
    assert sk.sk_rmem_alloc == held + sk.forward_deficit
    assert sk.sk_rmem_alloc + sk.sk_forward_alloc == sk.net.udp_memory_allocated * PAGE_SIZE
    assert sk.sk_forward_alloc >= 0


@given(st.lists(st.integers(500, 9000) | st.none(), max_size=60), st.integers(2304, 100_000))
def test_memory_adds_up(steps: list[int | None], rcvbuf: int) -> None:
    sk = udp_init_sock(Lone().hosts["b"], 2)
    sk.sk_rcvbuf = rcvbuf
    for step in steps:
        if step is not None:
            full = sk.sk_rmem_alloc and sk.sk_rmem_alloc + step > rcvbuf
            failed = udp_enqueue_schedule(sk, Datagram(b"", "10.0.0.1", 9, step))
            assert (failed == "RcvbufErrors") is bool(full)
        elif next_datagram(sk) is not None:
            take_datagram(sk)
        _check(sk)
    udp_destroy_memory(sk)
    assert (sk.sk_rmem_alloc, sk.net.udp_memory_allocated) == (0, 0)


def test_what_was_read_is_given_back_in_quarters_of_the_buffer() -> None:
    sk = udp_init_sock(Lone().hosts["b"], 2)
    sk.sk_rcvbuf = 8000
    for _ in range(8):
        assert udp_enqueue_schedule(sk, Datagram(b"", "10.0.0.1", 9, 1000)) is None
    assert udp_enqueue_schedule(sk, Datagram(b"", "10.0.0.1", 9, 1000)) == "RcvbufErrors"
    next_datagram(sk)
    take_datagram(sk)
    # A datagram has been read, and there is no room for another yet.
    assert udp_enqueue_schedule(sk, Datagram(b"", "10.0.0.1", 9, 1000)) == "RcvbufErrors"
    take_datagram(sk)
    assert sk.sk_rmem_alloc == 6000
    assert udp_enqueue_schedule(sk, Datagram(b"", "10.0.0.1", 9, 1000)) is None
