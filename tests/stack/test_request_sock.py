"""A request's place in the tables, and its timer."""

from __future__ import annotations

import pytest

from netemu.stack.request_sock import RequestSock
from netemu.stack.sock import TCP_NEW_SYN_RECV
from tests.stack.hosts import SYN, Lone


def test_it_stands_where_its_connection_will_stand() -> None:
    lone = Lone()
    fd = lone.listener()
    lone.say(SYN, 1000)
    [(key, req)] = lone.hosts["b"].hashinfo.ehash.items()
    assert isinstance(req, RequestSock)
    assert key == req.key == ("10.0.0.2", 5000, "10.0.0.1", 40_000)
    assert (req.sk_state, req.rcv_isn, req.rcv_nxt, req.mss) == (TCP_NEW_SYN_RECV, 1000, 1001, 536)
    assert lone.sk("b", fd).icsk_request_socks == {key: req}
    assert req.rsk_timer.pending


def test_a_request_that_was_never_hashed_has_no_timer() -> None:
    lone = Lone()
    sk = lone.sk("b", lone.listener())
    dst = lone.hosts["b"].fib.lookup("10.0.0.1")
    assert dst is not None
    req = RequestSock(lone.hosts["b"], sk, 2, "10.0.0.2", 5000, "10.0.0.1", 9, dst)
    assert not req.rsk_timer.pending
    with pytest.raises(AssertionError):
        req.rsk_timer.function()
