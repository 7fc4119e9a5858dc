"""A wire's two directions in the engine: each arrival gets its verdict from :class:`netemu.link.LinkModel`."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import msgspec

from netemu.link import LinkModel
from netemu.packet.bytes import from_bytes, to_bytes
from netemu.packet.ip import CE
from netemu.sim.engine import INTERRUPT, Engine
from netemu.sim.headers import headers_of

if TYPE_CHECKING:
    from netemu.link import Verdict
    from netemu.packet.ip import Packet
    from netemu.sim.journal import Journal

Frame = tuple[bytes, "Packet"]
"""An Ethernet header and the packet behind it."""


class Lane:
    """One direction. ``deliver`` takes what leaves it, at that time."""

    __slots__ = ("_deliver", "_engine", "_journal", "_needs_headers", "direction", "model")

    def __init__(
        self, engine: Engine, direction: str, model: LinkModel, journal: Journal, deliver: Callable[[Frame], object]
    ) -> None:
        self._engine, self.direction, self.model = engine, direction, model
        self._journal, self._deliver = journal, deliver
        self._needs_headers = model.needs_headers

    def send(self, frame: Frame) -> None:
        """A frame enters the wire."""
        engine, packet = self._engine, frame[1]
        headers = headers_of(packet) if self._needs_headers else None
        verdict = self.model.arrive(engine.now_ns, packet.length, headers)
        self._journal.note(self.direction, engine.now_ns, verdict, packet)
        if verdict.due_ns >= 0:
            if verdict.marked or verdict.corrupt_bit >= 0 or verdict.copy is not None:
                self._send_changed(frame, verdict)
            else:
                engine.at(verdict.due_ns, INTERRUPT, self._deliver, frame)

    def _send_changed(self, frame: Frame, verdict: Verdict) -> None:
        changed: Packet | None = frame[1]
        if verdict.marked and changed is not None:
            changed = msgspec.structs.replace(changed, tos=changed.tos | CE)
        if verdict.corrupt_bit >= 0 and changed is not None:
            changed = corrupted(changed, verdict.corrupt_bit)
        if changed is not None:
            self._engine.at(verdict.due_ns, INTERRUPT, self._deliver, (frame[0], changed))
        if verdict.copy is not None:
            self._journal.note(self.direction, self._engine.now_ns, verdict.copy, frame[1])
            self._send_changed(frame, verdict.copy)


def corrupted(packet: Packet, bit: int) -> Packet | None:
    """``packet`` with one bit flipped, counted from its first; None when no host would take it for IP any more."""
    data = bytearray(to_bytes(packet))
    data[bit >> 3] ^= 0x80 >> (bit & 7)
    return from_bytes(bytes(data))
