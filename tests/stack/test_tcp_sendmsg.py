"""Writing: how bytes become segments, when a writer sleeps, and when it is woken."""

from __future__ import annotations

import errno
from itertools import pairwise

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from netemu.packet.tcp import ACK, PSH
from netemu.stack import tcp_sendmsg as sendmsg
from netemu.stack import wmem
from netemu.stack.events import Complete, SystemCall, Wake
from netemu.stack.sock import SEND_SHUTDOWN, TCP_CLOSE, TCP_ESTABLISHED, TCP_NAGLE_OFF, TCP_SYN_SENT, TcpSock
from netemu.stack.task import KernelError, Task
from tests.stack.senders import HEAD, MSS, Wire, make_sender, queued, send, wire

__all__ = ["wire"]


class Writer:
    """A process in ``send``, run by hand."""

    def __init__(self, sk: TcpSock, data: bytes, flags: int = 0) -> None:
        self.sk = sk
        self.call = sendmsg.tcp_sendmsg(sk, data, flags)
        self.task = Task(sk.net, 1, self.call)
        self.result: int | None = None

    def run(self) -> bool:
        """Until it sleeps or returns; whether it sleeps."""
        self.sk.net.current = self.task
        try:
            next(self.call)
        except StopIteration as end:
            self.result = end.value
            return False
        return True


def acknowledge(sk: TcpSock, count: int) -> None:
    """The peer acknowledges ``count`` segments, without a word to the writer."""
    for _ in range(count):
        skb = sk.tcp_rtx_queue.pop()
        assert skb is not None
        sk.tsorted_sent_queue.unlink(skb)
        sk.snd_una = skb.end_seq
        sk.packets_out -= skb.tcp_gso_segs
        wmem.tcp_wmem_free_skb(sk, skb)
    sk.highest_sack = None


@given(st.lists(st.integers(1, 5000), min_size=1, max_size=12), st.booleans())
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=60)
def test_all_bytes_are_in_the_queues_in_order_and_accounted_for(wire: Wire, sizes: list[int], nodelay: bool) -> None:
    wire.segments.clear()
    sk = make_sender()
    sk.nonagle = TCP_NAGLE_OFF if nodelay else 0
    written = b""
    for number, size in enumerate(sizes):
        data = bytes([number + 1]) * size
        assert send(sk, data) == size
        written += data
    skbs = [*sk.tcp_rtx_queue, *sk.sk_write_queue]
    assert b"".join(skb.data for skb in skbs) == written
    assert b"".join(segment.payload for segment in wire.segments) == written[: sk.snd_nxt - 1001]
    assert queued(sk) == sk.sk_wmem_queued
    assert (sk.sk_wmem_queued + sk.sk_forward_alloc) == sk.net.tcp_memory_allocated * wmem.PAGE_SIZE
    assert all(one.end_seq == two.seq for one, two in pairwise(skbs))
    assert not sk.sk_owned


def test_a_write_fills_the_last_segment_first(wire: Wire) -> None:
    sk = make_sender()
    sk.snd_wnd = 0
    send(sk, bytes(1000))
    send(sk, bytes(1000))
    assert [len(skb.data) for skb in sk.sk_write_queue] == [MSS, 2000 - MSS]


def test_push_ends_a_write_but_not_one_that_announces_more(wire: Wire) -> None:
    sk = make_sender()
    sk.nonagle = TCP_NAGLE_OFF
    send(sk, bytes(2 * MSS))
    assert [segment.flags for segment in wire.segments] == [ACK, ACK | PSH]
    send(sk, b"x", sendmsg.MSG_MORE)
    assert len(wire.segments) == 2
    send(sk, b"y")
    assert wire.segments[2].payload == b"xy"


def test_half_the_largest_window_written_forces_a_push(wire: Wire) -> None:
    sk = make_sender()
    sk.max_window = 4 * MSS
    send(sk, bytes(6 * MSS))
    assert [segment.flags & PSH for segment in wire.segments] == [0, 0, PSH, 0, 0, PSH]


def test_a_record_s_end_is_never_written_over(wire: Wire) -> None:
    sk = make_sender()
    sk.snd_wnd = 0
    send(sk, b"one", sendmsg.MSG_EOR)
    send(sk, b"two")
    assert [skb.data for skb in sk.sk_write_queue] == [b"one", b"two"]


def test_a_writer_sleeps_when_the_buffer_is_full_and_wakes_when_a_third_is_free(wire: Wire) -> None:
    sk = make_sender()
    sk.sk_userlocks, sk.sk_sndbuf = 1, 8 * (MSS + HEAD)
    writer = Writer(sk, bytes(10 * MSS))
    assert writer.run()
    assert sk.tcp_rtx_queue.qlen == 8
    assert sk.sk_nospace
    assert not sk.sk_owned
    sk.net._actions.clear()
    acknowledge(sk, 2)
    sendmsg.tcp_check_space(sk)
    assert sk.net._actions == []
    acknowledge(sk, 1)
    sendmsg.tcp_check_space(sk)
    assert [type(action) for action in sk.net._actions] == [Wake]
    assert not sk.sk_nospace
    assert not writer.run()
    assert writer.result == 10 * MSS


def test_the_last_segment_may_overdraw_the_buffer(wire: Wire) -> None:
    sk = make_sender()
    sk.sk_userlocks, sk.sk_sndbuf, sk.snd_wnd = 1, 4608, 0
    writer = Writer(sk, bytes(10 * MSS))
    assert writer.run()
    assert sk.sk_write_queue.qlen == 2
    assert sk.sk_wmem_queued == 2 * (MSS + HEAD) > sk.sk_sndbuf


def test_what_is_left_in_the_queue_is_pushed_before_the_writer_sleeps(wire: Wire) -> None:
    sk = make_sender()
    sk.sk_userlocks, sk.sk_sndbuf, sk.snd_cwnd = 1, 4608, 1
    assert Writer(sk, bytes(5 * MSS), sendmsg.MSG_MORE).run()
    assert [segment.flags for segment in wire.segments] == [ACK]
    assert [skb.tcp_flags for skb in sk.sk_write_queue] == [ACK | PSH]


def test_nonblocking_writes_what_fits_and_then_fails(wire: Wire) -> None:
    sk = make_sender()
    sk.sk_userlocks, sk.sk_sndbuf, sk.snd_wnd = 1, 4608, 0
    assert send(sk, bytes(10_000), sendmsg.MSG_DONTWAIT) == 2 * MSS
    with pytest.raises(KernelError) as failure:
        send(sk, b"x", sendmsg.MSG_DONTWAIT)
    assert failure.value.errno == errno.EAGAIN
    assert sk.sk_nospace
    assert not sk.sk_owned


def test_a_send_timeout_ends_with_what_was_written_or_eagain(wire: Wire) -> None:
    sk = make_sender()
    sk.sk_userlocks, sk.sk_sndbuf, sk.snd_wnd, sk.sk_sndtimeo = 1, 4608, 0, 10
    for expected in (2 * MSS, None):
        writer = Writer(sk, bytes(10_000))
        assert writer.run()
        sk.net.now_ns += 20 * sk.net.timers.tick_ns
        sk.net.timers.advance(sk.net.now_ns)
        sk.net.timers.del_timer(writer.task.timer)
        if expected is None:
            with pytest.raises(KernelError) as failure:
                writer.run()
            assert failure.value.errno == errno.EAGAIN
        else:
            assert not writer.run()
            assert writer.result == expected


def test_a_signal_ends_a_sleeping_write(wire: Wire) -> None:
    sk = make_sender()
    sk.sk_userlocks, sk.sk_sndbuf, sk.snd_wnd = 1, 4608, 0
    writer = Writer(sk, bytes(10_000))
    assert writer.run()
    writer.task.interrupted = True
    assert not writer.run()
    assert writer.result == 2 * MSS
    writer = Writer(sk, b"x")
    assert writer.run()
    writer.task.interrupted = True
    with pytest.raises(KernelError) as failure:
        writer.run()
    assert failure.value.errno == errno.EINTR


def test_writing_after_shutdown_or_an_error_fails(wire: Wire) -> None:
    sk = make_sender()
    sk.sk_shutdown = SEND_SHUTDOWN
    with pytest.raises(KernelError) as failure:
        send(sk, b"x")
    assert failure.value.errno == errno.EPIPE
    sk.sk_err = errno.ECONNRESET
    with pytest.raises(KernelError) as failure:
        send(sk, b"x")
    assert failure.value.errno == errno.ECONNRESET
    assert sk.sk_err == 0
    sk.sk_state = TCP_CLOSE
    with pytest.raises(KernelError) as failure:
        send(sk, b"x")
    assert failure.value.errno == errno.EPIPE


def test_an_error_wakes_a_sleeping_writer_with_what_it_wrote(wire: Wire) -> None:
    sk = make_sender()
    sk.sk_userlocks, sk.sk_sndbuf, sk.snd_wnd = 1, 4608, 0
    writer = Writer(sk, bytes(10_000))
    assert writer.run()
    sk.sk_err = errno.ETIMEDOUT
    assert not writer.run()
    assert writer.result == 2 * MSS
    assert sk.sk_err == errno.ETIMEDOUT


def test_a_write_waits_for_the_handshake(wire: Wire) -> None:
    sk = make_sender()
    sk.sk_state = TCP_SYN_SENT
    writer = Writer(sk, b"x")
    assert writer.run()
    assert sk.sk_write_pending == 1
    sk.sk_state = TCP_ESTABLISHED
    assert not writer.run()
    assert writer.result == 1
    assert sk.sk_write_pending == 0
    sk.sk_state = TCP_SYN_SENT
    with pytest.raises(KernelError) as failure:
        send(sk, b"x", sendmsg.MSG_DONTWAIT)
    assert failure.value.errno == errno.EAGAIN


def test_nothing_to_write_is_no_error(wire: Wire) -> None:
    assert send(make_sender(), b"") == 0


def test_a_first_segment_is_granted_memory_whatever_the_host_s_limits(wire: Wire) -> None:
    sk = make_sender()
    sk.net.sysctl.tcp_mem = (0, 0, 0)
    sk.net.sysctl.tcp_wmem = (4096, 16384, 1 << 20)
    sk.sk_sndbuf = 1 << 20
    assert send(sk, bytes(100)) == 100


def test_autocork_waits_for_the_device_only_with_something_in_flight(wire: Wire) -> None:
    sk = make_sender()
    sk.nonagle = TCP_NAGLE_OFF
    send(sk, bytes(100))
    sk.sk_wmem_alloc = 5000
    send(sk, bytes(100))
    assert len(wire.segments) == 1
    assert sk.net.mib["TCPAutoCorking"] == 1
    sk.net.sysctl.tcp_autocorking = False
    send(sk, bytes(100))
    assert len(wire.segments) == 2
    assert len(wire.segments[1].payload) == 200


def test_urgent_data_moves_the_pointer(wire: Wire) -> None:
    sk = make_sender()
    send(sk, b"ab", sendmsg.MSG_OOB)
    assert sk.snd_up == 1003
    assert wire.segments[0].urgent == 2


def test_a_device_that_segments_gets_long_segments(wire: Wire) -> None:
    sk = make_sender()
    sk.sk_gso_max_segs = 64
    assert sendmsg.tcp_xmit_size_goal(sk, MSS, large_allowed=True) == (sk.max_window // 2) // MSS * MSS
    assert sendmsg.tcp_xmit_size_goal(sk, MSS, large_allowed=False) == MSS


def test_as_an_event_a_blocked_send_is_a_completion_that_has_not_come(wire: Wire) -> None:
    sk = make_sender()
    sk.sk_userlocks, sk.sk_sndbuf = 1, 4608

    from netemu.stack.calls import CALLS

    CALLS["test_send"] = lambda stack, size: sendmsg.tcp_sendmsg(sk, bytes(size), 0)
    try:
        actions = sk.net.handle(SystemCall(7, "test_send", (MSS,)), now_ns=sk.net.now_ns)
        assert Complete(7, MSS) in actions
        actions = sk.net.handle(SystemCall(8, "test_send", (9 * MSS,)), now_ns=sk.net.now_ns)
        assert not any(isinstance(action, Complete) for action in actions)
    finally:
        del CALLS["test_send"]


def test_fast_open_is_refused_as_where_it_is_turned_off() -> None:
    sk = make_sender()
    sk.net.sysctl.tcp_fastopen = 2
    with pytest.raises(KernelError) as failure:
        send(sk, b"x", sendmsg.MSG_FASTOPEN)
    assert failure.value.errno == errno.EOPNOTSUPP
    assert not sk.sk_owned
