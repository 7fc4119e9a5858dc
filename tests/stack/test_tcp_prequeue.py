"""A reader that sleeps processes what arrives for him, straight into his buffer."""

from __future__ import annotations

import pytest

from netemu.packet.ip import Tcp
from netemu.packet.tcp import ACK, FIN, PSH
from tests.stack.hosts import Lone

MSS, SO_RCVBUF, MSG_WAITALL, MSG_PEEK = 1460, 8, 0x100, 2


class Reader:
    """Host b with a connection of ``era``, and a process that waits in recv()."""

    def __init__(
        self, era: str, length: int, flags: int = MSG_WAITALL, rcvbuf_bytes: int = 10_000, **sysctls: str
    ) -> None:
        named = {f"net.ipv4.{name}": value for name, value in sysctls.items()}
        self.host = Lone(era=era, sysctls=named)
        listener = self.host.listener()
        self.host.do("b", "setsockopt", listener, 1, SO_RCVBUF, rcvbuf_bytes)
        self.fd, self.nxt = self.host.open(listener)
        self.sk = self.host.sk("b", self.fd)
        self.call = self.host.start("b", "recv", self.fd, length, flags)
        self.seq = 1001

    @property
    def prequeued(self) -> int:
        """How many segments the reader processed; 0 where the kernel does not count them."""
        return self.host.hosts["b"].mib.by_name().get("TcpExtTCPPrequeued", 0)

    def data(self, payload: bytes, flags: int = ACK) -> list[Tcp]:
        """The next data arrive; what the host answers."""
        answers = self.host.say(flags, self.seq, self.nxt, payload)
        self.seq += len(payload) + (flags & FIN != 0)
        return answers


def _stream(length: int) -> bytes:
    return bytes(n % 251 for n in range(length))


@pytest.mark.parametrize(("era", "low_latency"), [("linux-2.4", "0"), ("linux-3.10", "0"), ("linux-3.10", "1")])
def test_the_reader_gets_the_stream_either_way(era: str, low_latency: str) -> None:
    stream = _stream(4 * MSS)
    reader = Reader(era, len(stream), tcp_low_latency=low_latency)
    for start in range(0, len(stream), MSS):
        reader.data(stream[start : start + MSS])
    assert reader.host.result(reader.call) == stream
    assert (reader.prequeued > 0) == (low_latency == "0")
    assert (reader.sk.sk_rmem_alloc, reader.sk.ucopy, len(reader.sk.prequeue)) == (0, None, 0)


def test_on_the_wire_an_ack_of_what_was_read_offers_the_whole_window() -> None:
    windows = {}
    for low_latency in ("0", "1"):
        reader = Reader("linux-3.10", 20 * MSS, rcvbuf_bytes=3500, tcp_low_latency=low_latency)
        windows[low_latency] = [answer.window for answer in reader.data(_stream(MSS))]
    assert windows["0"] == [2 * MSS], "its data never were in the receive queue"
    assert windows["1"] == [MSS, 2 * MSS], "the softirq's ACK counts what waits for the reader, whose update follows"


def test_a_newer_era_has_none() -> None:
    reader = Reader("linux-5.10", 3 * MSS)
    for _ in range(3):
        reader.data(_stream(MSS))
    assert reader.host.result(reader.call) == _stream(MSS) * 3
    assert reader.prequeued == 0


def test_what_the_reader_has_no_room_for_is_queued() -> None:
    reader = Reader("linux-3.10", 1000)
    reader.data(_stream(MSS), ACK | PSH)
    assert reader.host.result(reader.call) == _stream(MSS)[:1000]
    assert reader.host.do("b", "recv", reader.fd, 5000) == _stream(MSS)[1000:]


def test_a_fin_ends_the_call_with_what_came_before() -> None:
    reader = Reader("linux-3.10", 5000)
    reader.data(_stream(MSS), ACK | FIN)
    assert reader.host.result(reader.call) == _stream(MSS)
    assert reader.host.do("b", "recv", reader.fd, 5000) == b""


def test_segments_out_of_order_wait_as_ever() -> None:
    reader = Reader("linux-3.10", 3 * MSS)
    stream = _stream(3 * MSS)
    reader.host.say(ACK, 1001 + MSS, reader.nxt, stream[MSS : 2 * MSS])
    reader.host.say(ACK, 1001 + 2 * MSS, reader.nxt, stream[2 * MSS :])
    reader.host.say(ACK, 1001, reader.nxt, stream[:MSS])
    assert reader.host.result(reader.call) == stream


def test_a_reader_that_peeks_is_none() -> None:
    reader = Reader("linux-3.10", 5000, MSG_PEEK)
    reader.data(_stream(MSS))
    assert reader.host.result(reader.call) == _stream(MSS)
    assert reader.prequeued == 0
    assert reader.host.do("b", "recv", reader.fd, 5000) == _stream(MSS)


def test_a_signal_ends_the_sleep_and_the_next_data_are_queued() -> None:
    reader = Reader("linux-3.10", 5000, 0)
    reader.host.interrupt("b", reader.call)
    with pytest.raises(InterruptedError):
        reader.host.result(reader.call)
    assert reader.sk.ucopy is None
    reader.data(_stream(MSS))
    assert reader.host.do("b", "recv", reader.fd, 5000) == _stream(MSS)
