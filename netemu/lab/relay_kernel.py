"""The few system calls of the relay that Python 3.11 does not wrap, and the numbers it does not name.

Standard library only: this is imported by a process that must start in milliseconds.
"""

from __future__ import annotations

import ctypes
import fcntl
import os
import socket
import struct
import threading
import time
from collections.abc import Callable, Iterable
from pathlib import Path

_CLONE_NEWNET = 0x40000000
_PR_SET_TIMERSLACK = 29
_SIOCGIFFLAGS, _SIOCSIFFLAGS = 0x8913, 0x8914
_IFF_UP, _IFF_NOARP = 0x1, 0x80

_libc = ctypes.CDLL(None, use_errno=True)


def enter_network_namespace(path: str) -> None:
    """Move this thread into the network namespace that ``path`` names (setns(2)); OSError names the path."""
    descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        if _libc.setns(descriptor, _CLONE_NEWNET) != 0:
            raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()), path)
    finally:
        os.close(descriptor)


def silence_interface(name: str) -> None:
    """Keep this namespace's own stack out of ``name``: no ARP, no IPv6, up (netdevice(7))."""
    ipv6 = Path(f"/proc/sys/net/ipv6/conf/{name}/disable_ipv6")
    # A write asks for the RTNL lock, and while another has it the kernel has the call made again at once, without rest
    # (restart_syscall in net/ipv6/addrconf.c): in virtual time the other never gets on. The lab has set it already.
    if ipv6.exists() and ipv6.read_text() != "1\n":
        ipv6.write_text("1")
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as control:
        request = fcntl.ioctl(control, _SIOCGIFFLAGS, struct.pack("16sh14x", name.encode(), 0))
        flags = struct.unpack("16sh14x", request)[1] | _IFF_UP | _IFF_NOARP
        fcntl.ioctl(control, _SIOCSIFFLAGS, struct.pack("16sH14x", name.encode(), flags & 0xFFFF))


def make_sleeps_precise() -> None:
    """Timer slack of 1 ns instead of 50 us (prctl(2), PR_SET_TIMERSLACK)."""
    if _libc.prctl(_PR_SET_TIMERSLACK, 1, 0, 0, 0) != 0:
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()), "PR_SET_TIMERSLACK")


def schedule_realtime() -> str:
    """Ask for SCHED_FIFO at the lowest real-time priority; the name of the policy that now holds."""
    try:
        os.sched_setscheduler(0, os.SCHED_FIFO, os.sched_param(1))
    except PermissionError:
        return "SCHED_OTHER"
    return "SCHED_FIFO"


def realtime_to_monotonic_ns() -> int:
    """What to add to a CLOCK_REALTIME stamp (the kernel's packet stamps) to get CLOCK_MONOTONIC."""
    return time.monotonic_ns() - time.time_ns()


def set_socket_option(sock: socket.socket, level: int, option: int, value: bytes) -> None:
    """setsockopt(2) that lets other threads run meanwhile, as ``socket.setsockopt`` does not."""
    if _libc.setsockopt(sock.fileno(), level, option, value, len(value)) != 0:
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()), f"socket option {level}/{option}")


def all_at_once(calls: Iterable[Callable[[], None]]) -> None:
    """Make every call in a thread of its own, and raise the first error when all have ended.

    For calls that wait for the kernel's grace periods (10 ms each on a busy machine), which waiters share.
    """
    errors: list[BaseException] = []

    def run(call: Callable[[], None]) -> None:
        try:
            call()
        except BaseException as error:
            errors.append(error)

    threads = [threading.Thread(target=run, args=(call,)) for call in calls]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if errors:
        raise errors[0]
