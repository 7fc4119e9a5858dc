"""TIME_WAIT and FIN_WAIT2 without a process: what each kind of segment does."""

from __future__ import annotations

from netemu.packet.ip import Options
from netemu.stack.sock import TCP_FIN_WAIT2, TCP_TIME_WAIT
from netemu.stack.tcp_timewait import tcp_in_window, tcp_paws_reject
from tests.stack.hosts import ACK, FIN, PSH, RST, SYN, Lone

STAMPED = Options(mss=1460, window_scale=7, sack_permitted=True, ts_val=100, ts_ecr=0)


class Closed:
    """Host b has closed first; the peer's FIN has come (``waiting``) or not yet."""

    def __init__(self, *, waiting: bool = True, stamped: bool = False, **sysctls: str) -> None:
        self.lone = lone = Lone(sysctls=sysctls)
        fd = lone.listener()
        self.stamped = stamped
        [synack] = lone.say(SYN, 1000, options=STAMPED if stamped else Options(mss=1460))
        self.nxt = synack.seq + 1
        self.tsval = synack.options.ts_val
        self.say(ACK, 1001)
        lone.do("b", "close", lone.do("b", "accept", fd)[0])
        self.nxt += 1
        self.say(ACK, 1001)
        if waiting:
            self.say(FIN | ACK, 1001)
        lone.heard()

    def say(self, flags: int, seq: int, payload: bytes = b"", ts: int = 200) -> list[int]:
        """The flags of the answers."""
        options = Options(ts_val=ts, ts_ecr=self.tsval) if self.stamped else Options()
        return [s.flags for s in self.lone.say(flags, seq, self.nxt, payload, options=options)]

    @property
    def substates(self) -> list[int]:
        """Of the time-wait sockets."""
        return [tw.tw_substate for tw in self.lone.hosts["b"].hashinfo.ehash.values()]  # type: ignore[union-attr]


def test_a_fin_that_comes_again_is_acknowledged_again_and_begins_the_wait_anew() -> None:
    closed = Closed()
    assert closed.substates == [TCP_TIME_WAIT]
    closed.lone.run(30_000)
    assert closed.say(FIN | ACK, 1001) == [ACK]
    closed.lone.run(75_000)
    assert closed.substates == [TCP_TIME_WAIT]
    closed.lone.run(95_000)
    assert closed.substates == []


def test_it_answers_at_most_each_half_second() -> None:
    closed = Closed()
    assert closed.say(ACK, 900) == [ACK]
    assert closed.say(ACK, 900) == []
    assert closed.lone.hosts["b"].mib["TCPACKSkippedTimeWait"] == 1


def test_a_reset_assassinates_unless_rfc1337_is_on() -> None:
    closed = Closed()
    assert closed.say(RST, 1002) == []
    assert closed.substates == []
    closed = Closed(**{"net.ipv4.tcp_rfc1337": "1"})
    closed.say(RST, 1002)
    assert closed.substates == [TCP_TIME_WAIT]


def test_a_newer_syn_opens_a_connection_at_once() -> None:
    closed = Closed()
    [synack] = closed.lone.say(SYN, 5_000)
    assert synack.flags == SYN | ACK
    assert synack.seq == (closed.nxt + 65535 + 2) & 0xFFFFFFFF
    assert closed.lone.hosts["b"].hashinfo.tw_count == 0


def test_an_older_syn_is_answered_by_the_last_ack() -> None:
    closed = Closed()
    assert [s.flags for s in closed.lone.say(SYN, 500)] == [ACK]
    assert closed.substates == [TCP_TIME_WAIT]


def test_with_timestamps_the_clock_decides_about_a_syn() -> None:
    closed = Closed(stamped=True)
    old = closed.lone.say(SYN, 5_000, options=Options(mss=1460, ts_val=150))
    assert [s.flags for s in old] == [ACK]
    assert closed.lone.hosts["b"].mib["PAWSTimewait"] == 1
    new = closed.lone.say(SYN, 500, options=Options(mss=1460, ts_val=300))
    assert [s.flags for s in new] == [SYN | ACK]


def test_fin_wait_2_takes_the_fin_and_resets_data() -> None:
    closed = Closed(waiting=False)
    assert closed.substates == [TCP_FIN_WAIT2]
    assert closed.say(ACK, 1001) == []
    assert closed.say(FIN | ACK, 1001) == [ACK]
    assert closed.substates == [TCP_TIME_WAIT]
    closed = Closed(waiting=False)
    assert closed.say(ACK | PSH, 1001, b"late") == [RST]
    assert closed.substates == []


def test_fin_wait_2_acknowledges_what_is_outside_the_window_and_ends_by_a_reset() -> None:
    closed = Closed(waiting=False)
    assert closed.say(ACK, 900_000, b"x") == [ACK]
    assert closed.say(RST, 1001) == []
    assert closed.substates == []


def test_in_window() -> None:
    assert tcp_in_window(10, 10, 10, 20)
    assert tcp_in_window(5, 11, 10, 20)
    assert not tcp_in_window(5, 10, 10, 20)
    assert tcp_in_window(20, 20, 10, 20)
    assert not tcp_in_window(20, 21, 10, 20)


def test_paws_forgets_after_24_days_and_for_a_reset_after_a_minute() -> None:
    net = Lone().hosts["b"]
    net.now_ns = 100 * 1_000_000_000
    assert tcp_paws_reject(net, 200, 100, 199, rst=False)
    assert not tcp_paws_reject(net, 200, 100, 200, rst=False)
    assert not tcp_paws_reject(net, 0, 100, 0xFFFFFFF0, rst=False)
    assert tcp_paws_reject(net, 200, 41, 199, rst=True)
    assert not tcp_paws_reject(net, 200, 40, 199, rst=True)
    net.now_ns += 24 * 86_400 * 1_000_000_000
    assert not tcp_paws_reject(net, 200, 100, 199, rst=False)
