"""``calls``: a script of system calls as data, one after the other, each logged with its result.

``script`` holds items ``[at_ns, call, arguments...]``: the call is made at ``at_ns`` of the run's time, or with null as
soon as the one before has returned. Sockets and epoll instances are called by names of the script's own. A call that
fails is logged with its errno, and the script goes on; only the stop ends it early. What is open at the end is closed
by close() in the order in which it was opened, unless ``hold`` keeps it to the stop.

The calls, ``fd`` being a name::

    socket fd [kind]                        "tcp" (default) or "udp", of the agent's family
    bind fd address port                    address "" for any
    listen fd backlog
    connect fd address port
    accept fd new_fd
    send fd bytes [flag...]                 flags by their names in Python's socket module; SIGPIPE is not raised
    sendto fd bytes address port [flag...]  for "MSG_FASTOPEN"
    recv fd bytes [flag...]
    shutdown fd how                         "SHUT_RD", "SHUT_WR" or "SHUT_RDWR"
    setsockopt fd level option value        an integer; [a, b] for a struct of two ints (SO_LINGER); "1500ms"-like
                                            text for a struct timeval; other text for bytes (TCP_CONGESTION)
    getsockopt fd level option
    nonblocking fd true|false
    wait fd events timeout_ms               epoll_wait for "EPOLLIN" ... joined by "|"; -1: without end
    close fd
"""

from __future__ import annotations

import select
import socket
import struct
from collections.abc import Callable, Sequence
from typing import Any

from netemu.agents import libc, options
from netemu.agents.args import REQUIRED, Arg
from netemu.agents.payload import Payload
from netemu.agents.session import Session
from netemu.agents.system import Socket
from netemu.errors import BadInput
from netemu.units import parse_time_ns

_FORMS: dict[str, tuple[tuple[type, ...], ...]] = {
    "socket": ((str,),),
    "bind": ((str,), (str,), (int,)),
    "listen": ((str,), (int,)),
    "connect": ((str,), (str,), (int,)),
    "accept": ((str,), (str,)),
    "send": ((str,), (int,)),
    "sendto": ((str,), (int,), (str,), (int,)),
    "recv": ((str,), (int,)),
    "shutdown": ((str,), (str,)),
    "setsockopt": ((str,), (str, int), (str, int), (str, int, list)),
    "getsockopt": ((str,), (str, int), (str, int)),
    "nonblocking": ((str,), (bool,)),
    "wait": ((str,), (str,), (int,)),
    "close": ((str,),),
}
"""What each call must be given; ``socket`` and :data:`_MOVING` take more, which are texts."""

_MOVING = ("send", "sendto", "recv")
"""Calls that move bytes, and take flags."""

_KINDS = {"tcp": socket.SOCK_STREAM, "udp": socket.SOCK_DGRAM}


def _check_script(script: list[Any]) -> str | None:
    made: set[str] = set()
    for number, item in enumerate(script):
        complaint = _check_item(item, made)
        if complaint:
            return f"{complaint}: item {number} {item!r}"
        if item[1] in ("socket", "accept"):
            made.add(item[3 if item[1] == "accept" else 2])
    return None


def _check_item(item: Any, made: set[str]) -> str | None:
    """What is wrong with one item of a script, after calls that have ``made`` sockets of these names."""
    if not isinstance(item, list) or len(item) < 3 or item[1] not in _FORMS:
        return f"must hold items [at_ns or null, call, arguments...] with a call of {', '.join(_FORMS)}"
    at_ns, call, *given = item
    forms, more = _FORMS[call], given[len(_FORMS[call]) :]
    if at_ns is not None and (type(at_ns) is not int or at_ns < 0):
        return "must give a time in ns from 0 on, or null"
    if len(given) < len(forms) or (more and call not in ("socket", *_MOVING)):
        return f"must give {call} {len(forms)} arguments"
    if not all(type(one) in form for one, form in zip(given, forms, strict=False)):
        return "has an argument of another type"
    if call != "socket" and given[0] not in made:
        return f"names {given[0]!r}, which no call before has made"
    return _names_unknown(call, given, more)


def _names_unknown(call: str, given: Sequence[Any], more: Sequence[Any]) -> str | None:
    """What in a call's arguments no constant of Python's is called."""
    constants = [*more] if call in _MOVING else []
    if call == "socket" and not (not more or (len(more) == 1 and more[0] in _KINDS)):
        return f"must say {' or '.join(map(repr, _KINDS))}"
    if call == "shutdown":
        constants.append(given[1])
    if call in ("setsockopt", "getsockopt"):
        constants += [one for one in given[1:3] if isinstance(one, str)]
    unknown = [one for one in constants if not isinstance(getattr(socket, str(one), None), int)]
    if call == "wait":
        unknown = [one for one in given[1].split("|") if not isinstance(getattr(select, one, None), int)]
    if call == "setsockopt" and isinstance(given[3], list) and [type(one) for one in given[3]] != [int, int]:
        return "must give two integers for a struct"
    return f"names {unknown[0]!r}, which is no constant of Python's socket or select module" if unknown else None


ARGS = (
    Arg("family", int, 4, "4 or 6", choices=(4, 6)),
    Arg("script", list, REQUIRED, "items [at_ns or null, call, arguments...]", check=_check_script),
    Arg("hold", bool, False, "keep what is open to the stop"),
    Arg("chunk_bytes", int, 262_144, "the most bytes of one send() or recv()", low=1, high=1 << 26),
)


def check(args: dict[str, Any], place: str) -> None:
    """Refuse addresses of another family and transfers longer than ``chunk_bytes``."""
    family = socket.AF_INET6 if args["family"] == 6 else socket.AF_INET
    for _, call, *given in args["script"]:
        where = f"{place}: argument 'script': {[call, *given]}"
        if call in ("bind", "connect") and given[1] and options.check_address(given[1], where) != family:
            raise BadInput(f"{where}: not an address of family {args['family']}")
        if call == "sendto" and options.check_address(given[2], where) != family:
            raise BadInput(f"{where}: not an address of family {args['family']}")
        if call in _MOVING and not 0 <= given[1] <= args["chunk_bytes"]:
            raise BadInput(f"{where}: {given[1]} is not from 0 to chunk_bytes {args['chunk_bytes']}")


def run(session: Session, args: dict[str, Any]) -> dict[str, Any]:
    """Returns the summary; ``results`` are what each call of the script gave: a number, or the name of an errno."""
    script = _Script(session, args)
    if session.start():
        script.run(args["script"])
        if args["hold"]:
            session.wait_for_stop()
    return {"error": None, "results": script.results, **script.close()}


class _Script:
    """Open sockets by name, and the bytes each has sent and received."""

    def __init__(self, session: Session, args: dict[str, Any]) -> None:
        self._session, self._system = session, session.system
        self._family = socket.AF_INET6 if args["family"] == 6 else socket.AF_INET
        self._payload = Payload(args["chunk_bytes"])
        self._sockets: dict[str, Socket] = {}
        self._sent: dict[str, int] = {}
        self._received: dict[str, int] = {}
        self.results: list[int | str] = []

    def run(self, script: list[list[Any]]) -> None:
        """Make the calls until the script ends or the agent must stop."""
        for at_ns, call, *given in script:
            if self._session.stop_reason is not None or (at_ns is not None and not self._session.sleep_until(at_ns)):
                return
            self._make(call, given)

    def close(self) -> dict[str, Any]:
        """Close what is open; the sums of bytes."""
        for name in list(self._sockets):
            self._make("close", [name])
        return {"sent_bytes": sum(self._sent.values()), "received_bytes": sum(self._received.values())}

    def _make(self, call: str, given: list[Any]) -> None:
        """One call, logged; of a socket that an earlier call could not make it is EBADF, as the kernel would say."""
        begin = self._system.monotonic_ns()
        detail: Any = None
        asked = given[1] if call in _MOVING else None
        if call != "socket" and given[0] not in self._sockets:
            result: int | str = "EBADF"
        else:
            function: Callable[..., Any] = getattr(self, f"_{call}")
            try:
                result = function(*given)
            except OSError as error:
                result = libc.errno_name(error.errno or 0)
        if isinstance(result, bytes):
            result, detail = len(result), result.hex()
        error_name = result if isinstance(result, str) else None
        self.results.append(result)
        self._session.log.add(
            begin,
            call,
            self._system.monotonic_ns() - begin,
            given[0],
            asked=asked,
            done=result if asked is not None and isinstance(result, int) else None,
            error=error_name,
            detail={"arguments": given[1:], "result": result if detail is None else detail},
        )

    def _result(self, done: int) -> int | str:
        return done if done >= 0 else libc.errno_name(self._system.last_errno())

    def _socket(self, name: str, kind: str = "tcp") -> int:
        self._sockets[name] = self._system.socket(self._family, _KINDS[kind])
        return 0

    def _bind(self, name: str, address: str, port: int) -> int:
        self._sockets[name].bind((address or ("::" if self._family == socket.AF_INET6 else "0.0.0.0"), port))
        return 0

    def _listen(self, name: str, backlog: int) -> int:
        self._sockets[name].listen(backlog)
        return 0

    def _connect(self, name: str, address: str, port: int) -> int | str:
        sockaddr = self._system.sockaddr(self._family, (address, port))
        return self._result(self._system.connect(self._sockets[name].fileno(), sockaddr))

    def _accept(self, name: str, new: str) -> int | str:
        fd, _ = self._system.accept(self._sockets[name].fileno(), self._family)
        if fd < 0:
            return self._result(fd)
        self._sockets[new] = self._system.adopt(fd)
        return 0

    def _send(self, name: str, count: int, *flags: str) -> int | str:
        return self._sent_to(name, count, flags, self._system.send)

    def _sendto(self, name: str, count: int, address: str, port: int, *flags: str) -> int | str:
        sockaddr = self._system.sockaddr(self._family, (address, port))
        return self._sent_to(name, count, flags, self._system.sendto, sockaddr)

    def _sent_to(self, name: str, count: int, flags: Sequence[str], call: Callable[..., int], *to: Any) -> int | str:
        address = self._payload.address(self._sent.get(name, 0))
        bits = _bits(socket, flags) | socket.MSG_NOSIGNAL
        done = call(self._sockets[name].fileno(), address, count, bits, *to)
        self._sent[name] = self._sent.get(name, 0) + max(done, 0)
        return self._result(done)

    def _recv(self, name: str, count: int, *flags: str) -> int | str:
        bits = _bits(socket, flags)
        done = self._system.recv(self._sockets[name].fileno(), self._payload.receive_address, count, bits)
        if not bits & socket.MSG_PEEK:
            self._received[name] = self._received.get(name, 0) + max(done, 0)
        return self._result(done)

    def _shutdown(self, name: str, how: str) -> int:
        self._sockets[name].shutdown(getattr(socket, how))
        return 0

    def _setsockopt(self, name: str, level: str | int, option: str | int, value: int | str | list[int]) -> int:
        self._sockets[name].setsockopt(_constant(level), _constant(option), _packed(value))
        return 0

    def _getsockopt(self, name: str, level: str | int, option: str | int) -> int:
        return self._sockets[name].getsockopt(_constant(level), _constant(option))

    def _nonblocking(self, name: str, on: bool) -> int:
        self._sockets[name].setblocking(not on)
        return 0

    def _wait(self, name: str, events: str, timeout_ms: int) -> int | str:
        with self._system.epoll(1) as epoll:
            epoll.register(self._sockets[name].fileno(), _bits(select, events.split("|")))
            return self._result(epoll.wait(timeout_ms))

    def _close(self, name: str) -> int:
        self._sockets.pop(name).close()
        return 0


def _bits(module: Any, names: Sequence[str]) -> int:
    bits = 0
    for name in names:
        bits |= int(getattr(module, name))
    return bits


def _constant(name: str | int) -> int:
    return name if isinstance(name, int) else int(getattr(socket, name))


def _packed(value: int | str | list[int]) -> int | bytes:
    """What the kernel takes for a value of the script."""
    if isinstance(value, list):
        return struct.pack("ii", *value)
    if isinstance(value, str) and value[:1].isdigit():
        seconds, rest = divmod(parse_time_ns(value, "a time in a script") // 1000, 1_000_000)
        return struct.pack("ll", seconds, rest)
    return value.encode() if isinstance(value, str) else value
