"""A switch forwards by its table, and drops in silence what its port's MTU does not let out."""

from __future__ import annotations

from netemu.sim.engine import Engine
from netemu.sim.port import Port
from netemu.sim.switch import Switch
from tests.sim.lanes import Out
from tests.sim.packets import packet


def port(engine: Engine, mtu_bytes: int = 1500) -> tuple[Port, Out]:
    made, out = Port(engine, "02:00:00:00:00:01", mtu_bytes, lambda _: None), Out(engine)
    made.lane = out.lane
    return made, out


def test_a_frame_goes_where_its_address_is_and_never_back() -> None:
    engine = Engine(0)
    (left, to_left), (right, to_right) = port(engine), port(engine)
    forward = Switch({b"aaaaaa": left, b"bbbbbb": right}).receiver(left)
    for to in (b"bbbbbb", b"aaaaaa", b"cccccc"):
        forward((to + b"ssssss\x08\x00", packet()))
    engine.run(1)
    assert len(to_right.frames) == 1 and not to_left.frames


def test_a_frame_that_is_too_long_vanishes() -> None:
    engine = Engine(0)
    (left, _), (right, to_right) = port(engine), port(engine, 100)
    Switch({b"bbbbbb": right}).receiver(left)((b"bbbbbb" + bytes(8), packet()))
    engine.run(1)
    assert not to_right.frames
