"""All that traffic agents ask of the system they run on; an agent touches it through its session and nothing else.

On Linux it is :mod:`netemu.agents.linux`; on a model :mod:`netemu.sim` has one whose calls are those of the model. So
one program makes the same sequence of system calls on both. Memory is real memory on both: an ``address`` is a number
where bytes lie.

Calls that may block return what the kernel returned: a count, or -1 with :attr:`System.last_errno`; a signal ends them.
"""

from __future__ import annotations

from typing import Any, Protocol, overload

Address = tuple[Any, ...]
"""IP address as text, and port, as Python's ``socket`` has them."""


class Socket(Protocol):
    """The calls that never block, with the names, arguments and OSErrors of :class:`socket.socket`."""

    @property
    def family(self) -> int:
        """AF_INET or AF_INET6."""
        ...

    def fileno(self) -> int:
        """The descriptor; -1 after close()."""
        ...

    def setblocking(self, flag: bool, /) -> None:
        """O_NONBLOCK off or on."""
        ...

    def setsockopt(self, level: int, option: int, value: int | bytes, /) -> None:
        """An integer, or what the option's struct holds."""
        ...

    @overload
    def getsockopt(self, level: int, option: int, /) -> int: ...
    @overload
    def getsockopt(self, level: int, option: int, size: int, /) -> bytes: ...
    def getsockopt(self, level: int, option: int, size: int = 0, /) -> int | bytes:
        """An integer; with ``size`` the first bytes of a struct."""
        ...

    def bind(self, address: Address, /) -> None:
        """Bind to an address of this host and a port."""
        ...

    def listen(self, backlog: int, /) -> None:
        """Take connections."""
        ...

    def connect(self, address: Address, /) -> None:
        """Of a datagram socket; a stream's may block: :meth:`System.connect`."""
        ...

    def getsockname(self) -> Any:
        """The address and port that it is bound to."""
        ...

    def shutdown(self, how: int, /) -> None:
        """End one direction or both."""
        ...

    def close(self) -> None:
        """Give the descriptor back."""
        ...


class Epoll(Protocol):
    """An epoll instance and room for the events of one wait; ``with`` closes it."""

    def __enter__(self) -> Epoll: ...
    def __exit__(self, *_: object) -> None: ...

    def register(self, fd: int, events: int) -> None:
        """Watch ``fd`` for ``events``, bits of :mod:`select`."""
        ...

    def modify(self, fd: int, events: int) -> None:
        """Watch it for others."""
        ...

    def unregister(self, fd: int) -> None:
        """Watch it no more."""
        ...

    def wait(self, timeout_ms: int = -1) -> int:
        """How many descriptors have events; -1 with the error in ``last_errno()``. May block."""
        ...

    def ready(self, index: int) -> int:
        """The descriptor of event ``index`` of the last wait."""
        ...

    def close(self) -> None:
        """Give the descriptor back."""
        ...


class System(Protocol):
    """Clock, sockets and the calls that may block."""

    def monotonic_ns(self) -> int:
        """CLOCK_MONOTONIC. Every reading costs, in a guest with virtual time even time."""
        ...

    def last_errno(self) -> int:
        """The error of the last call that returned -1."""
        ...

    def sleep_until(self, monotonic_ns: int, /) -> bool:
        """Sleep to an absolute time of CLOCK_MONOTONIC; False when a signal came first. Reads no clock."""
        ...

    def socket(self, family: int, kind: int, /) -> Socket:
        """A new socket."""
        ...

    def adopt(self, fd: int, /) -> Socket:
        """The socket behind a descriptor that accept() gave."""
        ...

    def sockaddr(self, family: int, address: Address, /) -> Any:
        """``address`` in the form that :meth:`connect` takes."""
        ...

    def connect(self, fd: int, sockaddr: Any, /) -> int:
        """connect()."""
        ...

    def accept(self, fd: int, family: int, /) -> tuple[int, Address]:
        """accept(): the new descriptor, or -1, and the peer's address and port."""
        ...

    def send(self, fd: int, address: int, count: int, flags: int, /) -> int:
        """send() of ``count`` bytes that lie at ``address``."""
        ...

    def sendto(self, fd: int, address: int, count: int, flags: int, sockaddr: Any, /) -> int:
        """sendto(): :meth:`send` to an address in the form that :meth:`sockaddr` gives it (MSG_FASTOPEN)."""
        ...

    def recv(self, fd: int, address: int, count: int, flags: int, /) -> int:
        """recv() of at most ``count`` bytes to ``address``."""
        ...

    def epoll(self, most_events: int, /) -> Epoll:
        """A new epoll instance, of which a wait gives at most so many events."""
        ...

    def congestion_controls(self) -> str:
        """The names that TCP_CONGESTION takes, with a space between them."""
        ...

    def linux_version(self) -> tuple[int, int]:
        """Version and patch level of the Linux by which getsockopt() fills in its structs."""
        ...
