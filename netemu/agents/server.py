"""Serving connections: one after the other, or all at once with one epoll; what is done with each is the handler's."""

from __future__ import annotations

import errno
import select
from collections.abc import Callable
from typing import Any, Protocol

from netemu.agents import libc
from netemu.agents.args import Arg
from netemu.agents.endpoints import listening_socket, totals
from netemu.agents.payload import Payload
from netemu.agents.session import Session
from netemu.agents.stream import Stream, StreamError
from netemu.agents.system import Epoll

CONNECTIONS = Arg("connections", int, 1, "how many to serve; 0: until the stop")
_EVENTS_PER_WAIT = 64


class Handler(Protocol):
    """What a server does with one connection."""

    def serve(self, stream: Stream) -> bool:
        """One step, when there may be something to read; False when the connection is to be ended."""


def serves_at_once(args: dict[str, Any]) -> bool:
    """Whether connections are served at once: mode ``nonblocking`` and not exactly one connection."""
    return bool(args["mode"] == "nonblocking" and args["connections"] != 1)


def serve(session: Session, args: dict[str, Any], make_handler: Callable[[], Handler]) -> dict[str, Any]:
    """Listen, say ``ready``, serve until ``connections`` have ended or the agent must stop; the summary."""
    server = Server(session, args, make_handler)
    if session.start():
        if serves_at_once(args):
            server.at_once()
        else:
            server.in_turn()
    server.listener.close()
    return {"error": server.errors[0] if server.errors else None, **totals(server.finished)}


class Server:
    """A listening socket and what became of its connections."""

    def __init__(self, session: Session, args: dict[str, Any], make_handler: Callable[[], Handler]) -> None:
        self._session, self._args, self._make_handler = session, args, make_handler
        self._payload = Payload(args["chunk_bytes"])
        self._wanted: int = args["connections"]
        self._streams: dict[int, tuple[Stream, Handler]] = {}
        self.listener = listening_socket(session, args)
        self.finished: list[dict[str, Any]] = []
        self.errors: list[str] = []

    def in_turn(self) -> None:
        """Accept a connection, serve it to its end, accept the next."""
        session = self._session
        if self._args["mode"] == "nonblocking":
            self.listener.setblocking(False)
        while session.stop_reason is None and not self._enough():
            stream = self._accept()
            if stream is not None:
                try:
                    handler = self._make_handler()
                    while handler.serve(stream):
                        pass
                except StreamError as failure:
                    self.errors.append(str(failure))
                self.finished.append(stream.finish())
            elif self._args["mode"] == "nonblocking":
                with session.system.epoll(1) as epoll:
                    epoll.register(self.listener.fileno(), select.EPOLLIN)
                    self._wait(epoll)

    def at_once(self) -> None:
        """Serve every connection as soon as it has something to read."""
        self.listener.setblocking(False)
        with self._session.system.epoll(_EVENTS_PER_WAIT) as epoll:
            epoll.register(self.listener.fileno(), select.EPOLLIN)
            while self._session.stop_reason is None and not self._enough():
                for index in range(max(0, self._wait(epoll))):
                    fd = epoll.ready(index)
                    if fd == self.listener.fileno():
                        self._take(epoll)
                    elif fd in self._streams:
                        self._step(epoll, fd)
        for stream, _ in self._streams.values():
            self.finished.append(stream.end())

    def _enough(self) -> bool:
        return self._wanted > 0 and len(self.finished) >= self._wanted

    def _take(self, epoll: Epoll) -> None:
        stream = self._accept()
        if stream is not None:
            stream.multiplexed = True
            self._streams[stream.fd] = (stream, self._make_handler())
            epoll.register(stream.fd, select.EPOLLIN)

    def _step(self, epoll: Epoll, fd: int) -> None:
        stream, handler = self._streams[fd]
        try:
            if not stream.shut:
                if handler.serve(stream):
                    return
                if stream.closing == "wait":
                    stream.shutdown()
                    # Reported once now and again when tcp_done() wakes the socket: see Stream._close_both_ways.
                    epoll.modify(fd, select.EPOLLIN | select.EPOLLHUP | select.EPOLLET)
            if stream.closing == "hold":
                epoll.unregister(fd)
                return
            if stream.shut:
                while not stream.at_end and stream.recv(self._payload.chunk_bytes):
                    pass
                if not stream.is_closed():
                    return
        except StreamError as failure:
            self.errors.append(str(failure))
        del self._streams[fd]
        epoll.unregister(fd)
        self.finished.append(stream.end())

    def _accept(self) -> Stream | None:
        """The next connection; None when there is none now or the agent must stop."""
        session, system = self._session, self._session.system
        begin = system.monotonic_ns()
        fd, peer = system.accept(self.listener.fileno(), self.listener.family)
        end = system.monotonic_ns()
        if fd >= 0:
            stream = Stream(session, system.adopt(fd), self._args, self._payload)
            stream.name_ends(peer)
            session.log.add(begin, "accept", end - begin, stream.name)
            return stream
        code = system.last_errno()
        session.log.add(begin, "accept", end - begin, error=libc.errno_name(code))
        if code not in (errno.EINTR, errno.EAGAIN, errno.ECONNABORTED):
            raise StreamError("accept", None, code)
        return None

    def _wait(self, epoll: Epoll) -> int:
        system = self._session.system
        begin = system.monotonic_ns()
        count = epoll.wait()
        error = libc.errno_name(system.last_errno()) if count < 0 else None
        self._session.log.add(begin, "epoll_wait", system.monotonic_ns() - begin, error=error)
        return count
