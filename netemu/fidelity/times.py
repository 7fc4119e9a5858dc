"""When packets are sent: which of them a timer sends, and how far the model's may be from the real kernel's.

In a guest's virtual time computing takes none, so what a packet's arrival causes leaves at the same nanosecond; what a
timer of the wheel sends leaves on a tick. Everything else follows a call or a high-resolution timer.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable, Mapping, Sequence
from typing import Literal

import msgspec

from netemu.fidelity.captured import Captured
from netemu.fidelity.relative import Relative

Kind = Literal["answer", "timer", "call"]

ANSWER_NS = 20_000
"""How far the time of an ACK-clocked packet, or of one that a call sends, may be off."""

TICK_NS = 4_000_000
"""The guests tick at HZ=250."""

_WHEEL_SIZE, _LEVEL_SHIFT, _LEVELS = 64, 3, 9
"""kernel/time/timer.c: LVL_SIZE, LVL_CLK_SHIFT, LVL_DEPTH at HZ > 100."""


def granularity_ns(delay_ns: int, tick_ns: int = TICK_NS) -> int:
    """How coarse the timer wheel is for a timer armed for ``delay_ns`` (calc_wheel_index in kernel/time/timer.c)."""
    ticks = delay_ns // tick_ns
    level = 0
    while level < _LEVELS - 1 and ticks >= (_WHEEL_SIZE - 1) << (_LEVEL_SHIFT * level):
        level += 1
    return tick_ns << (_LEVEL_SHIFT * level)


class Sent(msgspec.Struct, frozen=True):
    """Why a packet left, and by how much its time may be off."""

    kind: Kind
    allowed_ns: int


class Off(msgspec.Struct, frozen=True):
    """Packets of one kind: how many, how many within what is allowed, and the worst of all."""

    packets: int = 0
    within: int = 0
    worst_ns: int = 0


class Times(msgspec.Struct, frozen=True):
    """How far send times are off, by kind."""

    answer: Off = Off()
    timer: Off = Off()
    call: Off = Off()

    def with_pair(self, sent: Sent, off_ns: int) -> Times:
        """These and one packet more, sent ``off_ns`` later by the model."""
        old: Off = getattr(self, sent.kind)
        off_ns = abs(off_ns)
        new = Off(old.packets + 1, old.within + (off_ns <= sent.allowed_ns), max(old.worst_ns, off_ns))
        return msgspec.structs.replace(self, **{sent.kind: new})


TimesOfKind = Callable[[str, Relative], Sent]


def sent_by(captures: Mapping[str, Sequence[Captured]]) -> TimesOfKind:
    """What tells of a packet in one of the real kernel's ``captures`` why it was sent."""
    arrivals = {name: sorted({one.t_ns for one in packets if not one.out}) for name, packets in captures.items()}
    events = {name: sorted({one.t_ns for one in packets}) for name, packets in captures.items()}

    def sent(capture: str, packet: Relative) -> Sent:
        here = arrivals[capture]
        at = bisect_left(here, packet.t_ns)
        if at < len(here) and here[at] == packet.t_ns:
            return Sent("answer", ANSWER_NS)
        if packet.t_ns % TICK_NS:
            return Sent("call", ANSWER_NS)
        before = bisect_left(events[capture], packet.t_ns) - 1
        delay_ns = packet.t_ns - (events[capture][before] if before >= 0 else 0)
        return Sent("timer", granularity_ns(delay_ns))

    return sent
