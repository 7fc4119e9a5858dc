"""What agents touch on a model: :class:`netemu.agents.system.System` on the system calls of a stack."""

from __future__ import annotations

import ctypes
import os
from typing import TYPE_CHECKING, Any, overload

from netemu.agents.tcp_info import BIT_FIELDS_SINCE
from netemu.sim.sockopt import encode_option

if TYPE_CHECKING:
    from netemu.agents.system import Address, Epoll, Socket
    from netemu.sim.engine import Engine
    from netemu.sim.process import Process

EPOLL_CTL_ADD, EPOLL_CTL_DEL, EPOLL_CTL_MOD = 1, 2, 3


def _checked(result: tuple[Any, int]) -> Any:
    """The value of a call; OSError with its errno."""
    value, code = result
    if code:
        raise OSError(code, os.strerror(code))
    return value


class ModelSocket:
    """See :class:`netemu.agents.system.Socket`."""

    __slots__ = ("_fd", "_process", "family")

    def __init__(self, process: Process, fd: int, family: int) -> None:
        self._process, self._fd, self.family = process, fd, family

    def fileno(self) -> int:
        """The descriptor; -1 after close()."""
        return self._fd

    def setblocking(self, flag: bool) -> None:
        """O_NONBLOCK off or on."""
        self._call("setblocking", flag)

    def setsockopt(self, level: int, option: int, value: int | bytes) -> None:
        """An integer, or what the option's struct holds."""
        self._call("setsockopt", level, option, value)

    @overload
    def getsockopt(self, level: int, option: int) -> int: ...
    @overload
    def getsockopt(self, level: int, option: int, size: int) -> bytes: ...
    def getsockopt(self, level: int, option: int, size: int = 0) -> int | bytes:
        """An integer; with ``size`` the first bytes of a struct."""
        value = self._call("getsockopt", level, option)
        if size:
            return encode_option(level, option, value)[:size]
        return int(value)

    def bind(self, address: Address) -> None:
        """Bind to an address of this host and a port."""
        self._call("bind", address)

    def listen(self, backlog: int) -> None:
        """Take connections."""
        self._call("listen", backlog)

    def connect(self, address: Address) -> None:
        """Of a datagram socket."""
        self._call("connect", address)

    def getsockname(self) -> Any:
        """The address and port that it is bound to."""
        return self._call("getsockname")

    def shutdown(self, how: int) -> None:
        """End one direction or both."""
        self._call("shutdown", how)

    def close(self) -> None:
        """Give the descriptor back; what close() fails with nobody can do anything about."""
        if self._fd >= 0:
            fd, self._fd = self._fd, -1
            _checked(self._process.call("close", fd))

    def _call(self, name: str, *args: Any) -> Any:
        return _checked(self._process.call(name, self._fd, *args))


class ModelEpoll:
    """See :class:`netemu.agents.system.Epoll`."""

    __slots__ = ("_events", "_fd", "_most", "_system")

    def __init__(self, system: ModelSystem, most_events: int) -> None:
        self._system, self._most = system, most_events
        self._fd: int = _checked(system.process.call("epoll_create"))
        self._events: list[tuple[int, int]] = []

    def __enter__(self) -> ModelEpoll:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def register(self, fd: int, events: int) -> None:
        """EPOLL_CTL_ADD."""
        self._control(EPOLL_CTL_ADD, fd, events)

    def modify(self, fd: int, events: int) -> None:
        """EPOLL_CTL_MOD."""
        self._control(EPOLL_CTL_MOD, fd, events)

    def unregister(self, fd: int) -> None:
        """EPOLL_CTL_DEL."""
        self._control(EPOLL_CTL_DEL, fd, 0)

    def wait(self, timeout_ms: int = -1) -> int:
        """epoll_wait()."""
        value, code = self._system.process.call("epoll_wait", self._fd, self._most, timeout_ms)
        if code:
            return self._system.failed(code)
        self._events = value
        return len(self._events)

    def ready(self, index: int) -> int:
        """The descriptor of event ``index``."""
        return self._events[index][0]

    def close(self) -> None:
        """Give the descriptor back."""
        if self._fd >= 0:
            fd, self._fd = self._fd, -1
            _checked(self._system.process.call("close", fd))

    def _control(self, operation: int, fd: int, events: int) -> None:
        _checked(self._system.process.call("epoll_ctl", self._fd, operation, fd, events))


class ModelSystem:
    """See :class:`netemu.agents.system.System`; every call is made by ``process``, which blocks in it."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._errno = 0
        self.process: Process

    def monotonic_ns(self) -> int:
        """The engine's clock, which reading does not advance."""
        return self._engine.now_ns

    def last_errno(self) -> int:
        """The error of the last call that returned -1."""
        return self._errno

    def failed(self, code: int) -> int:
        """Note the error of a call; -1."""
        self._errno = code
        return -1

    def sleep_until(self, monotonic_ns: int) -> bool:
        """clock_nanosleep()."""
        return self.process.sleep_until(monotonic_ns)

    def socket(self, family: int, kind: int) -> Socket:
        """A new socket."""
        return ModelSocket(self.process, _checked(self.process.call("socket", int(family), int(kind))), int(family))

    def adopt(self, fd: int) -> Socket:
        """The socket behind a descriptor that accept() gave."""
        address = _checked(self.process.call("getsockname", fd))[0]
        return ModelSocket(self.process, fd, 10 if ":" in address else 2)

    def sockaddr(self, family: int, address: Address) -> Address:
        """The model takes addresses as Python's ``socket`` writes them."""
        return address

    def connect(self, fd: int, sockaddr: Any) -> int:
        """connect()."""
        code = self.process.call("connect", fd, sockaddr)[1]
        return self.failed(code) if code else 0

    def accept(self, fd: int, family: int) -> tuple[int, Address]:
        """accept()."""
        value, code = self.process.call("accept", fd)
        if code:
            return self.failed(code), ("", 0)
        new, peer = value
        return new, peer

    def send(self, fd: int, address: int, count: int, flags: int) -> int:
        """send(): the bytes are copied, as the kernel copies them."""
        value, code = self.process.call("send", fd, ctypes.string_at(address, count), int(flags))
        return self.failed(code) if code else int(value)

    def sendto(self, fd: int, address: int, count: int, flags: int, sockaddr: Any) -> int:
        """sendto()."""
        value, code = self.process.call("sendto", fd, ctypes.string_at(address, count), int(flags), sockaddr)
        return self.failed(code) if code else int(value)

    def recv(self, fd: int, address: int, count: int, flags: int) -> int:
        """recv()."""
        value, code = self.process.call("recv", fd, count, int(flags))
        if code:
            return self.failed(code)
        ctypes.memmove(address, value, len(value))
        return len(value)

    def epoll(self, most_events: int) -> Epoll:
        """A new epoll instance."""
        return ModelEpoll(self, most_events)

    def congestion_controls(self) -> str:
        """The controls that the stack has."""
        from netemu.stack.cong import tcp_available_congestion_control

        return " ".join(tcp_available_congestion_control())

    def linux_version(self) -> tuple[int, int]:
        """That of :mod:`netemu.sim.sockopt`'s structs, whatever the era."""
        return BIT_FIELDS_SINCE
