"""A script of system calls, made on a real kernel, and refused where it is wrong."""

from __future__ import annotations

import socket
from typing import Any

import pytest

from netemu.agents.programs import check_args
from netemu.errors import BadInput
from tests.agents.harness import MS, Bench, Namespace, go

LISTEN = [
    [0, "socket", "l"],
    [None, "setsockopt", "l", "SOL_SOCKET", "SO_REUSEADDR", 1],
    [None, "bind", "l", "", 5001],
    [None, "listen", "l", 4],
]


def checked(*script: list[Any], **more: Any) -> dict[str, Any]:
    return check_args("calls", {"script": list(script), **more}, "here")


@pytest.mark.lab
def test_each_call_gives_what_the_kernel_gave(bench: Bench, cage: Namespace) -> None:
    server = bench.agent(
        "calls",
        cage,
        script=[
            *LISTEN,
            [None, "accept", "l", "c"],
            [None, "recv", "c", 40, "MSG_PEEK"],
            [None, "recv", "c", 100, "MSG_WAITALL"],
            [None, "recv", "c", 10, "MSG_DONTWAIT"],
            [None, "setsockopt", "c", "SOL_SOCKET", "SO_RCVTIMEO", "20ms"],
            [None, "recv", "c", 10],
            [None, "getsockopt", "c", "SOL_SOCKET", "SO_RCVLOWAT"],
            [None, "shutdown", "c", "SHUT_WR"],
            [None, "send", "c", 10],
            [None, "close", "c"],
            [None, "recv", "c", 1],
        ],
    )
    client = bench.agent(
        "calls",
        cage,
        script=[
            [100 * MS, "socket", "s"],
            [None, "connect", "s", "127.0.0.1", 5001],
            [None, "send", "s", 50, "MSG_MORE"],
            [None, "send", "s", 50],
            [None, "wait", "s", "EPOLLIN|EPOLLRDHUP", 5000],
            [None, "recv", "s", 10],
            [None, "connect", "s", "127.0.0.1", 5001],
        ],
    )
    go(server, client)
    assert client.result()["results"] == [0, 0, 50, 50, 1, 0, "EISCONN", 0]
    summary = server.result()
    got = summary["results"][len(LISTEN) :]
    assert got[0] == 0
    assert 0 < got[1] <= 40
    assert got[2:] == [100, "EAGAIN", 0, "EAGAIN", 1, 0, "EPIPE", 0, "EBADF", 0]
    assert summary["received_bytes"] == 100
    log = bench.log(server)
    times = [line["t_ns"] for line in bench.log(client)]
    assert times[0] >= 100 * MS
    assert [line["call"] for line in log[:5]] == ["socket", "setsockopt", "bind", "listen", "accept"]
    timed_out = log[9]
    assert (timed_out["call"], timed_out["errno"], timed_out["asked_bytes"]) == ("recv", "EAGAIN", 10)
    assert timed_out["blocked_ns"] >= 20 * MS
    assert timed_out["detail"]["arguments"] == [10]


@pytest.mark.lab
def test_datagrams_and_structs_and_what_stays_open(bench: Bench, cage: Namespace) -> None:
    receiver = bench.agent(
        "calls",
        cage,
        script=[[0, "socket", "u", "udp"], [None, "bind", "u", "127.0.0.1", 6000], [None, "recv", "u", 2000]],
    )
    sender = bench.agent(
        "calls",
        cage,
        script=[
            [100 * MS, "socket", "u", "udp"],
            [None, "connect", "u", "127.0.0.1", 6000],
            [None, "send", "u", 700],
            [None, "socket", "t"],
            [None, "setsockopt", "t", "SOL_SOCKET", "SO_LINGER", [1, 0]],
            [None, "setsockopt", "t", "IPPROTO_TCP", "TCP_CONGESTION", "reno"],
            [None, "nonblocking", "t", True],
            [None, "connect", "t", "127.0.0.1", 6001],
            [None, "bind", "t", "127.0.0.1", 6000],
        ],
        hold=True,
        stop_ns=400 * MS,
    )
    go(receiver, sender)
    assert receiver.result()["results"] == [0, 0, 700, 0]
    summary = sender.result()
    assert summary["results"][:7] == [0, 0, 700, 0, 0, 0, 0]
    assert summary["results"][7] in ("EINPROGRESS", "ECONNREFUSED")
    assert summary["duration_ns"] >= 390 * MS


@pytest.mark.parametrize(
    ("item", "message"),
    [
        ([0, "fork", "s"], "with a call of socket, bind"),
        ([-1, "socket", "s"], "a time in ns from 0 on"),
        ([True, "socket", "s"], "a time in ns from 0 on"),
        ([0, "socket", "s", "raw"], "must say 'tcp' or 'udp'"),
        ([0, "listen", "s"], "must give listen 2 arguments"),
        ([0, "close", "s", 1], "must give close 1 arguments"),
        ([0, "listen", "s", "many"], "an argument of another type"),
        ([0, "listen", "s", True], "an argument of another type"),
        ([0, "listen", "t", 1], "names 't', which no call before has made"),
        ([0, "send", "s", 10, "MSG_NOW"], "'MSG_NOW', which is no constant"),
        ([0, "shutdown", "s", "SHUT_UP"], "'SHUT_UP', which is no constant"),
        ([0, "setsockopt", "s", "SOL_SOCKET", "SO_WHAT", 1], "'SO_WHAT', which is no constant"),
        ([0, "setsockopt", "s", 1, 2, [1, 2, 3]], "two integers for a struct"),
        ([0, "wait", "s", "EPOLLIN|EPOLLX", 1], "'EPOLLX', which is no constant"),
        ("socket", "must hold items"),
    ],
)
def test_what_is_wrong_in_a_script_is_named(item: Any, message: str) -> None:
    with pytest.raises(BadInput, match="argument 'script'") as caught:
        checked([0, "socket", "s"], item)
    assert message in str(caught.value)
    assert "item 1" in str(caught.value)


def test_addresses_and_lengths_must_fit_the_agent() -> None:
    with pytest.raises(BadInput, match="not an address of family 4"):
        checked([0, "socket", "s"], [0, "connect", "s", "fd00::1", 1])
    with pytest.raises(BadInput, match="'nowhere' is no IPv4 or IPv6 address"):
        checked([0, "socket", "s"], [0, "connect", "s", "nowhere", 1])
    with pytest.raises(BadInput, match="11 is not from 0 to chunk_bytes 10"):
        checked([0, "socket", "s"], [0, "send", "s", 11], chunk_bytes=10)
    assert checked([0, "socket", "s"], [0, "connect", "s", "fd00::1", 1], family=6)["family"] == 6
    assert socket.MSG_PEEK
