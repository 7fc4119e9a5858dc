"""Whole hosts for tests: two of them on a wire, or one whose peer is the test itself.

Times are in ms since the run's start; a host has been up for a while by then. ``log`` holds every packet that left a
host: (ms, host, packet).
"""

from __future__ import annotations

import heapq
import itertools
import os
from collections.abc import Callable, Mapping
from typing import Any

from netemu.packet.ip import IPPROTO_TCP, NO_OPTIONS, Options, Packet, Tcp
from netemu.packet.tcp import ACK, FIN, PSH, RST, SYN
from netemu.stack.eras import PROFILES
from netemu.stack.events import Complete, Deadline, Event, Interrupt, Received, Resume, SystemCall, Transmit, Wake
from netemu.stack.host import Interface, make_host
from netemu.stack.stack import LinuxStack

MS = 1_000_000
AF_INET, AF_INET6, STREAM, DGRAM = 2, 10, 1, 2
UP_NS = 30_000 * MS
ADDRESSES = {4: {"a": "10.0.0.1", "b": "10.0.0.2"}, 6: {"a": "fd00::1", "b": "fd00::2"}}
ANY = {4: "0.0.0.0", 6: "::"}
PORT = 5000


class Pair:
    """Hosts ``a`` and ``b`` on a wire of ``delay_ms``. ``drop(number, host, packet)`` says which packets are lost.

    ``late(number)``: ms that a packet comes later than the others; negative: it also comes twice. ``watch`` sees each
    host after each of its events.
    """

    def __init__(
        self,
        *,
        family: int = 4,
        era: str = "linux-7",
        delay_ms: float = 10,
        mtu: int = 1500,
        sysctls: Mapping[str, str] | None = None,
        drop: Callable[[int, str, Packet], bool] | None = None,
        late: Callable[[int], float] | None = None,
        watch: Callable[[LinuxStack], None] | None = None,
    ) -> None:
        self.family = family
        self.address = ADDRESSES[family]
        self.hosts: dict[str, LinuxStack] = {}
        for seed, (name, address) in enumerate(self.address.items(), 1):
            interface = Interface(f"{name}-eth0", mtu, (f"{address}/{24 if family == 4 else 64}",))
            self.hosts[name] = make_host(name, PROFILES[era], interfaces=[interface], sysctls=sysctls, seed=seed)
        self.now_ns = UP_NS
        self.delay_ns = round(delay_ms * MS)
        self.drop, self.late, self.watch = drop, late, watch
        self.log: list[tuple[float, str, Packet]] = []
        self._queue: list[tuple[int, int, str, Event]] = []
        self._counter = itertools.count()
        self._results: dict[int, tuple[Any, int]] = {}

    # ---- time

    @property
    def now_ms(self) -> float:
        """Since the start."""
        return (self.now_ns - UP_NS) / MS

    def run(self, ms: float | None = None, call: int | None = None) -> None:
        """Until ``ms``, or until ``call`` has returned, or, without either, until nothing happens any more."""
        end_ns = None if ms is None else UP_NS + round(ms * MS)
        while call is None or call not in self._results:
            due = [(at, name) for name, host in self.hosts.items() if (at := host.next_deadline_ns()) is not None]
            timer = min(due, default=None)
            packet_ns = self._queue[0][0] if self._queue else None
            if timer is None and packet_ns is None:
                break
            use_timer = timer is not None and (packet_ns is None or timer[0] <= packet_ns)
            at_ns = timer[0] if use_timer and timer is not None else packet_ns
            assert at_ns is not None
            if end_ns is not None and at_ns > end_ns:
                break
            self.now_ns = max(self.now_ns, at_ns)
            if use_timer and timer is not None:
                self._handle(timer[1], Deadline())
            else:
                _, _, host, event = heapq.heappop(self._queue)
                self._handle(host, event)
        if end_ns is not None:
            self.now_ns = max(self.now_ns, end_ns)

    # ---- calls

    def start(self, host: str, name: str, *args: Any) -> int:
        """Enter a system call; its number, for :meth:`result`."""
        number = next(self._counter) + 1
        self._handle(host, SystemCall(number, name, args))
        return number

    def interrupt(self, host: str, call: int) -> None:
        """A signal for the process in that call."""
        self._handle(host, Interrupt(call))

    def result(self, call: int) -> Any:
        """What a call returned, once it has; OSError where it failed."""
        self.run(call=call)
        assert call in self._results, "the call never returns"
        value, code = self._results[call]
        if code:
            raise OSError(code, os.strerror(code))
        return value

    def returned(self, call: int) -> bool:
        """Whether it has returned by now."""
        return call in self._results

    def do(self, host: str, name: str, *args: Any) -> Any:
        """Make a call and wait for its end."""
        return self.result(self.start(host, name, *args))

    def error(self, host: str, name: str, *args: Any) -> int | None:
        """The errno of a call that fails; None when it does not."""
        try:
            self.do(host, name, *args)
        except OSError as failure:
            return failure.errno
        return None

    # ---- usual beginnings

    def socket(self, host: str, kind: int = STREAM) -> int:
        """A socket of the pair's family."""
        return int(self.do(host, "socket", AF_INET if self.family == 4 else AF_INET6, kind))

    def listener(self, host: str = "b", backlog: int = 5, port: int = PORT, **options: int) -> int:
        """A listening socket on any address."""
        fd = self.socket(host)
        for option in options.values():
            self.do(host, "setsockopt", fd, 1, option, 1)
        self.do(host, "bind", fd, (ANY[self.family], port))
        self.do(host, "listen", fd, backlog)
        return fd

    def connection(self) -> tuple[int, int]:
        """A connection from ``a`` to ``b``: the descriptors on both, the listener's already closed."""
        listener, client = self.listener(), self.socket("a")
        accepting = self.start("b", "accept", listener)
        self.do("a", "connect", client, (self.address["b"], PORT))
        server = self.result(accepting)[0]
        self.do("b", "close", listener)
        return client, server

    def sk(self, host: str, fd: int) -> Any:
        """The socket behind a descriptor."""
        return self.hosts[host].files.get(fd)

    def flags(self, host: str, since: int = 0) -> list[int]:
        """The TCP flags of the segments that ``host`` sent."""
        return [packet.body.flags for _, name, packet in self.log[since:] if name == host and type(packet.body) is Tcp]

    def _handle(self, host: str, event: Event) -> None:
        for action in self.hosts[host].handle(event, now_ns=self.now_ns):
            if isinstance(action, Transmit):
                self._transmit(host, action.packet)
            elif isinstance(action, Wake):
                self._at(self.now_ns, host, Resume(action.call_id))
            elif isinstance(action, Complete):
                self._results[action.call_id] = (action.value, action.errno)
        if self.watch is not None:
            self.watch(self.hosts[host])

    def _transmit(self, host: str, packet: Packet) -> None:
        number = len(self.log)
        self.log.append((self.now_ms, host, packet))
        if self.drop is None or not self.drop(number, host, packet):
            other = "b" if host == "a" else "a"
            later_ms = self.late(number) if self.late is not None else 0
            for copy_ms in (later_ms,) if later_ms >= 0 else (0, -later_ms):
                at_ns = self.now_ns + self.delay_ns + round(copy_ms * MS)
                self._at(at_ns, other, Received(f"{other}-eth0", packet))

    def _at(self, at_ns: int, host: str, event: Event) -> None:
        heapq.heappush(self._queue, (at_ns, next(self._counter), host, event))


class Lone(Pair):
    """Host ``b`` alone: what it sends goes to the test, which speaks for ``a`` by :meth:`say`."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(delay_ms=0, **kwargs)
        self.port = 40_000
        self._heard = 0

    def _transmit(self, host: str, packet: Packet) -> None:
        self.log.append((self.now_ms, host, packet))

    def say(
        self, flags: int, seq: int, ack: int = 0, payload: bytes = b"", *, window: int = 65535,
        options: Options = NO_OPTIONS, port: int | None = None, to: int = PORT,
    ) -> list[Tcp]:  # fmt: skip
        """A segment from the peer; the segments that the host answers with at once."""
        segment = Tcp(self.port if port is None else port, to, seq, ack & 0xFFFFFFFF, flags, window, payload, options)
        header = 40 if self.family == 4 else 60
        size = header + len(payload) + (12 if options.ts_val is not None else 0)
        self.deliver(
            Packet(self.family, self.address["a"], self.address["b"], IPPROTO_TCP, size, segment, dont_fragment=True)
        )
        return self.heard()

    def deliver(self, packet: Packet) -> None:
        """Any packet from the wire, now."""
        self._handle("b", Received("b-eth0", packet))
        self.run(self.now_ms)

    def heard(self) -> list[Tcp]:
        """The segments that the host sent since this was asked last."""
        new, self._heard = self.log[self._heard :], len(self.log)
        return [packet.body for _, _, packet in new if isinstance(packet.body, Tcp)]

    def open(self, listener: int, **kwargs: Any) -> tuple[int, int]:
        """A handshake from ``port``; the accepted descriptor, and the host's next sequence number."""
        [synack] = self.say(SYN, 1000, **kwargs)
        assert synack.flags & (SYN | ACK) == SYN | ACK
        self.say(ACK, 1001, synack.seq + 1, port=kwargs.get("port"))
        return int(self.do("b", "accept", listener)[0]), synack.seq + 1


__all__ = ["ACK", "FIN", "PORT", "PSH", "RST", "SYN", "Lone", "Pair"]
