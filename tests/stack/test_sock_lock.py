"""Who holds a socket, and what waits for the holder to let go."""

from __future__ import annotations

from collections.abc import Generator

import pytest

from netemu.stack import sock_lock, tcp_ack_snd, tcp_err, tcp_ipv4, tcp_output, tcp_timer
from netemu.stack.skbuff import SkBuff
from netemu.stack.sock import (
    ICSK_ACK_SCHED,
    TCP_ACK_DEFERRED,
    TCP_DELACK_TIMER_DEFERRED,
    TCP_MTU_REDUCED_DEFERRED,
    TCP_TSQ_DEFERRED,
    TCP_WRITE_TIMER_DEFERRED,
    TcpSock,
)
from netemu.stack.task import Task
from tests.forms import replace
from tests.stack.receiving import Acks, acks, receiver, segment

__all__ = ["acks"]


def test_holder_that_sleeps_is_a_mistake_of_ours() -> None:
    sk = receiver()
    sock_lock.lock_sock(sk)
    with pytest.raises(AssertionError, match="gone to sleep"):
        sock_lock.lock_sock(sk)
    sock_lock.release_sock(sk)
    sock_lock.lock_sock(sk)


def test_backlog_is_processed_in_order_with_the_socket_held(monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[tuple[int, bool]] = []
    replace(monkeypatch, tcp_ipv4, "tcp_v4_do_rcv", lambda sk, skb: seen.append((skb.seq, sk.sk_owned)))
    sk = receiver()
    sock_lock.lock_sock(sk)
    for seq in (1, 2, 3):
        sk.sk_backlog.append(segment(seq, 10))
        sk.sk_backlog_len += 960
    sock_lock.sk_flush_backlog(sk)
    assert (seen, sk.sk_backlog_len, sk.sk_owned) == ([(1, True), (2, True), (3, True)], 0, True)
    sk.sk_backlog.append(segment(4, 10))
    sock_lock.release_sock(sk)
    assert (seen[-1], sk.sk_owned) == ((4, True), False)


def test_what_was_put_off_is_made_up_for_in_the_kernels_order(monkeypatch: pytest.MonkeyPatch, acks: Acks) -> None:
    done: list[str] = []

    def note(module: object, name: str) -> None:
        replace(monkeypatch, module, name, lambda sk: done.append(name))

    note(tcp_output, "tcp_tsq_write")
    note(tcp_timer, "tcp_write_timer_handler")
    note(tcp_ack_snd, "tcp_delack_timer_handler")
    note(tcp_err, "tcp_v4_mtu_reduced")
    sk = receiver()
    sock_lock.lock_sock(sk)
    sk.ack_pending |= ICSK_ACK_SCHED
    sk.sk_tsq_flags = (
        TCP_TSQ_DEFERRED
        | TCP_WRITE_TIMER_DEFERRED
        | TCP_DELACK_TIMER_DEFERRED
        | TCP_MTU_REDUCED_DEFERRED
        | TCP_ACK_DEFERRED
    )
    sock_lock.release_sock(sk)
    assert done == ["tcp_tsq_write", "tcp_write_timer_handler", "tcp_delack_timer_handler", "tcp_v4_mtu_reduced"]
    assert (len(acks.sent), sk.sk_tsq_flags) == (1, 0)


def test_ack_that_data_has_carried_meanwhile_is_not_sent(acks: Acks) -> None:
    sk = receiver()
    sock_lock.lock_sock(sk)
    sk.sk_tsq_flags = TCP_ACK_DEFERRED
    sock_lock.release_sock(sk)
    assert acks.sent == []


def _waits(sk: TcpSock, timeo: int) -> Generator[None, None, int]:
    sock_lock.lock_sock(sk)
    left = yield from sock_lock.sk_wait_event(sk, timeo, lambda: sk.rcv_nxt > 1)
    assert sk.sk_owned
    sock_lock.release_sock(sk)
    return left


def test_waiting_lets_go_and_takes_hold_again() -> None:
    sk = receiver()
    net = sk.net
    net.current = Task(net, 1, _waits(sk, 100))
    next(net.current.call)
    assert not sk.sk_owned
    assert sk.sk_wq.tasks == [net.current]
    sk.rcv_nxt = 2
    with pytest.raises(StopIteration) as end:
        next(net.current.call)
    assert end.value.value == 100
    assert sk.sk_wq.tasks == []


def test_backlog_may_bring_what_is_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    def arrives(sk: TcpSock, skb: SkBuff) -> None:
        sk.rcv_nxt = skb.end_seq

    replace(monkeypatch, tcp_ipv4, "tcp_v4_do_rcv", arrives)
    sk = receiver()
    sk.sk_backlog.append(segment(1, 10))
    net = sk.net
    net.current = Task(net, 1, _waits(sk, 100))
    with pytest.raises(StopIteration):
        next(net.current.call)
