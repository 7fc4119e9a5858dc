"""An interface between a node and its wire: what is captured there, and what it refuses for its length."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from netemu.recording.pcapng import DIRECTION_IN, DIRECTION_OUT

if TYPE_CHECKING:
    from netemu.packet.ip import Packet
    from netemu.sim.captures import Capture
    from netemu.sim.engine import Engine
    from netemu.sim.wire import Frame, Lane

VLAN_BYTES = 4  # is_skb_forwardable() (net/core/dev.c) leaves room for a tag that nobody sends
_ETHERTYPE = {4: b"\x08\x00", 6: b"\x86\xdd"}


class Port:
    """``lane`` leads away from it, ``receive`` takes what came; ``capture`` sees both."""

    __slots__ = ("_engine", "_headers", "_longest", "_macs", "capture", "lane", "mac", "mtu_bytes", "receive")

    lane: Lane
    receive: Callable[[Frame], object]

    def __init__(self, engine: Engine, mac: str, mtu_bytes: int, hop: Callable[[Packet], str | None]) -> None:
        self._engine = engine
        self.mac, self.mtu_bytes = bytes.fromhex(mac.replace(":", "")), mtu_bytes
        self._longest = mtu_bytes + VLAN_BYTES
        self._macs = hop
        self._headers: dict[str, bytes | None] = {}
        self.capture: Capture | None = None

    def transmit(self, packet: Packet) -> None:
        """A packet of the node's own stack leaves; where nobody answers to its next hop's address it goes nowhere."""
        try:
            header = self._headers[packet.destination]
        except KeyError:
            header = self._headers[packet.destination] = self._header(packet)
        if header is not None:
            self.send((header, packet))

    def send(self, frame: Frame) -> None:
        """A frame leaves."""
        if self.capture is not None:
            self.capture.note(self._engine.now_ns, DIRECTION_OUT, frame)
        self.lane.send(frame)

    def arrive(self, frame: Frame) -> None:
        """A frame came; one longer than the interface's MTU is dropped before anybody sees it (____dev_forward_skb)."""
        if frame[1].length > self._longest:
            return
        if self.capture is not None:
            self.capture.note(self._engine.now_ns, DIRECTION_IN, frame)
        self.receive(frame)

    def _header(self, packet: Packet) -> bytes | None:
        mac = self._macs(packet)
        return None if mac is None else bytes.fromhex(mac.replace(":", "")) + self.mac + _ETHERTYPE[packet.version]
