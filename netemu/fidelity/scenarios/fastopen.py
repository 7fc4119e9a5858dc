"""TCP Fast Open: cookies asked for and refused, data in SYNs, what is lost of them, and how much a server takes (M19).

Hosts share one key, so that cookies, which a kernel makes by a secret of its boot, are the same bytes.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from netemu.experiment import bulk, request_response
from netemu.fidelity.scenario import Scenario, Script
from netemu.fidelity.scenarios.loss import BACK, FORWARD, dropping
from netemu.fidelity.scenarios.sending import PATH

_MS = 1_000_000
_TCP = "IPPROTO_TCP"
_CONNECT, _NO_COOKIE = 30, 34  # TCP_FASTOPEN_CONNECT, TCP_FASTOPEN_NO_COOKIE
_KEY = {"net.ipv4.tcp_fastopen_key": "00000001-00000022-00000333-00004444"}
_BOTH: Mapping[str, Mapping[str, str | int]] = {
    "h1": {"net.ipv4.tcp_fastopen": 3, **_KEY},
    "h2": {"net.ipv4.tcp_fastopen": 3, **_KEY},
}
Calls = Sequence[Sequence[Any]]


def _server(calls: Calls, *, backlog: int = 8, seconds: int = 20, options: Calls = ()) -> Script:
    script: list[Sequence[Any]] = [
        [0, "socket", "l"],
        [None, "setsockopt", "l", "SOL_SOCKET", "SO_REUSEADDR", 1],
        [None, "setsockopt", "l", _TCP, "TCP_FASTOPEN", backlog],
        *[[None, "setsockopt", "l", *option] for option in options],
        [None, "bind", "l", "", 5001],
        [None, "listen", "l", 8],
        *calls,
    ]
    return Script("server", "h2", script, stop_ns=seconds * 1000 * _MS)


def _answers(names: str, *, size: int = 1000, answer: int = 2000) -> list[Sequence[Any]]:
    """One connection after the other: accept, read, answer, read to the end, close."""
    calls: list[Sequence[Any]] = []
    for name in names:
        calls += [[None, "accept", "l", name], [None, "recv", name, size], [None, "send", name, answer]]
        calls += [[None, "recv", name, size], [None, "close", name]]
    return calls


def _asks(name: str, at_ms: int, size: int = 1000, *flags: str) -> list[Sequence[Any]]:
    """A connection by sendto(MSG_FASTOPEN), its answer, and its end."""
    return [
        [at_ms * _MS, "socket", name],
        [None, "sendto", name, size, "@h2", 5001, "MSG_FASTOPEN", *flags],
        [None, "recv", name, 2000],
        [None, "recv", name, 2000],
        [None, "close", name],
    ]


def _repeated(*at_ms: int, calls: Callable[[str, int], Calls]) -> list[Calls]:
    """``calls`` of a socket's name and its time in ms, for one socket after the other."""
    return [calls(name, at) for name, at in zip("xyzw", at_ms, strict=False)]


def _client(*calls: Calls, seconds: int = 20, hold: bool = False) -> Script:
    return Script("client", "h1", [one for some in calls for one in some], stop_ns=seconds * 1000 * _MS, hold=hold)


def _scenario(  # noqa: PLR0917 (what makes one)
    name: str,
    shows: str,
    server: Script,
    client: Script,
    link: Mapping[str, Any] = PATH,
    sysctls: Mapping[str, Mapping[str, str | int]] = _BOTH,
) -> Scenario:
    return Scenario(name, ("M19",), shows, (link,), (server, client), sysctls=sysctls)


FASTOPEN = (
    _scenario(
        "fastopen",
        "a cookie is asked for, then data go with the SYN, twice",
        _server(_answers("abc")),
        _client(_asks("x", 10), _asks("y", 1000), _asks("z", 2000)),
    ),
    _scenario(
        "fastopen_large",
        "a write of ten segments, of which the SYN takes what fits",
        _server(_answers("ab", size=15_000)),
        _client(_asks("x", 10, 15_000), _asks("y", 1000, 15_000)),
    ),
    _scenario(
        "fastopen_connect",
        "TCP_FASTOPEN_CONNECT: connect() with a cookie sends nothing",
        _server(_answers("ab")),
        _client(
            *_repeated(
                10,
                1000,
                calls=lambda name, at: [
                    [at * _MS, "socket", name],
                    [None, "setsockopt", name, _TCP, _CONNECT, 1],
                    [None, "connect", name, "@h2", 5001],
                    [(at + 300) * _MS, "send", name, 1000],
                    [None, "recv", name, 2000],
                    [None, "close", name],
                ],
            )
        ),
    ),
    _scenario(
        "fastopen_nonblocking",
        "a socket that does not block: EINPROGRESS without a cookie, with one the number of bytes that the SYN took",
        _server(_answers("ab")),
        _client(
            [[10 * _MS, "socket", "x"], [None, "nonblocking", "x", True]],
            [[None, "sendto", "x", 1000, "@h2", 5001, "MSG_FASTOPEN"], [None, "wait", "x", "EPOLLOUT", 1000]],
            [[None, "send", "x", 1000], [None, "wait", "x", "EPOLLIN", 1000], [None, "close", "x"]],
            [[1000 * _MS, "socket", "y"], [None, "nonblocking", "y", True]],
            [[None, "sendto", "y", 5000, "@h2", 5001, "MSG_FASTOPEN"], [None, "wait", "y", "EPOLLIN", 1000]],
            [[None, "close", "y"]],
        ),
    ),
    _scenario(
        "fastopen_refused",
        "the server's key changes: it takes the SYN alone, the data come again, and a new cookie is good",
        _server([*_answers("ab"), [900 * _MS, "setsockopt", "l", _TCP, 33, "another key of 16"[:16]], *_answers("cd")]),
        _client(_asks("x", 10), _asks("y", 500), _asks("z", 1000), _asks("w", 1500)),
    ),
    _scenario(
        "fastopen_backup_key",
        "a cookie of the second of two keys is good, and the first's is sent along",
        _server(
            [
                *_answers("ab"),
                [900 * _MS, "setsockopt", "l", _TCP, 33, "a new key now on"],
                *_answers("c"),
                [1400 * _MS, "setsockopt", "l", _TCP, 33, "the latest of alla new key now on"[:32]],
                *_answers("de"),
            ],
            options=([_TCP, 33, "a key of letters"],),
        ),
        _client(*[_asks(name, 10 + 500 * number) for number, name in enumerate("vwxyz")]),
    ),
    _scenario(
        "fastopen_server_off",
        "a server whose host takes no Fast Open: the client asks twice in two forms, then no more",
        _server(_answers("abcd")),
        _client(*[_asks(name, 10 + 500 * number) for number, name in enumerate("wxyz")]),
        sysctls={"h1": _BOTH["h1"], "h2": {"net.ipv4.tcp_fastopen": 1}},
    ),
    _scenario(
        "fastopen_limit",
        "one unfinished connection at most: the second SYN with data gets an ordinary handshake",
        _server([*_answers("a"), [1500 * _MS, "accept", "l", "b"], [None, "accept", "l", "c"]], backlog=1),
        _client(
            _asks("x", 10),
            [
                one
                for name in ("y", "z")
                for one in (
                    [1000 * _MS, "socket", name],
                    [None, "nonblocking", name, True],
                    [None, "sendto", name, 1000, "@h2", 5001, "MSG_FASTOPEN"],
                )
            ],
            hold=True,
        ),
    ),
    _scenario(
        "fastopen_syn_lost",
        "the SYN with data is lost: it goes again without",
        _server(_answers("ab")),
        _client(_asks("x", 10), _asks("y", 1000, 3000)),
        dropping("syn", [2]),
    ),
    _scenario(
        "fastopen_synack_lost",
        "the SYN-ACK for data is lost twice: the connection sends it again, and data of its own wait",
        _server(_answers("ab")),
        _client(_asks("x", 10), _asks("y", 1000)),
        dropping("syn_ack", [2, 3], BACK),
    ),
    _scenario(
        "fastopen_ack_lost",
        "the handshake's last ACK is lost while the server answers already",
        _server(_answers("ab", answer=20_000)),
        _client(_asks("x", 10), _asks("y", 1000)),
        {**PATH, "drops": {FORWARD: [{"kind": "ack", "nth": list(range(5, 9))}]}},
    ),
    _scenario(
        "fastopen_silent_client",
        "all of the server's SYN-ACKs for data are lost: it gives up once later than for another",
        _server(
            [*_answers("a"), [None, "accept", "l", "b"], [None, "recv", "b", 1000], [None, "recv", "b", 1000]],
            seconds=15,
        ),
        _client(_asks("x", 10), _asks("y", 1000), seconds=15),
        {**PATH, "drops": {BACK: [{"kind": "syn_ack", "nth": list(range(2, 30))}]}},
        {**_BOTH, "h2": {**_BOTH["h2"], "net.ipv4.tcp_synack_retries": 2}},
    ),
    _scenario(
        "fastopen_early_close",
        "the server reads, answers and closes before the handshake is over",
        _server(
            [
                *_answers("a"),
                [None, "accept", "l", "b"],
                [None, "recv", "b", 1000],
                [None, "send", "b", 500],
                [None, "close", "b"],
            ]
        ),
        _client(_asks("x", 10), _asks("y", 1000)),
    ),
    _scenario(
        "fastopen_unread_close",
        "the server closes without reading the SYN's data: a reset before the handshake is over",
        _server([*_answers("a"), [None, "accept", "l", "b"], [None, "close", "b"], *_answers("c")]),
        _client(_asks("x", 10), _asks("y", 1000), _asks("z", 2000)),
    ),
    _scenario(
        "fastopen_no_cookie",
        "TCP_FASTOPEN_NO_COOKIE at both ends: data in the first SYN, without the option",
        _server(_answers("ab"), options=([_TCP, _NO_COOKIE, 1],)),
        _client(
            *_repeated(
                10,
                1000,
                calls=lambda name, at: [
                    [at * _MS, "socket", name],
                    [None, "setsockopt", name, _TCP, _NO_COOKIE, 1],
                    *_asks(name, at)[1:],
                ],
            )
        ),
    ),
    _scenario(
        "fastopen_no_cookie_refused",
        "data in a SYN without a cookie at a server that wants one: the SYN alone is taken",
        _server(_answers("ab")),
        _client(_asks("x", 10), _asks("y", 1000)),
        sysctls={"h1": {**_BOTH["h1"], "net.ipv4.tcp_fastopen": 5}, "h2": _BOTH["h2"]},
    ),
    _scenario(
        "fastopen_blackhole",
        "SYNs with data vanish: after the third timeout no Fast Open is tried for a while",
        _server(_answers("abc")),
        _client(_asks("x", 10), _asks("y", 1000), _asks("z", 9000)),
        dropping("syn", range(2, 5)),
        {**_BOTH, "h1": {**_BOTH["h1"], "net.ipv4.tcp_fastopen_blackhole_timeout_sec": 60}},
    ),
    Scenario(
        "fastopen_requests",
        ("M19", "M25"),
        "the agents' own way: connections of one request each, data in the SYN from the second on",
        (PATH,),
        tuple(
            request_response(
                f"r{number}",
                "h1",
                "h2",
                request=800,
                response=5000,
                count=3,
                port=5001 + number,
                start=f"{number}s",
                sender={"fastopen": True},
                receiver={"fastopen": True},
            )
            for number in range(3)
        ),
        sysctls=_BOTH,
    ),
    Scenario(
        "fastopen_bulk",
        ("M19", "M05"),
        "100 kB behind a SYN with data, slow start from ten segments on",
        (PATH,),
        tuple(
            bulk(
                f"b{number}",
                "h1",
                "h2",
                size=100_000,
                port=5001 + number,
                start=f"{2 * number}s",
                sender={"fastopen": True, "congestion": "reno"},
                receiver={"fastopen": True},
            )
            for number in range(2)
        ),
        sysctls=_BOTH,
    ),
)
