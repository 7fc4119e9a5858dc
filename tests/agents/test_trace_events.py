"""Lines of trace_pipe, and whose they are."""

from __future__ import annotations

import pytest

from netemu.agents.trace_events import Ownership, known_cookies, own_events, parse_line

PROBE = (
    "  <idle>-0  [001] ..s2.  100.000123: tcp_probe: family=AF_INET src=10.0.0.1:4000 dest=10.0.0.2:5001 mark=0x0"
    " data_len=32 snd_nxt=0x1f snd_una=0x10 snd_cwnd=10 ssthresh=2147483647 snd_wnd=65535 srtt=80 rcv_wnd=64256"
    " sock_cookie={cookie:x} skbaddr=00000000aa skaddr=00000000bb"
)
STATE = (
    " python-12 [000] ..... 100.000050: inet_sock_set_state: family=AF_INET protocol=IPPROTO_TCP sport=4000 dport=5001"
    " saddr=10.0.0.1 daddr=10.0.0.2 saddrv6=::ffff:10.0.0.1 daddrv6=::ffff:10.0.0.2 oldstate=TCP_SYN_SENT"
    " newstate=TCP_ESTABLISHED"
)
RETRANSMIT6 = (
    " a b-1 [000] ..... 100.5: tcp_retransmit_skb: skbaddr=01 skaddr=00000000bb family=AF_INET6 sport=4000 dport=5001"
    " saddr=0.0.0.0 daddr=0.0.0.0 saddrv6=fd00::1 daddrv6=fd00::2 state=TCP_ESTABLISHED err=0"
)
T0 = 100_000_000_000
ADDRESSES = {"10.0.0.1": "h1", "10.0.0.2": "h2"}


def events(lines: list[str], cookies: dict[int, str]) -> list[dict[str, object]]:
    return list(own_events(lines, lines, T0, Ownership(cookies, ADDRESSES)))


def test_fields_keep_their_names_and_become_numbers() -> None:
    event = parse_line(PROBE.format(cookie=0x2A), T0)
    assert event is not None
    assert (event["t_ns"], event["event"]) == (123_000, "tcp_probe")
    assert (event["snd_nxt"], event["snd_cwnd"], event["sock_cookie"]) == (31, 10, 42)
    assert (event["local"], event["remote"]) == ("10.0.0.1:4000", "10.0.0.2:5001")
    assert event["skaddr"] == "00000000bb"


def test_ipv6_ends_are_in_brackets() -> None:
    event = parse_line(RETRANSMIT6, T0)
    assert event is not None
    assert (event["local"], event["remote"]) == ("[fd00::1]:4000", "[fd00::2]:5001")
    assert event["t_ns"] == 500_000_000


@pytest.mark.parametrize("line", ["", "# tracer: nop", "CPU:1 [LOST 5 EVENTS]", "a: b: c", "x 1.2x: y: z=1"])
def test_other_lines_are_no_events(line: str) -> None:
    assert parse_line(line, 0) is None


def test_a_known_cookie_makes_it_ours_and_names_the_host() -> None:
    probe, state = events([PROBE.format(cookie=42), STATE], {42: "h1"})
    assert (probe["host"], probe["attribution"]) == ("h1", "cookie")
    assert (state["host"], state["attribution"], state["sock_cookie"]) == ("h1", "cookie", 42)


def test_addresses_of_memory_are_not_kept() -> None:
    (probe,) = events([PROBE.format(cookie=42)], {42: "h1"})
    assert probe["sock_cookie"] == 42
    assert not {"skaddr", "skbaddr"} & probe.keys()


def test_a_foreign_cookie_makes_it_another_runs_however_equal_the_addresses() -> None:
    assert events([PROBE.format(cookie=43), STATE], {42: "h1"}) == []


def test_without_a_cookie_addresses_decide_and_the_event_says_so() -> None:
    (state,) = events([STATE], {})
    assert (state["host"], state["attribution"]) == ("h1", "address")
    assert list(own_events([STATE], [STATE], T0, Ownership({}, {"10.9.9.9": "h1"}))) == []


def test_two_runs_with_equal_ends_cannot_be_told_apart_without_a_cookie() -> None:
    ownership = Ownership({42: "h1"}, ADDRESSES)
    lines = [PROBE.format(cookie=42), PROBE.format(cookie=43), STATE]
    found = list(own_events(lines, lines, T0, ownership))
    assert [(event["event"], event["attribution"]) for event in found] == [
        ("tcp_probe", "cookie"),
        ("inet_sock_set_state", "address"),
    ]
    assert (ownership.by_cookie, ownership.by_address, ownership.foreign) == (1, 1, 1)


def test_what_came_before_t0_is_left_out() -> None:
    assert list(own_events([STATE], [STATE], T0 + 10**9, Ownership({}, ADDRESSES))) == []


def test_cookies_are_learned_from_samples_and_from_agents_logs() -> None:
    samples = [{"t_ns": 1, "host": "h1", "cookie": 5}, {"t_ns": 2, "host": "h2", "cookie": 6}]
    log = [{"agent": "a", "host": "h3", "program": "sink"}, {"call": "x"}, {"call": "y", "detail": {"cookie": 7}}]
    assert known_cookies(samples) == {5: "h1", 6: "h2"}
    assert known_cookies(log) == {7: "h3"}
