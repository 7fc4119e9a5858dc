"""An interface shows its capture what passes, and refuses what is longer than its MTU."""

from __future__ import annotations

from typing import Any

from netemu.packet.ip import Tcp
from netemu.sim.engine import Engine
from netemu.sim.port import Port
from tests.sim.packets import packet


class Heard:
    """Stands for a wire and for a capture."""

    def __init__(self) -> None:
        self.frames: list[Any] = []

    def send(self, frame: Any) -> None:
        self.frames.append(frame)

    def note(self, _: int, direction: int, frame: Any) -> None:
        self.frames.append((direction, frame[1].length))


def port(mtu_bytes: int = 1500, mac: str | None = "02:00:00:00:00:02") -> tuple[Any, Heard, Heard]:
    made: Any = Port(Engine(0), "02:00:00:00:00:01", mtu_bytes, lambda _: mac)
    made.lane, made.capture = Heard(), Heard()
    return made, made.lane, made.capture


def test_a_packet_leaves_behind_an_ethernet_header_and_is_captured() -> None:
    here, wire, capture = port()
    here.transmit(packet())
    here.transmit(packet(version=6))
    assert wire.frames[0][0].hex() == "020000000002" + "020000000001" + "0800"
    assert wire.frames[1][0].hex().endswith("86dd") and len(capture.frames) == 2


def test_a_packet_to_nobody_goes_nowhere() -> None:
    here, wire, capture = port(mac=None)
    here.transmit(packet())
    assert not wire.frames and not capture.frames


def test_what_is_longer_than_the_mtu_is_not_even_captured() -> None:
    here, _, capture = port(mtu_bytes=148)
    taken: list[Any] = []
    here.receive = taken.append
    for payload in (100, 101):
        here.arrive((b"", packet(Tcp(1, 2, 3, 4, 16, 5, bytes(payload + 12)))))
    assert [frame[1].length for frame in taken] == [152] and capture.frames == [(1, 152)]
