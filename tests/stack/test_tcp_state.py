"""Changes of state: counted, traced, and what a closed socket loses."""

from __future__ import annotations

import pytest

from netemu.stack.sock import (
    TCP_CLOSE,
    TCP_CLOSE_WAIT,
    TCP_ESTABLISHED,
    TCP_FIN_WAIT1,
    TCP_SYN_RECV,
    TCP_SYN_SENT,
)
from netemu.stack.tcp_state import tcp_set_state
from tests.stack.hosts import Pair


@pytest.mark.parametrize(
    ("states", "established", "resets"),
    [
        ((TCP_SYN_SENT, TCP_ESTABLISHED), 1, 0),
        ((TCP_SYN_SENT, TCP_ESTABLISHED, TCP_FIN_WAIT1), 0, 0),
        ((TCP_SYN_RECV, TCP_CLOSE_WAIT), 1, 0),
        ((TCP_ESTABLISHED, TCP_CLOSE_WAIT, TCP_CLOSE), 0, 1),
        ((TCP_ESTABLISHED, TCP_CLOSE), 0, 1),
        ((TCP_ESTABLISHED, TCP_FIN_WAIT1, TCP_CLOSE), 0, 0),
        ((TCP_SYN_SENT, TCP_CLOSE), 0, 0),
    ],
)
def test_counters(states: tuple[int, ...], established: int, resets: int) -> None:
    pair = Pair()
    sk = pair.sk("a", pair.socket("a"))
    for state in states:
        tcp_set_state(sk, state)
    mib = pair.hosts["a"].mib
    assert (sk.sk_state, mib["CurrEstab"], mib["EstabResets"]) == (states[-1], established, resets)


@pytest.mark.parametrize("bound", [False, True])
def test_a_closed_socket_keeps_its_port_only_if_bind_took_it(bound: bool) -> None:
    pair = Pair()
    pair.listener()
    fd = pair.socket("a")
    if bound:
        pair.do("a", "bind", fd, ("10.0.0.1", 7000))
    pair.do("a", "connect", fd, ("10.0.0.2", 5000))
    sk, hashinfo = pair.sk("a", fd), pair.hosts["a"].hashinfo
    tcp_set_state(sk, TCP_CLOSE)
    assert hashinfo.ehash == {}
    assert (sk.inet_sport in hashinfo.bhash) is bound
