"""An interface shows its capture what passes, and refuses what is longer than its MTU."""

from __future__ import annotations

from pathlib import Path

import pytest

from netemu.packet.ip import Tcp
from netemu.sim.captures import Capture
from netemu.sim.engine import Engine
from netemu.sim.port import Port
from netemu.sim.wire import Frame
from netemu.specs import CaptureSpec
from tests.sim.lanes import Out
from tests.sim.packets import packet


class Ends:
    """A port, the wire behind it and its capture."""

    def __init__(self, directory: Path, mtu_bytes: int = 1500, mac: str | None = "02:00:00:00:00:02") -> None:
        self.engine = engine = Engine(0)
        self.out = Out(engine)
        self.port = Port(engine, "02:00:00:00:00:01", mtu_bytes, lambda _: mac)
        self.port.lane = self.out.lane
        self.port.capture = self.capture = Capture(CaptureSpec("h1", "h1-eth0"), directory / "capture", "", 0)

    def frames(self) -> list[Frame]:
        """What the wire has brought to its end."""
        self.engine.run(1)
        return [frame for _, frame in self.out.frames]


def test_a_packet_leaves_behind_an_ethernet_header_and_is_captured(tmp_path: Path) -> None:
    ends = Ends(tmp_path)
    ends.port.transmit(packet())
    ends.port.transmit(packet(version=6))
    four, six = ends.frames()
    assert four[0].hex() == "020000000002" + "020000000001" + "0800"
    assert six[0].hex().endswith("86dd") and ends.capture.packets == 2


def test_a_packet_to_nobody_goes_nowhere(tmp_path: Path) -> None:
    ends = Ends(tmp_path, mac=None)
    ends.port.transmit(packet())
    assert not ends.frames() and not ends.capture.packets


@pytest.mark.parametrize(("payload", "arrives"), [(100, True), (101, False)])
def test_what_is_longer_than_the_mtu_is_not_even_captured(payload: int, arrives: bool, tmp_path: Path) -> None:
    ends = Ends(tmp_path, mtu_bytes=148)
    taken: list[Frame] = []
    ends.port.receive = taken.append
    ends.port.arrive((b"", packet(Tcp(1, 2, 3, 4, 16, 5, bytes(payload + 12)))))
    assert [frame[1].length for frame in taken] == ([152] if arrives else [])
    assert ends.capture.packets == int(arrives)
