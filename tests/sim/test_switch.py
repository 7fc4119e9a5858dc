"""A switch forwards by its table, and drops in silence what its port's MTU does not let out."""

from __future__ import annotations

from typing import Any

from netemu.sim.switch import Switch
from tests.sim.packets import packet


class Out:
    def __init__(self, mtu_bytes: int = 1500) -> None:
        self.mtu_bytes, self.sent = mtu_bytes, []  # type: ignore[var-annotated]

    def send(self, frame: Any) -> None:
        self.sent.append(frame)


def test_a_frame_goes_where_its_address_is_and_never_back() -> None:
    left, right = Out(), Out()
    switch = Switch({b"aaaaaa": left, b"bbbbbb": right})  # type: ignore[dict-item]
    forward = switch.receiver(left)  # type: ignore[arg-type]
    for to in (b"bbbbbb", b"aaaaaa", b"cccccc"):
        forward((to + b"ssssss\x08\x00", packet()))
    assert len(right.sent) == 1 and not left.sent


def test_a_frame_that_is_too_long_vanishes() -> None:
    left, right = Out(), Out(100)
    Switch({b"bbbbbb": right}).receiver(left)((b"bbbbbb" + bytes(8), packet()))  # type: ignore[dict-item, arg-type]
    assert not right.sent
