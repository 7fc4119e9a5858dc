"""One direction of a wire in an engine of its own, and what came out of it."""

from __future__ import annotations

from typing import Any

import msgspec

from netemu.link import LinkModel, LinkParameters
from netemu.packet.ip import Packet
from netemu.sim.engine import Engine
from netemu.sim.journal import Journal
from netemu.sim.wire import Frame, Lane
from netemu.specs import LinkDirection


class Out:
    """``frames`` with their times, once the engine has run."""

    def __init__(self, engine: Engine, **fields: Any) -> None:
        parameters = LinkParameters.from_mapping(msgspec.to_builtins(LinkDirection(**fields)), "link")
        model = LinkModel(parameters, 1)
        model.start(0)
        self.engine, self.journal = engine, Journal("h1-h2")
        self.frames: list[tuple[int, Frame]] = []
        self.lane = Lane(engine, "a_to_b", model, self.journal, self._deliver)

    def _deliver(self, frame: Frame) -> None:
        self.frames.append((self.engine.now_ns, frame))

    @property
    def packets(self) -> list[Packet]:
        """What is behind the Ethernet headers."""
        return [packet for _, (_, packet) in self.frames]
