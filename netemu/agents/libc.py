"""System calls that may block, made through libc so that a signal ends them.

Python's own wrappers retry after EINTR (PEP 475), and a handler that raises instead loses the count of a partly
done ``send``. These calls return what the kernel returned: a byte count, or -1 with the error in ``last_errno()``;
signal handlers only set flags.
"""

from __future__ import annotations

import ctypes
import errno
import os
import socket
from typing import Any

CLOCK_MONOTONIC = 1
_TIMER_ABSTIME = 1
_CLONE_NEWNET = 0x40000000

_libc: Any = ctypes.CDLL(None, use_errno=True)
for _name in ("send", "recv", "recvfrom", "sendto"):
    getattr(_libc, _name).restype = ctypes.c_ssize_t
_libc.send.argtypes = [ctypes.c_int, ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int]
_libc.sendto.argtypes = [
    ctypes.c_int, ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int, ctypes.c_char_p, ctypes.c_uint32,
]  # fmt: skip
_libc.recv.argtypes = [ctypes.c_int, ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int]
_libc.memcmp.argtypes = [ctypes.c_void_p, ctypes.c_void_p, ctypes.c_size_t]

send: Any = _libc.send
sendto: Any = _libc.sendto
recv: Any = _libc.recv
connect: Any = _libc.connect
close: Any = _libc.close
memcmp: Any = _libc.memcmp

last_errno = ctypes.get_errno


class _Timespec(ctypes.Structure):
    _fields_ = (("tv_sec", ctypes.c_long), ("tv_nsec", ctypes.c_long))


class _EpollData(ctypes.Union):
    _fields_ = (("fd", ctypes.c_int), ("u64", ctypes.c_uint64))


class EpollEvent(ctypes.Structure):
    """``struct epoll_event``, packed on x86-64 only (include/uapi/linux/eventpoll.h).

    ``data.fd`` is what ``select.epoll`` sets; the rest of the union is not.
    """

    if os.uname().machine == "x86_64":
        _pack_ = 1
    _fields_ = (("events", ctypes.c_uint32), ("data", _EpollData))


def errno_name(code: int) -> str:
    """``EAGAIN`` for 11; the number itself as text when it has no name."""
    return errno.errorcode.get(code, str(code))


def sleep_until(monotonic_ns: int) -> bool:
    """Sleep to an absolute time of CLOCK_MONOTONIC; False when a signal came first. Reads no clock."""
    when = _Timespec(monotonic_ns // 1_000_000_000, monotonic_ns % 1_000_000_000)
    return bool(_libc.clock_nanosleep(CLOCK_MONOTONIC, _TIMER_ABSTIME, ctypes.byref(when), None) == 0)


def epoll_wait(epoll_fd: int, events: ctypes.Array[EpollEvent], timeout_ms: int = -1) -> int:
    """Number of events filled in; -1 with ``last_errno()`` set."""
    return int(_libc.epoll_wait(epoll_fd, events, len(events), timeout_ms))


def accept(fd: int, family: int) -> tuple[int, tuple[str, int]]:
    """The new descriptor, or -1 with ``last_errno()`` set, and the address and port of the peer."""
    address = ctypes.create_string_buffer(28)  # struct sockaddr_in6
    length = ctypes.c_uint32(28)
    new = _libc.accept4(fd, address, ctypes.byref(length), socket.SOCK_CLOEXEC)
    if new < 0:
        return new, ("", 0)
    raw = address.raw[4:8] if family == socket.AF_INET else address.raw[8:24]
    return new, (socket.inet_ntop(family, raw), int.from_bytes(address.raw[2:4], "big"))


class NetworkNamespace:
    """``with NetworkNamespace(path):`` runs its body in the network namespace at ``path``; None stays here.

    Sockets made inside stay in that namespace. Raises OSError when the path is no network namespace.
    """

    def __init__(self, path: str | None) -> None:
        self._path = path
        self._home = -1

    def __enter__(self) -> None:
        if self._path is None:
            return
        target = os.open(self._path, os.O_RDONLY | os.O_CLOEXEC)
        try:
            self._home = os.open("/proc/thread-self/ns/net", os.O_RDONLY | os.O_CLOEXEC)
            _setns(target, self._path)
        finally:
            os.close(target)

    def __exit__(self, *_: object) -> None:
        if self._path is not None:
            _setns(self._home, "/proc/thread-self/ns/net")
            os.close(self._home)


def _setns(fd: int, path: str) -> None:
    if _libc.setns(fd, _CLONE_NEWNET) != 0:
        code = ctypes.get_errno()
        raise OSError(code, f"setns: {os.strerror(code)}", path)
