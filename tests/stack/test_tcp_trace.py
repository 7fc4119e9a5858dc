"""Tracepoints have the fields that netemu records from a real kernel."""

from __future__ import annotations

from typing import Any

import pytest

from netemu.agents.trace_events import parse_line
from netemu.stack import tcp_trace
from netemu.stack.skbuff import SkBuff
from tests.stack.sender import Sender

_PROBE = (
    "a-1 [000] ..s.. 1.000001: tcp_probe: family=AF_INET src=10.0.0.1:5001 dest=10.0.0.2:1234 mark=0x0 data_len=4 "
    "snd_nxt=0x1 snd_una=0x1 snd_cwnd=10 ssthresh=2147483647 snd_wnd=1000000 srtt=7 rcv_wnd=65535 sock_cookie=3"
)
_RETRANSMIT = (
    "a-1 [000] ..s.. 1.000001: tcp_retransmit_skb: family=AF_INET sport=5001 dport=1234 saddr=10.0.0.1 daddr=10.0.0.2 "
    "saddrv6=::ffff:10.0.0.1 daddrv6=::ffff:10.0.0.2 state=TCP_ESTABLISHED err=0"
)
_STATE = (
    "a-1 [000] ..s.. 1.000001: tcp_cong_state_set: family=AF_INET sport=5001 dport=1234 saddr=10.0.0.1 daddr=10.0.0.2 "
    "saddrv6=::ffff:10.0.0.1 daddrv6=::ffff:10.0.0.2 cong_state=3"
)


@pytest.fixture
def sender(monkeypatch: pytest.MonkeyPatch) -> Sender:
    sender = Sender(monkeypatch)
    sk = sender.sk
    sk.inet_saddr, sk.inet_daddr, sk.inet_sport, sk.inet_dport, sk.sk_cookie = "10.0.0.1", "10.0.0.2", 5001, 1234, 3
    sk.srtt_us = 56
    return sender


def _recorded(sender: Sender) -> list[tuple[str, dict[str, Any]]]:
    return [(action.event, action.fields) for action in sender.net._actions]


@pytest.mark.parametrize(("line", "which"), [(_PROBE, "probe"), (_RETRANSMIT, "retransmit"), (_STATE, "state")])
def test_an_event_is_what_the_kernels_line_says(sender: Sender, line: str, which: str) -> None:
    sk = sender.sk
    if which == "probe":
        tcp_trace.trace_tcp_probe(sk, SkBuff(1, 5, 0x18, b"abcd"))
    elif which == "retransmit":
        tcp_trace.trace_tcp_retransmit_skb(sk, 0)
    else:
        tcp_trace.trace_tcp_cong_state_set(sk, 3)
    [(name, fields)] = _recorded(sender)
    kernel = parse_line(line, 0)
    assert kernel is not None
    assert {**fields, "event": name} == {"sock_cookie": 3} | {
        k: v for k, v in kernel.items() if k not in ("t_ns", "host")
    }


def test_nothing_is_recorded_when_nobody_traces(sender: Sender) -> None:
    sender.net.tracing = False
    tcp_trace.trace_tcp_probe(sender.sk, SkBuff(1, 5, 0x18, b"abcd"))
    tcp_trace.trace_tcp_retransmit_skb(sender.sk, 0)
    tcp_trace.trace_tcp_cong_state_set(sender.sk, 3)
    assert _recorded(sender) == []


def test_ipv6_endpoints_are_bracketed() -> None:
    assert tcp_trace.endpoint(10, "fd00::1", 80) == "[fd00::1]:80"
    assert tcp_trace.endpoint(2, "10.0.0.1", 80) == "10.0.0.1:80"
