"""One host as a sans-IO stack: events in, actions out, no clock and no randomness of its own."""

from __future__ import annotations

from collections import deque
from collections.abc import Generator, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Protocol

from netemu.stack.events import (
    Action,
    Complete,
    Deadline,
    Event,
    Received,
    Resume,
    SystemCall,
    Trace,
    Transmit,
    Wake,
)
from netemu.stack.fdtable import FileTable
from netemu.stack.icmp_ratelimit import IcmpGlobal
from netemu.stack.inet_hashtables import InetHashinfo
from netemu.stack.ip_fragment import FragQueues
from netemu.stack.ip_output import run_loopback
from netemu.stack.prng import Prng
from netemu.stack.route import Fib
from netemu.stack.snmp import Mib
from netemu.stack.task import KernelError, Task
from netemu.stack.timer import Timers

if TYPE_CHECKING:
    from netemu.packet.ip import Packet
    from netemu.stack.inet_diag import Entry
    from netemu.stack.profile import Profile
    from netemu.stack.sch_fq import Fq
    from netemu.stack.sock import TcpSock
    from netemu.stack.sysctl import Sysctl
    from netemu.stack.tcp_metrics import TcpMetrics
    from netemu.stack.udp_sock import UdpSock


class Stack(Protocol):
    """What a simulator needs of a host; a whole stack of somebody else's plugs in here."""

    def handle(self, event: Event, *, now_ns: int) -> Sequence[Action]:
        """What the host does about ``event`` at ``now_ns``, which never goes back. Bad packets never raise."""
        ...

    def next_deadline_ns(self) -> int | None:
        """When it wants a :class:`Deadline`; None: never."""
        ...

    def sockets(self) -> Iterable[Entry]:
        """Its TCP sockets as sock_diag shows them."""
        ...

    def counters(self) -> Mapping[str, int]:
        """Its counters by nstat's names."""
        ...

    def snapshot(self) -> Mapping[str, object]:
        """Its state by the kernel's field names: sockets, memory, counters, queues."""
        ...


class LinuxStack:
    """A Linux host. ``interfaces`` and ``routes`` are in :mod:`netemu.stack.route`; ``seed`` makes its random numbers.

    ``now_ns`` is the host's monotonic clock, which began at its boot.
    """

    def __init__(self, name: str, profile: Profile, sysctl: Sysctl, seed: int) -> None:
        from netemu.stack import calls, ip_input, tcp_output  # late: they know this class

        self._calls, self._ip_rcv, self._tcp_wfree = calls.CALLS, ip_input.ip_rcv, tcp_output.tcp_wfree
        self.name = name
        self.profile: Profile = profile
        self.sysctl: Sysctl = sysctl
        self.timers = Timers(profile.hz, coarse=profile.timer_wheel_coarse)
        self.ts_tick_us = 1_000_000 // profile.hz if profile.timestamps_in_jiffies else 1000
        self.ts_tick_ns = self.ts_tick_us * 1000
        self.rtt_unit_us = 1_000_000 // profile.hz if profile.rtt_in_jiffies else 1
        self.now_ns = 0
        self.context = "process"
        self.current: Task = Task(self, -1, _idle())
        # tcp_memory_allocated, in pages; tcp_memory_pressure, jiffy of its beginning; tcp_sockets_allocated
        self.tcp_memory_allocated = self.tcp_memory_pressure = self.tcp_sockets_allocated = 0
        self._tasks: dict[int, Task] = {}
        self._actions: list[Action] = []
        self.random = Prng(seed)
        self.mib = Mib(prequeue=profile.prequeue)
        self.fib = Fib(self)
        self.hashinfo = InetHashinfo()
        self.files = FileTable()
        self.loopback: deque[Packet] = deque()
        self.tx_socks: list[TcpSock] = []  # whose segments the device holds until the present softirq is over
        self.frags = FragQueues()
        self.icmp_global = IcmpGlobal()
        self.tcp_challenge_timestamp = -1  # second that tcp_challenge_count is of (RFC 5961 section 7)
        self.tcp_challenge_count = 0
        self.tcp_orphan_count = 0
        self.udp_table: dict[int, list[UdpSock]] = {}
        self.udp_memory_allocated = 0  # pages, net.ipv4.udp_mem
        self.sockets_created = 0  # each socket's cookie
        self.carried_by_kernel = False  # what arrives is the sender's own skb (netemu.stack.skb_alloc)
        self.behind_tun = False  # the device is a tun: what arrives was written to it, what leaves is gone at once
        self.qdisc: Fq | None = None  # in front of the devices; None: packets go straight to them
        self.tcp_fastopen_keys: tuple[bytes, ...] | None = None  # net.ipv4.tcp_fastopen_key
        self.tfo_active_disable_times = self.tfo_active_disable_stamp = 0  # pauses of Fast Open; jiffy of the last
        self.tcp_metrics: dict[tuple[str, str], TcpMetrics] = {}  # by local and remote address
        self.tracing = True  # whether packets pass the tracepoints of netemu.stack.tcp_trace
        self.tcp_sockets: set[TcpSock] = set()  # with a process or, as orphans, without
        self.sigpipes = 0  # SIGPIPE sent to processes

    @property
    def jiffies(self) -> int:
        """The tick that has begun last."""
        return self.timers.jiffies

    def handle(self, event: Event, *, now_ns: int) -> Sequence[Action]:
        """See :meth:`Stack.handle`; ValueError when time goes back or a call is none of this host's."""
        if now_ns < self.now_ns:
            raise ValueError(f"host {self.name}: time went back from {self.now_ns} to {now_ns} ns")
        if now_ns != self.now_ns:
            self.now_ns = now_ns
            self.timers.advance(now_ns)
        actions = self._actions = []
        if isinstance(event, Received):
            self.context = "softirq"
            self._ip_rcv(self, event.interface, event.packet)
        elif isinstance(event, Deadline):
            self.context = "timer"
            self.timers.run()
        elif isinstance(event, SystemCall):
            self._enter(event)
        elif isinstance(event, Resume):
            self._continue(self._task(event.call_id))
        else:
            task = self._task(event.call_id)
            task.interrupted = True
            task.wake()
        if self.loopback or self.tx_socks:
            self._end_softirq()
        return actions

    def next_deadline_ns(self) -> int | None:
        """See :meth:`Stack.next_deadline_ns`."""
        return self.timers.next_ns()

    def sockets(self) -> Iterable[Entry]:
        """See :meth:`Stack.sockets`."""
        from netemu.stack.inet_diag import inet_diag_dump

        return inet_diag_dump(self)

    def counters(self) -> Mapping[str, int]:
        """See :meth:`Stack.counters`."""
        return self.mib.by_name()

    def snapshot(self) -> Mapping[str, object]:
        """See :meth:`Stack.snapshot`: every socket's fields, and the host's memory and counters."""
        from netemu.stack.snapshot import snapshot

        return snapshot(self)

    def _end_softirq(self) -> None:
        """What the event left to be done after it: packets to this host itself, and what the device held.

        The device is done with what a softirq gave it, and the tasklet of TCP small queues goes on sending: the socket
        held back last goes first.
        """
        while self.loopback or self.tx_socks:
            self.context = "softirq"
            run_loopback(self)
            socks, self.tx_socks = self.tx_socks, []
            for sk in reversed(socks):
                self._tcp_wfree(sk, sk.sk_wmem_alloc)

    # ---- what the rest of the stack calls

    def transmit(self, interface: str, packet: Packet) -> None:
        """Hand a packet to the device."""
        self._actions.append(Transmit(interface, packet, self.context))

    def wake(self, task: Task) -> None:
        """A process became runnable."""
        self._actions.append(Wake(task.call_id))

    def trace(self, event: str, fields: dict[str, Any]) -> None:
        """A tracepoint was passed."""
        self._actions.append(Trace(event, fields))

    # ---- system calls

    def _task(self, call_id: int) -> Task:
        if call_id not in self._tasks:
            raise ValueError(f"host {self.name}: no system call {call_id} is in progress")
        return self._tasks[call_id]

    def _enter(self, event: SystemCall) -> None:
        function = self._calls.get(event.name)
        if event.call_id in self._tasks or function is None:
            raise ValueError(f"host {self.name}: system call {event.name!r} {event.call_id}: unknown, or in progress")
        call = function(self, *event.args)
        task = self._tasks[event.call_id] = Task(self, event.call_id, call)
        self._continue(task)

    def _continue(self, task: Task) -> None:
        """Run a process until it sleeps or its call returns."""
        self.context = "process"
        self.current = task
        try:
            next(task.call)
        except StopIteration as end:
            self._actions.append(Complete(task.call_id, end.value))
        except KernelError as error:
            self._actions.append(Complete(task.call_id, None, error.errno))
        else:
            return
        del self._tasks[task.call_id]


def _idle() -> Generator[None, None, None]:
    """The call of the process that is none."""
    yield
