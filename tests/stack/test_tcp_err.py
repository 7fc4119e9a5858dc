"""ICMP errors and connections: which end them, which are remembered, and what a smaller path MTU does."""

from __future__ import annotations

import errno

import pytest

from netemu.packet.ip import IPPROTO_ICMP, IPPROTO_ICMPV6, IPPROTO_TCP, Icmp, Packet, Tcp
from netemu.stack.sock import TCP_ESTABLISHED
from tests.stack.hosts import ACK, PORT, SYN, Lone


def _error(lone: Lone, message: Icmp, seq: int) -> None:
    quoted = Packet(
        lone.family, lone.address["b"], lone.address["a"], IPPROTO_TCP, 1500,
        Tcp(PORT, 40_000, seq & 0xFFFFFFFF, 0, ACK, 0),
    )  # fmt: skip
    told = Icmp(message.type, message.code, message.mtu_bytes, quoted)
    protocol = IPPROTO_ICMP if lone.family == 4 else IPPROTO_ICMPV6
    lone.deliver(Packet(lone.family, lone.address["a"], lone.address["b"], protocol, 56, told))


def _opened(family: int = 4) -> tuple[Lone, int, int]:
    lone = Lone(family=family)
    fd, nxt = lone.open(lone.listener())
    return lone, fd, nxt


@pytest.mark.parametrize(("family", "mtu", "sizes"), [(4, 1000, [960, 500, 960, 500, 960, 500]), (6, 1300, None)])
def test_a_smaller_path_mtu_splits_what_is_in_flight_and_sends_it_again(
    family: int, mtu: int, sizes: list[int] | None
) -> None:
    lone, fd, nxt = _opened(family)
    mss = 1460 if family == 4 else 1220  # a SYN without an MSS would have meant 536
    lone.sk("b", fd).mss_clamp = mss
    lone.sk("b", fd).mss_cache = mss
    lone.do("b", "send", fd, b"x" * (3 * mss))
    assert [len(s.payload) for s in lone.heard()] == [mss] * 3
    sk = lone.sk("b", fd)
    _error(lone, Icmp(3, 4, mtu) if family == 4 else Icmp(2, 0, mtu), nxt)
    if sizes is not None:
        assert [len(s.payload) for s in lone.heard()] == sizes
        assert (sk.mss_cache, sk.icsk_pmtu_cookie) == (960, 1000)
    else:
        assert lone.heard() == []  # 1240 bytes of payload fit still


def test_a_number_that_was_not_sent_is_not_believed() -> None:
    lone, fd, nxt = _opened()
    lone.do("b", "send", fd, b"x" * 100)
    _error(lone, Icmp(3, 4, 600), nxt + 500)
    assert lone.sk("b", fd).icsk_pmtu_cookie == 1500
    assert lone.hosts["b"].mib["OutOfWindowIcmps"] == 1


def test_a_connection_survives_and_remembers_why_it_may_time_out() -> None:
    lone, fd, nxt = _opened()
    lone.do("b", "setsockopt", fd, 6, 18, 2000)
    lone.do("b", "send", fd, b"x" * 100)
    _error(lone, Icmp(3, 1), nxt)
    sk = lone.sk("b", fd)
    assert (sk.sk_state, sk.sk_err, sk.sk_err_soft) == (TCP_ESTABLISHED, 0, errno.EHOSTUNREACH)
    lone.run(20_000)
    assert lone.error("b", "recv", fd, 1) == errno.EHOSTUNREACH


def test_with_recverr_it_is_told_at_once() -> None:
    lone, fd, nxt = _opened()
    lone.do("b", "setsockopt", fd, 0, 11, 1)
    lone.do("b", "send", fd, b"x" * 100)
    call = lone.start("b", "recv", fd, 1)
    _error(lone, Icmp(3, 1), nxt)
    with pytest.raises(OSError, match="No route"):
        lone.result(call)


@pytest.mark.parametrize(
    ("family", "ends", "passes"),
    [
        (4, [(3, 0), (3, 1), (11, 0), (12, 0)], [(3, 2), (3, 3), (3, 4), (3, 11), (3, 12)]),
        (6, [(1, 1), (1, 4), (4, 0)], [(1, 0), (1, 3), (2, 0), (3, 0)]),
    ],
)
def test_which_errors_about_a_syn_ack_end_the_request(
    family: int, ends: list[tuple[int, int]], passes: list[tuple[int, int]]
) -> None:
    for kind, code in (*ends, *passes):
        lone = Lone(family=family)
        fd = lone.listener()
        [synack] = lone.say(SYN, 1000)
        _error(lone, Icmp(kind, code, 1280), synack.seq + 5)
        assert len(lone.sk("b", fd).icsk_request_socks) == 1
        _error(lone, Icmp(kind, code, 1280), synack.seq)
        assert len(lone.sk("b", fd).icsk_request_socks) == ((kind, code) in passes), (kind, code)


@pytest.mark.parametrize(
    ("family", "kind", "code", "back"),
    [
        (4, 3, 0, 1), (4, 3, 1, 1), (4, 3, 11, 0), (4, 3, 3, 0), (4, 11, 0, 0), (4, 12, 0, 0),
        (6, 1, 0, 1), (6, 1, 3, 0), (6, 3, 0, 0),
    ],
)  # fmt: skip
def test_a_router_without_a_route_takes_one_back_off_back(family: int, kind: int, code: int, back: int) -> None:
    lone, fd, nxt = _opened(family)
    lone.do("b", "send", fd, b"x" * 100)
    sk = lone.sk("b", fd)
    while sk.icsk_backoff < 3:
        lone.run(lone.now_ms + 50)
    rto = sk.icsk_rto
    _error(lone, Icmp(kind, code), nxt)
    assert (sk.icsk_backoff, sk.icsk_rto) == (3 - back, rto >> back)
