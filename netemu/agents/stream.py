"""One TCP connection of an agent: its calls in any of the three modes, each logged, its bytes counted and checked."""

from __future__ import annotations

import errno
import select
import socket
from sys import byteorder
from typing import Any

from netemu.agents import libc
from netemu.agents.options import linger_zero, set_option
from netemu.agents.payload import Payload
from netemu.agents.session import Session
from netemu.agents.system import Epoll, Socket
from netemu.agents.tcp_info import TCP_CLOSE, read_tcp_info, read_tcp_state

_SO_COOKIE = 57
_RETRY = (errno.EINTR, errno.EAGAIN, errno.EINPROGRESS, errno.EALREADY)


class StreamError(Exception):
    """A call failed with something other than "not now": the connection is over. ``text`` names call and errno."""

    def __init__(self, call: str, connection: str | None, code: int) -> None:
        super().__init__(f"{call}{' ' + connection if connection else ''}: {libc.errno_name(code)}")


class Stream:
    """A TCP socket with the session's log; ``sent`` and ``received`` count bytes of the stream since its start.

    ``returned_ns`` is the monotonic time when the last call returned. A ``multiplexed`` stream never waits for
    itself: its owner waits for many.
    """

    def __init__(self, session: Session, sock: Socket, args: dict[str, Any], payload: Payload) -> None:
        self.session, self.sock, self.payload = session, sock, payload
        self.fd = sock.fileno()
        self.mode: str = args["mode"]
        self.closing: str = args["close"]
        self.cork: bool = args["cork"]
        self.name: str | None = None
        self.sent = self.received = self.mismatch_bytes = 0
        self.at_end = self.shut = False
        self.multiplexed = False
        self.returned_ns = 0
        self._epoll: Epoll | None = None
        sock.setblocking(self.mode != "nonblocking")
        self._log = session.log
        self._system = system = session.system
        self._monotonic_ns = system.monotonic_ns
        self._send, self._recv = system.send, system.recv

    def connect(self, address: tuple[Any, ...]) -> bool:
        """Connect; False when the agent must stop first. Raises :class:`StreamError`."""
        while self.session.stop_reason is None:
            if self.try_connect(address):
                return True
            if self.mode == "nonblocking" and self.wait(select.EPOLLOUT):
                return self.connected(address)
        return False

    def try_connect(self, address: tuple[Any, ...]) -> bool:
        """One connect(); False for "not yet"."""
        sockaddr = self._system.sockaddr(self.sock.family, address)
        code = self._call("connect", None, self._system.connect, self.fd, sockaddr)[1]
        if code in (0, errno.EISCONN):
            self.name_ends(address)
            return True
        if code in _RETRY:
            return False
        raise StreamError("connect", _show(address), code)

    def connected(self, address: tuple[Any, ...]) -> bool:
        """True after a non-blocking connect() became writable; StreamError with what SO_ERROR holds."""
        begin = self._monotonic_ns()
        code = self.sock.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
        self._note("getsockopt SO_ERROR", code, begin)
        if code:
            raise StreamError("connect", _show(address), code)
        self.name_ends(address)
        return True

    def name_ends(self, peer: tuple[Any, ...]) -> None:
        """Learn ``local>remote`` for the log. The peer is passed in: after its reset the kernel does not tell."""
        self.name = f"{_show(self.sock.getsockname())}>{_show(peer)}"

    def send(self, count: int, flags: int = 0) -> int:
        """One send() of up to ``count`` bytes: bytes done, 0 for "not now". Raises :class:`StreamError`."""
        done, code = self._call(
            "send", count, self._send, self.fd, self.payload.address(self.sent), count, flags | socket.MSG_NOSIGNAL
        )
        if done >= 0:
            self.sent += done
            return done
        self._retry_or_raise("send", code, select.EPOLLOUT)
        return 0

    def send_all(self, count: int, flags: int = 0) -> bool:
        """Send ``count`` bytes in as many calls as it takes; False when the agent must stop first."""
        chunk = self.payload.chunk_bytes
        while count and self.session.stop_reason is None:
            count -= self.send(min(count, chunk), flags)
        return count == 0

    def recv(self, count: int, flags: int = 0) -> int:
        """One recv() of up to ``count`` bytes, checked: bytes done, 0 for "not now" or ``at_end``."""
        done, code = self._call("recv", count, self._recv, self.fd, self.payload.receive_address, count, flags)
        if done > 0:
            self.mismatch_bytes += self.payload.mismatches(self.received, done)
            self.received += done
        elif done == 0:
            self.at_end = True
        else:
            self._retry_or_raise("recv", code, select.EPOLLIN)
        return max(done, 0)

    def recv_all(self, count: int) -> bool:
        """Receive ``count`` bytes; False when the stream ends or the agent must stop first."""
        chunk = self.payload.chunk_bytes
        while count and self.session.stop_reason is None and not self.at_end:
            count -= self.recv(min(count, chunk))
        return count == 0

    def wait(self, events: int) -> bool:
        """Block in epoll_wait() until one of ``events``; False on a signal."""
        epoll = self._epoll
        if epoll is None:
            epoll = self._epoll = self._system.epoll(1)
            epoll.register(self.fd, events)
        else:
            epoll.modify(self.fd, events)
        return self._epoll_wait(epoll) > 0

    def shutdown(self) -> None:
        """Send FIN after what is queued; a socket that is not connected any more is logged and left."""
        if self.cork:
            set_option(self.session, self.sock, "cork", (socket.IPPROTO_TCP, socket.TCP_CORK), 0)
        begin, code = self._monotonic_ns(), 0
        try:
            self.sock.shutdown(socket.SHUT_WR)
        except OSError as error:
            code = error.errno or 0
        self.shut = True
        self._note("shutdown", code, begin)

    def finish(self) -> dict[str, Any]:
        """End the connection as ``closing`` says, log TCP_INFO, close; the connection's part of the summary."""
        try:
            if self.name is not None and self.closing == "wait":
                self._close_both_ways()
            elif self.name is not None and self.closing == "hold":
                self.session.wait_for_stop()
        except StreamError:
            self.at_end = True  # logged where it happened; the connection is over, which is what was wanted
        return self.end()

    def end(self) -> dict[str, Any]:
        """Log TCP_INFO and close; the connection's part of the summary."""
        begin = self._monotonic_ns()
        info = read_tcp_info(self.sock, self._system.linux_version())
        info["cookie"] = int.from_bytes(self.sock.getsockopt(socket.SOL_SOCKET, _SO_COOKIE, 8), byteorder)
        self._log.add(begin, "getsockopt TCP_INFO", self._monotonic_ns() - begin, self.name, detail=info)
        if self.closing == "abort":
            linger_zero(self.session, self.sock)
        if self._epoll is not None:
            self._epoll.close()
        begin = self._monotonic_ns()
        self.sock.close()
        self._note("close", 0, begin)
        return {
            "connection": self.name,
            "sent_bytes": self.sent,
            "received_bytes": self.received,
            "mismatch_bytes": self.mismatch_bytes,
            "tcp_info": info,
        }

    def is_closed(self) -> bool:
        """Whether the kernel is done with the connection: both FINs acknowledged, or reset."""
        return read_tcp_state(self.sock) == TCP_CLOSE

    def _close_both_ways(self) -> None:
        """FIN both ways and wait until the last is acknowledged, so that TCP_INFO holds every retransmission."""
        self.shutdown()
        while not self.at_end and self.session.stop_reason is None:
            self.recv(self.payload.chunk_bytes)
        # The state change to CLOSE wakes an edge-triggered wait although the mask stays the same (tcp_done()).
        with self._system.epoll(1) as epoll:
            epoll.register(self.fd, select.EPOLLHUP | select.EPOLLET)
            while self.session.stop_reason is None and not self.is_closed():
                self._epoll_wait(epoll)

    def _epoll_wait(self, epoll: Epoll) -> int:
        return self._call("epoll_wait", None, epoll.wait)[0]

    def _retry_or_raise(self, call: str, code: int, events: int) -> None:
        if code not in (errno.EINTR, errno.EAGAIN):
            raise StreamError(call, self.name, code)
        if self.mode == "nonblocking" and code == errno.EAGAIN and not self.multiplexed:
            self.wait(events)

    def _call(self, name: str, asked: int | None, function: Any, *args: Any) -> tuple[int, int]:
        begin = self._monotonic_ns()
        done = function(*args)
        self.returned_ns = end = self._monotonic_ns()
        code = self._system.last_errno() if done < 0 else 0
        error = libc.errno_name(code) if code else None
        did = done if asked is not None and done >= 0 else None
        self._log.add(begin, name, end - begin, self.name, asked=asked, done=did, error=error)
        return done, code

    def _note(self, call: str, code: int, begin_ns: int) -> None:
        error = libc.errno_name(code) if code else None
        self._log.add(begin_ns, call, self._monotonic_ns() - begin_ns, self.name, error=error)


def _show(name: tuple[Any, ...]) -> str:
    return f"[{name[0]}]:{name[1]}" if ":" in name[0] else f"{name[0]}:{name[1]}"
