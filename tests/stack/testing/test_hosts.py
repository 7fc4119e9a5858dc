"""Two hosts on a wire: calls complete, packets take 5 ms, and the dice of one seed fall the same."""

from __future__ import annotations

from netemu.stack.eras import PROFILES
from netemu.stack.host import Interface, make_host
from netemu.stack.stack import LinuxStack
from netemu.stack.testing import Pair
from netemu.stack.testing.hosts import DELAY_NS, Process


def _host(name: str, address: str) -> LinuxStack:
    return make_host(name, PROFILES["linux-7"], interfaces=(Interface("eth0", 1500, (f"{address}/24",)),))


def _talk(seed: int, **permille: int) -> tuple[Pair, list[object]]:
    results: list[object] = []

    def server() -> Process:
        listener = (yield ("socket", 2, 1, 0)).value
        yield ("bind", listener, ("10.0.0.2", 80))
        yield ("listen", listener, 1)
        fd = (yield ("accept", listener)).value[0]
        results.append((yield ("recv", fd, 100)).value)
        yield ("close", fd)

    def client() -> Process:
        fd = (yield ("socket", 2, 1, 0)).value
        results.append((yield ("connect", fd, ("10.0.0.2", 80))).errno)
        yield ("send", fd, b"hello")
        yield ("close", fd)

    pair = Pair({"h1": _host("h1", "10.0.0.1"), "h2": _host("h2", "10.0.0.2")}, seed, permille)
    pair.start("h2", server())
    pair.start("h1", client())
    pair.run(60_000_000_000)
    return pair, results


def test_a_handshake_takes_a_round_trip_and_data_follow() -> None:
    pair, results = _talk(1)
    assert results == [0, b"hello"]
    assert pair.finished
    assert [(t_ns // DELAY_NS, host) for t_ns, host, _ in pair.sent[:4]] == [(0, "h1"), (1, "h2"), (2, "h1"), (2, "h1")]


def test_the_same_seed_is_the_same_wire() -> None:
    bad = {"lost": 200, "twice": 200, "late": 200}
    one, other = _talk(7, **bad), _talk(7, **bad)
    assert [(t_ns, host) for t_ns, host, _ in one[0].sent] == [(t_ns, host) for t_ns, host, _ in other[0].sent]
    assert one[1] == other[1] == [0, b"hello"]
    assert [t for t, _, _ in _talk(8, **bad)[0].sent] != [t for t, _, _ in one[0].sent]


def test_a_wire_that_loses_all_ends_in_a_timeout() -> None:
    pair, results = _talk(1, lost=1000)
    assert results == []
    assert len(pair.sent) >= 6


def test_what_is_on_the_wire_when_a_run_stops_arrives_in_the_next() -> None:
    pair = Pair({"h1": _host("h1", "10.0.0.1"), "h2": _host("h2", "10.0.0.2")}, 3)
    called: list[object] = []

    def client() -> Process:
        fd = (yield ("socket", 2, 1, 0)).value
        called.append((yield ("connect", fd, ("10.0.0.2", 80))).errno)

    pair.start("h1", client())
    for ms in range(1, 30):
        pair.run(ms * 1_000_000)
    assert called == [111]
