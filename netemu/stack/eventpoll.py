"""epoll: who watches which files for what, and the list of those that may have events (fs/eventpoll.c)."""

from __future__ import annotations

import errno
from collections.abc import Generator
from typing import TYPE_CHECKING

from netemu.stack import task as tasks
from netemu.stack.poll import sock_poll
from netemu.stack.sock_wake import EPOLLERR, EPOLLHUP
from netemu.stack.task import MAX_SCHEDULE_TIMEOUT, KernelError, WaitQueue

if TYPE_CHECKING:
    from netemu.stack.sock import TcpSock
    from netemu.stack.stack import LinuxStack
    from netemu.stack.udp_sock import UdpSock

EPOLL_CTL_ADD, EPOLL_CTL_DEL, EPOLL_CTL_MOD = 1, 2, 3
EPOLLET, EPOLLONESHOT = 1 << 31, 1 << 30
_ALWAYS = EPOLLERR | EPOLLHUP
_PRIVATE = EPOLLET | EPOLLONESHOT


class EpollItem:
    """``struct epitem``: one watched descriptor."""

    __slots__ = ("epoll", "events", "fd", "sk")

    def __init__(self, epoll: Epoll, fd: int, sk: TcpSock | UdpSock, events: int) -> None:
        self.epoll, self.fd, self.sk, self.events = epoll, fd, sk, events

    def poll_callback(self, events: int) -> None:
        """ep_poll_callback: something happened to the file that may concern the watcher."""
        if self.events & ~_PRIVATE and events & self.events:
            self.epoll.queue(self)


class Epoll:
    """``struct eventpoll``. ``ready``: items that may have events, in the order in which they got them."""

    def __init__(self, net: LinuxStack) -> None:
        self.net = net
        self.items: dict[int, EpollItem] = {}
        self.ready: dict[EpollItem, None] = {}
        self.wq = WaitQueue()

    def queue(self, item: EpollItem) -> None:
        """Note that ``item`` may have events, and wake one sleeper."""
        self.ready[item] = None
        self.wq.wake_up(1)

    def control(self, operation: int, fd: int, sk: TcpSock | UdpSock, events: int) -> None:
        """epoll_ctl().

        :raises KernelError: EEXIST, ENOENT, EINVAL.
        """
        item = self.items.get(fd)
        if operation == EPOLL_CTL_ADD:
            if item is not None:
                raise KernelError(errno.EEXIST)
            item = self.items[fd] = EpollItem(self, fd, sk, events | _ALWAYS)
            sk.sk_watchers.append(item)
        elif item is None:
            raise KernelError(errno.ENOENT)
        elif operation == EPOLL_CTL_DEL:
            self.forget(item)
            return
        elif operation == EPOLL_CTL_MOD:
            item.events = events | _ALWAYS
        else:
            raise KernelError(errno.EINVAL)
        if sock_poll(sk) & item.events:
            self.queue(item)

    def forget(self, item: EpollItem) -> None:
        """Watch it no more: asked for, or its descriptor is closed."""
        self.items.pop(item.fd, None)
        self.ready.pop(item, None)
        if item in item.sk.sk_watchers:
            item.sk.sk_watchers.remove(item)

    def close(self) -> None:
        """The instance's own descriptor is closed."""
        for item in list(self.items.values()):
            self.forget(item)

    def wait(self, maxevents: int, timeout_ms: int) -> Generator[None, None, list[tuple[int, int]]]:
        """epoll_wait(): up to ``maxevents`` of (descriptor, events); ``timeout_ms`` -1: until there is one.

        :raises KernelError: EINVAL, EINTR.
        """
        if maxevents <= 0:
            raise KernelError(errno.EINVAL)
        net = self.net
        end_ns = None if timeout_ms < 0 else net.now_ns + timeout_ms * 1_000_000
        while True:
            found = self._send_events(maxevents)
            if found or timeout_ms == 0 or (end_ns is not None and net.now_ns >= end_ns):
                return found
            if net.current.interrupted:
                raise KernelError(errno.EINTR)
            yield from _sleep(net, self.wq, end_ns)

    def _send_events(self, maxevents: int) -> list[tuple[int, int]]:
        """ep_send_events: ask each file again; level-triggered ones go to the end of the list."""
        found: list[tuple[int, int]] = []
        again: list[EpollItem] = []
        for item in list(self.ready):
            if len(found) >= maxevents:
                break
            del self.ready[item]
            events = sock_poll(item.sk) & item.events
            if not events:
                continue
            found.append((item.fd, events))
            if item.events & EPOLLONESHOT:
                item.events &= _PRIVATE
            elif not item.events & EPOLLET:
                again.append(item)
        self.ready.update(dict.fromkeys(again))
        return found


def _sleep(net: LinuxStack, queue: WaitQueue, end_ns: int | None) -> Generator[None, None, None]:
    """Until woken, or to the nanosecond ``end_ns``: epoll's time-outs are high-resolution timers."""
    task = net.current
    if end_ns is not None:
        net.timers.start_hrtimer(task.timer, end_ns)
    yield from tasks.schedule_timeout(net, [queue], MAX_SCHEDULE_TIMEOUT)
