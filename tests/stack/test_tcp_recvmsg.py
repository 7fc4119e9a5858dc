"""Reading, with every flag."""

from __future__ import annotations

import errno

import pytest
from hypothesis import given
from hypothesis import strategies as st

from netemu.packet.tcp import ACK, FIN
from netemu.stack import tcp_data_queue, tcp_recvmsg
from netemu.stack.sock import RCV_SHUTDOWN, SOCK_RCVBUF_LOCK, TCP_CLOSE, TCP_LISTEN, TcpSock
from netemu.stack.task import KernelError, Task
from netemu.stack.tcp_recvmsg import MSG_DONTWAIT, MSG_OOB, MSG_PEEK, MSG_TRUNC, MSG_WAITALL
from netemu.stack.tcp_urg import TCP_URG_READ, TCP_URG_VALID
from tests.stack.receiving import MSS, acks, charged, receiver, segment

pytestmark = pytest.mark.usefixtures("acks")
__all__ = ["acks"]


class Process:
    """A process in recv()."""

    def __init__(self, sk: TcpSock, length: int, flags: int = 0) -> None:
        self.sk, self.result, self.errno = sk, b"", 0
        self.asleep = False
        self.task = Task(sk.net, 1, tcp_recvmsg.tcp_recvmsg(sk, length, flags))
        self.resume()

    def resume(self) -> None:
        """Run until it sleeps or the call returns."""
        self.sk.net.current = self.task
        self.asleep = False
        try:
            next(self.task.call)
        except StopIteration as end:
            self.result = end.value
        except KernelError as error:
            self.errno = error.errno
        else:
            self.asleep = True


def arrives(sk: TcpSock, seq: int, length: int, flags: int = ACK) -> None:
    tcp_data_queue.tcp_data_queue(sk, segment(seq, length, flags))


def pattern(start: int, end: int) -> bytes:
    return bytes(n & 0xFF for n in range(start, end))


def test_read_takes_what_there_is() -> None:
    sk = receiver()
    arrives(sk, 1, MSS)
    arrives(sk, 1 + MSS, MSS)
    assert Process(sk, 2000).result == pattern(1, 2001)
    assert Process(sk, 2000).result == pattern(2001, 1 + 2 * MSS)
    assert (sk.copied_seq, sk.sk_rmem_alloc, charged(sk)) == (1 + 2 * MSS, 0, 0)
    assert not sk.sk_owned


def test_read_sleeps_until_data_comes() -> None:
    sk = receiver()
    process = Process(sk, 100)
    assert process.asleep
    assert not sk.sk_owned
    arrives(sk, 1, 10)
    assert process.task.woken
    process.resume()
    assert process.result == pattern(1, 11)


def test_waitall_sleeps_until_all_is_there() -> None:
    sk = receiver()
    arrives(sk, 1, 10)
    process = Process(sk, 30, MSG_WAITALL)
    assert process.asleep
    assert sk.copied_seq == 11
    arrives(sk, 11, 30)
    process.resume()
    assert process.result == pattern(1, 31)


def test_waitall_ends_with_the_stream() -> None:
    sk = receiver()
    arrives(sk, 1, 10, ACK | FIN)
    assert Process(sk, 30, MSG_WAITALL).result == pattern(1, 11)
    assert Process(sk, 30).result == b""
    assert sk.copied_seq == sk.rcv_nxt == 12


def test_peek_leaves_the_data_and_its_memory() -> None:
    sk = receiver()
    arrives(sk, 1, 100)
    assert Process(sk, 50, MSG_PEEK).result == Process(sk, 50, MSG_PEEK).result == pattern(1, 51)
    assert (sk.copied_seq, sk.sk_rmem_alloc) == (1, 960)
    assert Process(sk, 100).result == pattern(1, 101)


def test_trunc_takes_without_copying() -> None:
    sk = receiver()
    arrives(sk, 1, 100)
    assert Process(sk, 60, MSG_TRUNC).result == bytes(60)
    assert Process(sk, 100).result == pattern(61, 101)


def test_dontwait_and_timeouts_give_eagain() -> None:
    sk = receiver()
    assert Process(sk, 10, MSG_DONTWAIT).errno == errno.EAGAIN
    sk.sk_rcvtimeo = 5
    process = Process(sk, 10)
    assert process.asleep
    sk.net.now_ns += 100_000_000
    sk.net.timers.advance(sk.net.now_ns)
    sk.net.timers.run()
    assert process.task.woken
    process.resume()
    assert process.errno == errno.EAGAIN


def test_timeout_returns_what_there_is() -> None:
    sk = receiver()
    sk.sk_rcvtimeo = 5
    arrives(sk, 1, 10)
    process = Process(sk, 30, MSG_WAITALL)
    sk.net.now_ns += 100_000_000
    sk.net.timers.advance(sk.net.now_ns)
    sk.net.timers.run()
    process.resume()
    assert process.result == pattern(1, 11)


def test_lowat_holds_a_reader_back() -> None:
    sk = receiver()
    sk.sk_rcvlowat = 50
    arrives(sk, 1, 10)
    process = Process(sk, 100)
    assert process.asleep
    arrives(sk, 11, 30)
    assert not process.task.woken
    arrives(sk, 41, 20)
    assert process.task.woken
    process.resume()
    assert process.result == pattern(1, 61)
    assert Process(receiver(), 0).errno == 0


def test_states_without_data() -> None:
    sk = receiver()
    sk.sk_state = TCP_LISTEN
    assert Process(sk, 10).errno == errno.ENOTCONN
    sk.sk_state = TCP_CLOSE
    assert Process(sk, 10).errno == errno.ENOTCONN
    sk.sk_err = errno.ECONNRESET
    assert Process(sk, 10).errno == errno.ECONNRESET
    assert sk.sk_err == 0
    sk = receiver()
    sk.sk_shutdown = RCV_SHUTDOWN
    assert (Process(sk, 10).result, Process(sk, 10).errno) == (b"", 0)


def test_signal_ends_a_read_with_nothing_or_with_a_count() -> None:
    sk = receiver()
    process = Process(sk, 10)
    process.task.interrupted = True
    process.resume()
    assert process.errno == errno.EINTR
    arrives(sk, 1, 10)
    process = Process(sk, 20, MSG_WAITALL)
    process.task.interrupted = True
    process.resume()
    assert process.result == pattern(1, 11)


def test_urgent_byte_is_read_apart() -> None:
    sk = receiver()
    arrives(sk, 1, 10)
    sk.urg_seq, sk.urg_data = 5, TCP_URG_VALID | 5
    assert Process(sk, 100).result == pattern(1, 5)
    assert Process(sk, 1, MSG_OOB | MSG_PEEK).result == b"\x05"
    assert Process(sk, 1, MSG_OOB).result == b"\x05"
    assert sk.urg_data == TCP_URG_READ
    assert Process(sk, 1, MSG_OOB).errno == errno.EINVAL
    assert Process(sk, 100).result == pattern(6, 11)
    assert sk.urg_data == 0


def test_urgent_byte_in_line_is_part_of_the_stream() -> None:
    sk = receiver()
    sk.sk_urginline = True
    arrives(sk, 1, 10)
    sk.urg_seq, sk.urg_data = 1, TCP_URG_VALID | 1
    assert Process(sk, 100).result == pattern(1, 11)


def test_lowat_is_bounded_and_enlarges_the_buffer() -> None:
    sk = receiver()
    tcp_recvmsg.tcp_set_rcvlowat(sk, 200_000)
    assert (sk.sk_rcvlowat, sk.sk_rcvbuf) == (200_000, 400_000)
    assert sk.window_clamp == 200_000
    tcp_recvmsg.tcp_set_rcvlowat(sk, 0)
    assert sk.sk_rcvlowat == 1
    sk.sk_userlocks |= SOCK_RCVBUF_LOCK
    tcp_recvmsg.tcp_set_rcvlowat(sk, 1 << 30)
    assert (sk.sk_rcvlowat, sk.sk_rcvbuf) == (200_000, 400_000)


@given(
    st.lists(st.integers(1, 2000), min_size=1, max_size=20),
    st.lists(st.tuples(st.integers(1, 3000), st.sampled_from([0, MSG_PEEK, MSG_TRUNC])), max_size=40),
)
def test_reads_give_the_stream(lengths: list[int], reads: list[tuple[int, int]]) -> None:
    sk = receiver()
    sk.rcv_wnd = 1 << 20
    end = 1
    for length in lengths:
        arrives(sk, end, length)
        end += length
    position = 1
    for size, flags in reads:
        process = Process(sk, size, flags | MSG_DONTWAIT)
        if position == end:
            assert process.errno == errno.EAGAIN
            continue
        taken = min(size, end - position)
        assert process.result == (bytes(taken) if flags == MSG_TRUNC else pattern(position, position + taken))
        if flags != MSG_PEEK:
            position += taken
        assert (sk.copied_seq, sk.sk_rmem_alloc) == (position, charged(sk))
