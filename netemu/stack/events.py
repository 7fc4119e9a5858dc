"""What goes into a stack and what comes out of it: plain values, no clock, no socket.

A system call that can be answered at once is completed among the actions of its own event. One that blocks is a
completion that has not come yet: later a :class:`Wake` says that its process may run again, and the process does so
(:class:`Resume`) when a processor has time for it, which is after the interrupts of that instant.
"""

from __future__ import annotations

from typing import Any

import msgspec

from netemu.packet.ip import Packet


class SystemCall(msgspec.Struct, frozen=True, gc=False):
    """A process enters system call ``name`` of :mod:`netemu.stack.calls`; ``call_id`` names the call in progress."""

    call_id: int
    name: str
    args: tuple[Any, ...] = ()


class Resume(msgspec.Struct, frozen=True, gc=False):
    """The process that was woken runs again, inside its call."""

    call_id: int


class Interrupt(msgspec.Struct, frozen=True, gc=False):
    """A signal for the process in that call: a call that can be interrupted is woken and ends with EINTR or a count."""

    call_id: int


class Received(msgspec.Struct, frozen=True, gc=False):
    """A packet arrived at ``interface``."""

    interface: str
    packet: Packet


class Deadline(msgspec.Struct, frozen=True, gc=False):
    """The time that :meth:`Stack.next_deadline_ns` named has come."""


Event = SystemCall | Resume | Interrupt | Received | Deadline


class Transmit(msgspec.Struct, frozen=True, gc=False):
    """A packet leaves through ``interface``. ``context``: what made it leave (M10): process, softirq or timer."""

    interface: str
    packet: Packet
    context: str


class Complete(msgspec.Struct, frozen=True, gc=False):
    """A system call returns: ``value``, or None and ``errno`` (a positive number of :mod:`errno`)."""

    call_id: int
    value: Any
    errno: int = 0


class Wake(msgspec.Struct, frozen=True, gc=False):
    """The process in that call is runnable; it goes on with :class:`Resume`."""

    call_id: int


class Trace(msgspec.Struct, frozen=True):
    """A tracepoint was passed: its name in the kernel (``tcp_probe``, ``tcp_retransmit_skb``) and its fields."""

    event: str
    fields: dict[str, Any]


Action = Transmit | Complete | Wake | Trace
