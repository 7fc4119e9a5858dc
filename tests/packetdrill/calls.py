"""System calls of scripts on the host: their arguments, and what of their results a script can check."""

from __future__ import annotations

import fcntl
import os
import socket
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from netemu.stack.uaccess import Unmapped
from tests.packetdrill.arguments import control, memory, option_value, room, size, vector_bytes
from tests.packetdrill.flow import CONNECTING, LISTENING, NEW, Flow
from tests.packetdrill.machine import Entered, Machine
from tests.packetdrill.settings import Settings
from tests.packetdrill.symbols import number
from tests.packetdrill.syntax import Call, Dots, Expression, Items, Struct, Text
from tests.packetdrill.verdict import NotApplicable, ScriptError

AF_INET, AF_INET6, AF_UNSPEC = 2, 10, 0

_ARGUMENTS = {
    "socket": (3, 3), "bind": (3, 3), "listen": (2, 2), "accept": (3, 3), "accept4": (4, 4), "connect": (3, 3),
    "close": (1, 1), "shutdown": (2, 2), "write": (3, 3), "send": (4, 4), "sendto": (6, 6), "writev": (3, 3),
    "sendmsg": (3, 3), "read": (3, 3), "recv": (4, 4), "recvfrom": (6, 6), "readv": (3, 3), "recvmsg": (3, 3),
    "setsockopt": (5, 5), "getsockopt": (5, 5), "fcntl": (2, 3), "ioctl": (2, 3), "poll": (3, 3),
    "epoll_create": (1, 1), "epoll_create1": (1, 1), "epoll_ctl": (4, 4), "epoll_wait": (4, 4),
}  # fmt: skip
"""The calls that there are, and how many arguments each has."""

Check = Callable[[Any], "str | None"]
"""Given a call's value: what it got beyond its result that the script did not expect; None: nothing."""


@dataclass
class Started:
    """A call of the script that was entered. ``entered`` None: it was answered here, with ``value`` or ``errno``."""

    call: Call
    line: int
    entered: Entered | None
    value: Any = None
    errno: int = 0
    check: Check = lambda _: None
    number_of: Callable[[Any], int] = lambda value: 0 if value is None else int(value)
    finish: Callable[[Any], None] = lambda _: None

    @property
    def over(self) -> bool:
        """Whether it has returned."""
        return self.entered is None or self.entered.over

    def outcome(self) -> tuple[int, int]:
        """(result, errno): what the call returned."""
        value, code = self.value, self.errno
        if self.entered is not None and self.entered.result is not None:
            value, code = self.entered.result.value, self.entered.result.errno
        return (-1, code) if code else (self.number_of(value), 0)

    def returned(self) -> Any:
        """The host's value."""
        if self.entered is not None and self.entered.result is not None:
            return self.entered.result.value
        return self.value


class Calls:
    """``flows``: sockets of the script in the order of their making; ``under_test``: whose packets the script shows."""

    def __init__(self, machine: Machine, settings: Settings) -> None:
        self.machine, self.settings = machine, settings
        self.flows: list[Flow] = []
        self.under_test: Flow | None = None
        self._fds: dict[int, int] = {}
        self._file_flags: dict[int, int] = {}

    def start(self, call: Call, line: int) -> Started:
        """Enter ``call``.

        :raises NotApplicable: it is not known here.
        :raises ScriptError: it names a descriptor that the script has not.
        """
        least, most = _ARGUMENTS.get(call.name, (0, -1))
        if most < 0:
            raise NotApplicable(f"{call.name}()")
        if not least <= len(call.args) <= most:
            raise ScriptError(line, f"{call.name}() has {len(call.args)} arguments")
        started: Started = getattr(self, f"_{call.name}")(call, line, call.args)
        return started

    # ---- helpers

    def _enter(self, call: Call, line: int, name: str, *args: Any, **more: Any) -> Started:
        return Started(call, line, self.machine.enter(name, *args), **more)

    def _live(self, expression: Expression, line: int) -> int:
        fd = number(expression)
        if fd not in self._fds:
            raise ScriptError(line, f"the script has no descriptor {fd}")
        return self._fds[fd]

    def flow_of(self, fd: int) -> Flow | None:
        """The script's socket ``fd``."""
        return next((flow for flow in reversed(self.flows) if flow.fd == fd), None)

    def _install(self, call: Call, live_fd: int) -> None:
        self._fds[number(call.result)] = live_fd

    # ---- making and closing

    def _socket(self, call: Call, line: int, args: tuple[Expression, ...]) -> Started:
        own = AF_INET6 if self.settings.family_ipv6 else AF_INET
        family = own if isinstance(args[0], Dots) else number(args[0])
        kind, protocol = number(args[1]), number(args[2])
        if protocol in (1, 17, 58, 255) or kind & 0xF != 1:
            raise NotApplicable(f"sockets of type {kind & 0xF}, protocol {protocol}")

        def made(live_fd: int) -> None:
            self._install(call, live_fd)
            self.under_test = Flow(fd=number(call.result), live_fd=live_fd)
            self.flows.append(self.under_test)

        return self._enter(call, line, "socket", family, kind, protocol, finish=made)

    def _bind(self, call: Call, line: int, args: tuple[Expression, ...]) -> Started:
        address = self.settings.for_socket(self.settings.local_address)
        return self._enter(call, line, "bind", self._live(args[0], line), (address, self.settings.bind_port))

    def _listen(self, call: Call, line: int, args: tuple[Expression, ...]) -> Started:
        flow = self.flow_of(number(args[0]))

        def listening(_: Any) -> None:
            if flow is not None:
                flow.state = LISTENING

        return self._enter(call, line, "listen", self._live(args[0], line), number(args[1]), finish=listening)

    def _accept(self, call: Call, line: int, args: tuple[Expression, ...]) -> Started:
        return self._accepted(call, line, args, 0)

    def _accept4(self, call: Call, line: int, args: tuple[Expression, ...]) -> Started:
        return self._accepted(call, line, args, number(args[3]))

    def _accepted(self, call: Call, line: int, args: tuple[Expression, ...], flags: int) -> Started:
        def made(value: tuple[int, tuple[str, int]]) -> None:
            live_fd, (_, port) = value
            self._install(call, live_fd)
            for flow in self.flows:
                if flow.remote_port == port and flow.live_fd < 0:
                    flow.fd, flow.live_fd = number(call.result), live_fd

        live = self._live(args[0], line)
        return self._enter(call, line, "accept", live, flags, finish=made, number_of=lambda value: int(value[0]))

    def _connect(self, call: Call, line: int, args: tuple[Expression, ...]) -> Started:
        live = self._live(args[0], line)
        if not isinstance(args[1], Dots):
            return self._disconnect(call, line, live, args)
        return self._enter(call, line, "connect", live, self._peer_of(args[0]))

    def _peer_of(self, fd: Expression) -> tuple[str, int]:
        """The address and port that ``fd`` is about to connect to."""
        flow = self.flow_of(number(fd))
        if flow is not None and flow.state == NEW:
            flow.state, flow.remote_port = CONNECTING, self.settings.connect_port
        return self.settings.for_socket(self.settings.remote_address), self.settings.connect_port

    def _disconnect(self, call: Call, line: int, live: int, args: tuple[Expression, ...]) -> Started:
        if number(args[1]) != AF_UNSPEC:
            raise NotApplicable("connect() to an address of another family")
        flow = self.flow_of(number(args[0]))
        if flow is not None:
            flow.state = NEW
        return self._enter(call, line, "connect", live, None)

    def _close(self, call: Call, line: int, args: tuple[Expression, ...]) -> Started:
        live = self._live(args[0], line)

        def closed(_: Any) -> None:
            self._fds.pop(number(args[0]), None)
            flow = self.flow_of(number(args[0]))
            if flow is not None:
                flow.fd = flow.live_fd = -1

        return self._enter(call, line, "close", live, finish=closed)

    def _shutdown(self, call: Call, line: int, args: tuple[Expression, ...]) -> Started:
        return self._enter(call, line, "shutdown", self._live(args[0], line), number(args[1]))

    # ---- data

    def _write(self, call: Call, line: int, args: tuple[Expression, ...]) -> Started:
        return self._sent(call, line, args[0], memory(args[1], size(args[2], line)), 0)

    def _send(self, call: Call, line: int, args: tuple[Expression, ...]) -> Started:
        return self._sent(call, line, args[0], memory(args[1], size(args[2], line)), number(args[3]))

    def _sendto(self, call: Call, line: int, args: tuple[Expression, ...]) -> Started:
        data, flags = memory(args[1], size(args[2], line)), number(args[3])
        return self._sent(call, line, args[0], data, flags, isinstance(args[4], Dots))

    def _writev(self, call: Call, line: int, args: tuple[Expression, ...]) -> Started:
        return self._sent(call, line, args[0], bytes(vector_bytes(args[1], line)), 0)

    def _sendmsg(self, call: Call, line: int, args: tuple[Expression, ...]) -> Started:
        if not isinstance(args[1], Struct) or args[1].get("msg_control") not in (None, Items(())):
            raise NotApplicable("sendmsg() with control messages")
        vector = args[1].get("msg_iov") or Dots()
        named = args[1].get("msg_name")
        data = bytes(vector_bytes(vector, line))
        return self._sent(call, line, args[0], data, number(args[2]), isinstance(named, Dots))

    def _sent(  # noqa: PLR0917 (what is sent, and how)
        self, call: Call, line: int, fd: Expression, data: bytes, flags: int, named: bool = False
    ) -> Started:
        if named and flags & socket.MSG_FASTOPEN:
            return self._enter(call, line, "sendto", self._live(fd, line), data, flags, self._peer_of(fd))
        return self._enter(call, line, "send", self._live(fd, line), data, flags)

    def _read(self, call: Call, line: int, args: tuple[Expression, ...]) -> Started:
        return self._got(call, line, args[0], room(args[1], size(args[2], line)), 0)

    def _recv(self, call: Call, line: int, args: tuple[Expression, ...]) -> Started:
        return self._got(call, line, args[0], room(args[1], size(args[2], line)), number(args[3]))

    def _recvfrom(self, call: Call, line: int, args: tuple[Expression, ...]) -> Started:
        return self._recv(call, line, args)

    def _readv(self, call: Call, line: int, args: tuple[Expression, ...]) -> Started:
        return self._got(call, line, args[0], vector_bytes(args[1], line), 0)

    def _recvmsg(self, call: Call, line: int, args: tuple[Expression, ...]) -> Started:
        if not isinstance(args[1], Struct):
            raise ScriptError(line, "recvmsg() needs a message")
        flags = args[1].get("msg_flags")
        if flags is not None and number(flags):
            raise NotApplicable("recvmsg() that returns msg_flags")
        vector = args[1].get("msg_iov") or Dots()
        live, most = self._live(args[0], line), vector_bytes(vector, line)
        wanted = control(args[1].get("msg_control"), line)

        def check(value: tuple[bytes, list[tuple[int, int, int]]]) -> str | None:
            return None if wanted is None or value[1] == wanted else f"control messages {value[1]}, not {wanted}"

        return self._enter(
            call, line, "recvmsg", live, most, number(args[2]), check=check, number_of=lambda value: len(value[0])
        )

    def _got(self, call: Call, line: int, fd: Expression, most: int | Unmapped, flags: int) -> Started:
        if call.name == "read" and not most:
            return Started(call, line, None, 0)
        return self._enter(call, line, "recv", self._live(fd, line), most, flags, number_of=_length)

    # ---- options

    def _setsockopt(self, call: Call, line: int, args: tuple[Expression, ...]) -> Started:
        live, level, option = self._live(args[0], line), number(args[1]), number(args[2])
        value = option_value(args[3], number(args[4]))
        return self._enter(call, line, "setsockopt", live, level, option, value)

    def _getsockopt(self, call: Call, line: int, args: tuple[Expression, ...]) -> Started:
        live, level, option = self._live(args[0], line), number(args[1]), number(args[2])
        expected = args[3]

        def check(value: Any) -> str | None:
            if isinstance(expected, Text):
                wanted: Any = expected.value.rstrip("\0")
            elif isinstance(expected, Items) and len(expected.values) == 1:
                wanted = None if isinstance(expected.values[0], Dots) else number(expected.values[0])
            elif isinstance(expected, Struct):
                wanted = option_value(expected, 8)
            else:
                raise NotApplicable("getsockopt() of that kind")
            if isinstance(value, dict):
                raise NotApplicable("getsockopt() of a struct")
            return None if wanted is None or wanted == value else f"the value {value!r}, not {wanted!r}"

        return self._enter(call, line, "getsockopt", live, level, option, check=check, number_of=lambda _: 0)

    def _fcntl(self, call: Call, line: int, args: tuple[Expression, ...]) -> Started:
        live, command = self._live(args[0], line), number(args[1])
        if command == fcntl.F_GETFL:
            return Started(call, line, None, self._file_flags.get(live, os.O_RDWR))
        if command != fcntl.F_SETFL:
            raise NotApplicable(f"fcntl() command {command}")
        flags = self._file_flags[live] = (number(args[2]) if len(args) > 2 else 0) | os.O_RDWR
        return self._enter(call, line, "setblocking", live, not flags & os.O_NONBLOCK)

    def _ioctl(self, call: Call, line: int, args: tuple[Expression, ...]) -> Started:
        told = args[2].values if len(args) > 2 and isinstance(args[2], Items) else ()
        expected = told[0] if told else Dots()

        def check(value: int) -> str | None:
            if isinstance(expected, Dots) or number(expected) == value:
                return None
            return f"the value {value}, not {number(expected)}"

        live = self._live(args[0], line)
        return self._enter(call, line, "ioctl", live, number(args[1]), check=check, number_of=lambda _: 0)

    # ---- waiting for many

    def _poll(self, call: Call, line: int, args: tuple[Expression, ...]) -> Started:
        """poll() by an epoll instance of its own, which lives as long as the call."""
        if not isinstance(args[0], Items):
            raise ScriptError(line, "poll() needs a list of descriptors")
        wanted: dict[int, tuple[int, int]] = {}
        for entry in args[0].values:
            if not isinstance(entry, Struct):
                raise ScriptError(line, "poll() needs {fd=, events=}")
            fd, events, revents = entry.get("fd"), entry.get("events"), entry.get("revents")
            live = self._live(fd if fd is not None else -1, line)
            wanted[live] = (number(events or 0), number(revents or 0))
        instance = self._now("epoll_create")
        for live, (events, _) in wanted.items():
            self._now("epoll_ctl", instance, 1, live, events)

        def check(found: list[tuple[int, int]]) -> str | None:
            got = dict(found)
            for live, (_, revents) in wanted.items():
                if got.get(live, 0) != revents:
                    return f"revents {got.get(live, 0):#x}, not {revents:#x}"
            return None

        def closed(_: Any) -> None:
            self._now("close", instance)

        timeout = number(args[2])
        return self._enter(
            call, line, "epoll_wait", instance, len(wanted), timeout, check=check, finish=closed, number_of=len
        )

    def _now(self, name: str, *args: Any) -> Any:
        entered = self.machine.enter(name, *args)
        assert entered.result is not None  # it never sleeps
        return entered.result.value

    def _epoll_create(self, call: Call, line: int, args: tuple[Expression, ...]) -> Started:
        return self._enter(call, line, "epoll_create", finish=lambda live: self._install(call, live))

    def _epoll_create1(self, call: Call, line: int, args: tuple[Expression, ...]) -> Started:
        return self._epoll_create(call, line, args)

    def _epoll_ctl(self, call: Call, line: int, args: tuple[Expression, ...]) -> Started:
        instance, live = self._live(args[0], line), self._live(args[2], line)
        events = args[3].get("events") if isinstance(args[3], Struct) else None
        return self._enter(call, line, "epoll_ctl", instance, number(args[1]), live, number(events or 0))

    def _epoll_wait(self, call: Call, line: int, args: tuple[Expression, ...]) -> Started:
        expected = args[1].get("events") if isinstance(args[1], Struct) else None
        wanted = None if expected is None else number(expected)

        def check(found: list[tuple[int, int]]) -> str | None:
            got = found[0][1] if found else 0
            return None if wanted is None or got == wanted else f"events {got:#x}, not {wanted:#x}"

        return self._enter(
            call, line, "epoll_wait", self._live(args[0], line), number(args[2]), number(args[3]),
            check=check, number_of=len,
        )  # fmt: skip


def _length(value: Any) -> int:
    return len(value)
