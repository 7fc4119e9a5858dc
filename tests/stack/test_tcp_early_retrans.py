"""Early retransmit: two or three segments out, one of them lost."""

from __future__ import annotations

from typing import Any

from netemu.packet.ip import Packet, Tcp
from tests.stack.hosts import Pair

MSS = 1448


def tail(
    era: str, lost: tuple[int, ...] = (1,), segments: int = 3, **sysctls: Any
) -> tuple[Pair, list[tuple[float, int]]]:
    """A sends ``segments`` at once, of which some are lost; (ms since then, offset) of each segment of data."""
    seen: list[int] = []

    def drop(_: int, host: str, packet: Packet) -> bool:
        if host == "b" or not isinstance(packet.body, Tcp) or not packet.body.payload:
            return False
        seen.append(packet.body.seq)
        return len(seen) in lost

    pair = Pair(era=era, drop=drop, sysctls={f"net.ipv4.{name}": str(value) for name, value in sysctls.items()})
    client, _ = pair.connection()
    pair.run(pair.now_ms + 1000)
    begin_ms, since = pair.now_ms, len(pair.log)
    pair.do("a", "send", client, bytes(segments * MSS))
    pair.run(begin_ms + 2000)
    sent = [
        (ms - begin_ms, (packet.body.seq - seen[0]) // MSS)
        for ms, host, packet in pair.log[since:]
        if host == "a" and isinstance(packet.body, Tcp) and packet.body.payload
    ]
    return pair, sent


def test_one_duplicate_of_two_segments_is_enough_after_a_quarter_of_the_rtt() -> None:
    pair, sent = tail("linux-3.10", segments=2)
    assert [offset for _, offset in sent] == [0, 1, 0]
    assert 20 + 4 <= sent[2][0] <= 20 + 16
    assert pair.hosts["a"].mib["TCPFastRetrans"] == 1
    assert not pair.hosts["a"].mib["TCPTimeouts"]


def test_a_second_duplicate_ends_the_wait() -> None:
    """Its question is whether the RTO is nearer, and it takes its own timer for that."""
    _, sent = tail("linux-3.10")
    assert [offset for _, offset in sent] == [0, 1, 2, 0]
    assert sent[3][0] < 21


def test_at_once_where_the_sysctl_asks_for_no_wait() -> None:
    _, sent = tail("linux-3.10", segments=2, tcp_early_retrans=1)
    assert sent[2][1] == 0 and 20 <= sent[2][0] < 21


def test_without_sack_too() -> None:
    pair, sent = tail("linux-3.10", tcp_sack=0)
    assert sent[3][1] == 0 and sent[3][0] < 40
    assert not pair.hosts["a"].mib["TCPTimeouts"]


def test_without_it_there_is_only_the_timeout_or_a_probe() -> None:
    assert tail("linux-3.10", tcp_early_retrans=0)[1][3][0] > 200
    _, sent = tail("linux-3.10", tcp_reordering=4)
    assert sent[3][1] == 2 and 36 <= sent[3][0] <= 48


def test_the_eras_before_had_none() -> None:
    assert tail("linux-2.6")[1][3][0] > 200


def test_an_ack_that_comes_meanwhile_ends_the_wait() -> None:
    """The first segment was only late: nothing is sent again."""
    pair = Pair(era="linux-3.10", late=lambda number: 3 if number == late_one else 0)
    late_one = -1
    client, _ = pair.connection()
    pair.run(pair.now_ms + 1000)
    late_one = len(pair.log)
    pair.do("a", "send", client, bytes(2 * MSS))
    pair.run(pair.now_ms + 2000)
    assert not pair.hosts["a"].mib["RetransSegs"]
