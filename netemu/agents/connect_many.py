"""``connect_many``: ``count`` short connections, each sends ``bytes``, reads until the server closes, and ends.

``concurrency`` 1 works in any mode; more needs mode ``nonblocking`` and keeps that many open at once, through one
epoll. The server is ``sink`` or ``respond`` with ``connections`` 0 or more than one.
"""

from __future__ import annotations

import select
from typing import Any

from netemu.agents import libc, options
from netemu.agents.args import REQUIRED, Arg
from netemu.agents.endpoints import client_socket, totals
from netemu.agents.options import CLIENT, TCP
from netemu.agents.payload import Payload
from netemu.agents.request import spread
from netemu.agents.session import Session
from netemu.agents.stream import Stream, StreamError
from netemu.agents.system import Epoll
from netemu.errors import BadInput

ARGS = (
    *CLIENT,
    *TCP,
    Arg("count", int, REQUIRED, "how many connections", low=1),
    Arg("concurrency", int, 1, "how many at once", low=1, high=4096),
    Arg("bytes", int, 0, "what each sends"),
    Arg("gap_ns", int, 0, "from one connection's start to the next, at least"),
)
_EVENTS_PER_WAIT = 64


def check(args: dict[str, Any], place: str) -> None:
    """Refuse what :data:`ARGS` cannot: see the messages."""
    options.check(args, place)
    if args["concurrency"] > 1 and (args["mode"] != "nonblocking" or args["close"] == "hold"):
        raise BadInput(f"{place}: argument 'concurrency' above 1 needs mode 'nonblocking' and no close 'hold'")


def run(session: Session, args: dict[str, Any]) -> dict[str, Any]:
    """Returns the summary with ``failed`` connections and the time that each successful one took."""
    client_socket(session, args).close()  # what is wrong with the options must show before `ready`
    many = Many(session, args)
    if session.start():
        if args["concurrency"] == 1:
            many.in_turn()
        else:
            many.at_once()
    result = {"error": many.errors[0] if many.errors else None, "failed": len(many.errors)}
    return {**result, "lifetime_ns": spread(many.times), **totals(many.finished)}


class Many:
    """The connections so far."""

    def __init__(self, session: Session, args: dict[str, Any]) -> None:
        self._session, self._args = session, args
        self._monotonic_ns = session.system.monotonic_ns
        self._address = (args["address"], args["port"])
        self._payload = Payload(args["chunk_bytes"])
        self._open: dict[int, tuple[Stream, int]] = {}
        self._started = 0
        self._next_ns = 0
        self.finished: list[dict[str, Any]] = []
        self.errors: list[str] = []
        self.times: list[int] = []

    def in_turn(self) -> None:
        """One connection after the other."""
        while self._session.stop_reason is None and self._started < self._args["count"]:
            if self._next_ns:
                self._session.sleep_until(self._next_ns)
            begin, stream = self._new()
            try:
                done = stream.connect(self._address) and stream.send_all(self._args["bytes"])
            except StreamError as failure:
                done = False
                self.errors.append(str(failure))
            self.finished.append(stream.finish())
            if done:
                self.times.append(self._monotonic_ns() - begin)

    def at_once(self) -> None:
        """Up to ``concurrency`` of them at a time."""
        with self._session.system.epoll(_EVENTS_PER_WAIT) as epoll:
            while self._session.stop_reason is None and (self._open or self._started < self._args["count"]):
                timeout_ms = self._fill(epoll)
                begin = self._monotonic_ns()
                count = epoll.wait(timeout_ms)
                error = libc.errno_name(self._session.system.last_errno()) if count < 0 else None
                self._session.log.add(begin, "epoll_wait", self._monotonic_ns() - begin, error=error)
                for index in range(max(0, count)):
                    self._step(epoll, epoll.ready(index))
        for stream, _ in self._open.values():
            self.finished.append(stream.end())

    def _fill(self, epoll: Epoll) -> int:
        """Start what may start now; how long to wait for events, in ms (-1: until one comes)."""
        while len(self._open) < self._args["concurrency"] and self._started < self._args["count"]:
            if self._next_ns and (wait_ns := self._next_ns - self._session.now()) > 0:
                return -(-wait_ns // 1_000_000)
            begin, stream = self._new()
            stream.multiplexed = True
            try:
                stream.try_connect(self._address)
            except StreamError as failure:
                self._fail(stream, failure)
                continue
            self._open[stream.fd] = (stream, begin)
            epoll.register(stream.fd, select.EPOLLOUT)
        return -1

    def _step(self, epoll: Epoll, fd: int) -> None:
        stream, begin = self._open[fd]
        try:
            if self._advance(epoll, stream):
                return
            self.times.append(self._monotonic_ns() - begin)
            self.finished.append(stream.end())
        except StreamError as failure:
            self._fail(stream, failure)
        del self._open[fd]

    def _advance(self, epoll: Epoll, stream: Stream) -> bool:
        """Connect, send, shut down, read, wait for the end: whatever comes next; False when all is done."""
        if stream.name is None:
            stream.connected(self._address)
        if not stream.shut:
            if stream.sent < self._args["bytes"]:
                stream.send(min(self._args["bytes"] - stream.sent, self._payload.chunk_bytes))
            if stream.sent < self._args["bytes"]:
                return True
            if stream.closing != "wait":
                return False
            stream.shutdown()
            # Edge-triggered: tcp_done() wakes it although the mask does not change.
            epoll.modify(stream.fd, select.EPOLLIN | select.EPOLLHUP | select.EPOLLET)
        while not stream.at_end and stream.recv(self._payload.chunk_bytes):
            pass
        return not (stream.at_end and stream.is_closed())

    def _new(self) -> tuple[int, Stream]:
        begin = self._monotonic_ns()
        self._started += 1
        if self._args["gap_ns"]:
            self._next_ns = begin - self._session.t0_ns + self._args["gap_ns"]
        return begin, Stream(self._session, client_socket(self._session, self._args), self._args, self._payload)

    def _fail(self, stream: Stream, failure: StreamError) -> None:
        self.errors.append(str(failure))
        self.finished.append(stream.end())
