"""The system of agents that run as processes of a Linux kernel: libc and Python's own sockets, nothing in between."""

from __future__ import annotations

import os
import select
import socket
import struct
from time import monotonic_ns
from typing import Any

from netemu.agents import files, libc
from netemu.agents.system import Address, Epoll, Socket


class LinuxEpoll:
    """See :class:`netemu.agents.system.Epoll`."""

    __slots__ = ("_epoll", "_events", "_fd")

    def __init__(self, most_events: int) -> None:
        self._events = (libc.EpollEvent * most_events)()
        self._epoll = select.epoll()
        self._fd = self._epoll.fileno()

    def __enter__(self) -> LinuxEpoll:
        return self

    def __exit__(self, *_: object) -> None:
        self._epoll.close()

    def register(self, fd: int, events: int) -> None:
        """EPOLL_CTL_ADD."""
        self._epoll.register(fd, events)

    def modify(self, fd: int, events: int) -> None:
        """EPOLL_CTL_MOD."""
        self._epoll.modify(fd, events)

    def unregister(self, fd: int) -> None:
        """EPOLL_CTL_DEL."""
        self._epoll.unregister(fd)

    def wait(self, timeout_ms: int = -1) -> int:
        """epoll_wait()."""
        return libc.epoll_wait(self._fd, self._events, timeout_ms)

    def ready(self, index: int) -> int:
        """The descriptor of event ``index``."""
        return int(self._events[index].data.fd)

    def close(self) -> None:
        """Give the descriptor back."""
        self._epoll.close()


class LinuxSystem:
    """See :class:`netemu.agents.system.System`; attributes are the C functions themselves."""

    monotonic_ns = staticmethod(monotonic_ns)
    last_errno = staticmethod(libc.last_errno)
    sleep_until = staticmethod(libc.sleep_until)
    accept = staticmethod(libc.accept)
    send = staticmethod(libc.send)
    recv = staticmethod(libc.recv)

    def socket(self, family: int, kind: int) -> Socket:
        """A new socket, closed on exec."""
        return socket.socket(family, kind)

    def adopt(self, fd: int) -> Socket:
        """The socket behind a descriptor."""
        return socket.socket(fileno=fd)

    def sockaddr(self, family: int, address: Address) -> bytes:
        """``struct sockaddr_in`` or ``sockaddr_in6``."""
        raw = socket.inet_pton(family, address[0])
        if family == socket.AF_INET:
            return struct.pack("=HH4s8x", family, socket.htons(address[1]), raw)
        return struct.pack("=HHI16sI", family, socket.htons(address[1]), 0, raw, 0)

    def connect(self, fd: int, sockaddr: bytes) -> int:
        """connect()."""
        done: Any = libc.connect(fd, sockaddr, len(sockaddr))
        return int(done)

    def sendto(self, fd: int, address: int, count: int, flags: int, sockaddr: bytes) -> int:
        """sendto()."""
        done: Any = libc.sendto(fd, address, count, flags, sockaddr, len(sockaddr))
        return int(done)

    def epoll(self, most_events: int) -> Epoll:
        """A new epoll instance."""
        return LinuxEpoll(most_events)

    def congestion_controls(self) -> str:
        """What the kernel offers, loaded modules included."""
        return files.read("/proc/sys/net/ipv4/tcp_available_congestion_control").strip()

    def linux_version(self) -> tuple[int, int]:
        """This kernel's, from uname(): ``7.2.13`` and ``6.18.0-rc3`` alike have three numbers."""
        version, level, _ = os.uname().release.split(".", 2)
        return int(version), int(level)
