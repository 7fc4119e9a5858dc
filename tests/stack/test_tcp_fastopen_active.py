"""A client that sends data with its SYN: what it must know first, and what it does when they are not taken."""

from __future__ import annotations

import errno
from collections.abc import Callable
from typing import Any

import pytest

from netemu.packet.ip import Packet, Tcp
from tests.stack.hosts import ACK, PORT, SYN, Pair

TCP, TCP_FASTOPEN, TCP_FASTOPEN_CONNECT = 6, 23, 30
MSG_FASTOPEN, MSG_DONTWAIT = 0x20000000, 0x40
ON = {"net.ipv4.tcp_fastopen": "3"}


def serving(sysctls: dict[str, str] | None = None, **kwargs: Any) -> tuple[Pair, int]:
    pair = Pair(sysctls={**ON, **(sysctls or {})}, **kwargs)
    listener = pair.listener()
    pair.do("b", "setsockopt", listener, TCP, TCP_FASTOPEN, 5)
    return pair, listener


def ask(pair: Pair, data: bytes = b"request", flags: int = 0) -> int:
    """sendto(MSG_FASTOPEN) on a new socket; the call."""
    client = pair.socket("a")
    return pair.start("a", "sendto", client, data, MSG_FASTOPEN | flags, (pair.address["b"], PORT))


def learn(pair: Pair) -> None:
    """Get a cookie."""
    assert pair.result(ask(pair)) == 7
    pair.run(pair.now_ms + 500)


def sent(pair: Pair, since: int, host: str = "a") -> list[Tcp]:
    return [packet.body for _, name, packet in pair.log[since:] if name == host and isinstance(packet.body, Tcp)]


def dropping(*which: tuple[str, int, int]) -> Callable[[int, str, Packet], bool]:
    """Loses the nth packet of a host with such flags."""
    seen: dict[tuple[str, int], int] = {}

    def drop(_: int, host: str, packet: Packet) -> bool:
        key = (host, packet.body.flags)  # type: ignore[union-attr]
        seen[key] = seen.get(key, 0) + 1
        return (host, key[1], seen[key]) in which

    return drop


@pytest.mark.parametrize("family", [4, 6])
def test_first_a_cookie_then_data_in_the_syn(family: int) -> None:
    pair, listener = serving(family=family)
    learn(pair)
    first = sent(pair, 0)[0]
    assert (first.flags, first.payload, first.options.other) == (SYN, b"", ((34, b""),))
    begun = len(pair.log)
    assert pair.result(ask(pair, b"again")) == 5
    syn, ack = sent(pair, begun)[:2]
    assert (syn.flags, syn.payload) == (SYN, b"again")
    [(kind, cookie)] = syn.options.other
    assert (kind, len(cookie)) == (34, 8)
    assert (ack.flags, ack.payload, ack.seq) == (ACK, b"", syn.seq + 6)
    pair.do("b", "accept", listener)
    assert pair.do("b", "recv", pair.do("b", "accept", listener)[0], 100) == b"again"
    assert pair.hosts["a"].mib["TCPFastOpenActive"] == 1


def test_what_the_syn_has_no_room_for_follows() -> None:
    pair, listener = serving()
    learn(pair)
    begun, data = len(pair.log), bytes(range(256)) * 20
    assert pair.result(ask(pair, data)) == len(data)
    syn, second = sent(pair, begun)[:2]
    assert len(syn.payload) == 1460 - 40
    assert second.payload and second.seq == syn.seq + 1 + len(syn.payload)
    pair.do("b", "accept", listener)
    server, _ = pair.do("b", "accept", listener)
    got = b""
    while len(got) < len(data):
        got += pair.do("b", "recv", server, 10_000)
    assert got == data


def test_a_socket_that_does_not_block() -> None:
    pair, _ = serving()
    with pytest.raises(OSError, match=r"\[Errno 115\]"):
        pair.result(ask(pair, flags=MSG_DONTWAIT))
    pair.run(pair.now_ms + 500)
    assert pair.result(ask(pair, bytes(5000), MSG_DONTWAIT)) == 1420


def test_connect_leaves_the_syn_to_the_first_write() -> None:
    pair, _ = serving()
    learn(pair)
    client, begun = pair.socket("a"), len(pair.log)
    pair.do("a", "setsockopt", client, TCP, TCP_FASTOPEN_CONNECT, 1)
    pair.do("a", "connect", client, (pair.address["b"], PORT))
    assert len(pair.log) == begun
    pair.do("a", "setblocking", client, False)
    assert pair.error("a", "connect", client, (pair.address["b"], PORT)) == errno.EISCONN
    assert pair.do("a", "send", client, b"x") == 1
    assert sent(pair, begun)[0].payload == b"x"


def test_connect_without_a_cookie_asks_for_one() -> None:
    pair, _ = serving()
    client = pair.socket("a")
    pair.do("a", "setsockopt", client, TCP, TCP_FASTOPEN_CONNECT, 1)
    pair.do("a", "connect", client, (pair.address["b"], PORT))
    assert sent(pair, 0)[0].options.other == ((34, b""),)
    assert pair.sk("a", client).tfo.fastopen_client_fail == 1


@pytest.mark.parametrize("era", ["linux-5.10", "linux-6", "linux-7"])
def test_a_lost_syn_goes_again_without_its_data(era: str) -> None:
    pair, listener = serving(era=era, drop=dropping(("a", SYN, 2)))
    learn(pair)
    begun = len(pair.log)
    assert pair.result(ask(pair, b"again")) == 5
    first, second, third = sent(pair, begun)[:3]
    assert (second.flags, second.payload, second.options.other) == (SYN, b"", ())
    assert (third.payload, third.seq, first.seq) == (b"again", first.seq + 1, second.seq)
    pair.do("b", "accept", listener)
    assert pair.do("b", "recv", pair.do("b", "accept", listener)[0], 100) == b"again"
    assert pair.hosts["a"].mib["TCPFastOpenActiveFail"] == 1


@pytest.mark.parametrize("era", ["linux-5.10", "linux-7"])
def test_data_that_the_server_does_not_take_are_sent_again_at_once(era: str) -> None:
    pair, listener = serving(era=era)
    learn(pair)
    pair.do("b", "setsockopt", listener, TCP, 33, b"k" * 16)
    begun = len(pair.log)
    assert pair.result(ask(pair, b"again")) == 5
    _, second = sent(pair, begun)[:2]
    assert (second.payload, second.flags & ACK) == (b"again", ACK)
    # The cookie that came along is good from now on.
    pair.run(pair.now_ms + 500)
    begun = len(pair.log)
    pair.result(ask(pair, b"third"))
    assert sent(pair, begun, "b")[0].ack_seq == sent(pair, begun)[0].seq + 6


def test_a_server_that_never_answers_the_option_is_asked_in_the_old_form_and_then_no_more() -> None:
    pair = Pair(sysctls={"net.ipv4.tcp_fastopen": "1"})
    pair.listener()
    asked = []
    for _ in range(3):
        begun = len(pair.log)
        learn(pair)
        asked.append(sent(pair, begun)[0].options.other)
    assert asked == [((34, b""),), ((254, b"\xf9\x89"),), ((34, b""),)]


def test_after_three_timeouts_no_fast_open_is_tried_for_a_while() -> None:
    lost = dropping(*(("a", SYN, nth) for nth in (2, 3, 4)))
    pair, _ = serving({"net.ipv4.tcp_fastopen_blackhole_timeout_sec": "60"}, drop=lost)
    learn(pair)
    assert pair.result(ask(pair)) == 7
    assert pair.hosts["a"].mib["TCPFastOpenBlackhole"] == 1
    begun = len(pair.log)
    assert pair.result(ask(pair)) == 7
    assert sent(pair, begun)[0].options.other == ()
    pair.run(pair.now_ms + 70_000)
    begun = len(pair.log)
    assert pair.result(ask(pair)) == 7
    assert sent(pair, begun)[0].payload == b"request"


def test_errors_of_sendto() -> None:
    pair = Pair(sysctls={"net.ipv4.tcp_fastopen": "2"})
    with pytest.raises(OSError, match=r"\[Errno 95\]"):
        pair.result(ask(pair))
    client = pair.socket("a")
    assert pair.error("a", "setsockopt", client, TCP, TCP_FASTOPEN_CONNECT, 1) == errno.EOPNOTSUPP
    on = Pair(sysctls=ON)
    assert on.error("a", "send", on.socket("a"), b"x", MSG_FASTOPEN) == errno.EINVAL
    refused = ask(on)  # nobody listens
    with pytest.raises(OSError, match=r"\[Errno 111\]"):
        on.result(refused)
