"""Scenarios from a seed: each is a pure function of (seed, index), on any machine, with any version of Python.

A scenario draws its path, what is lost or overtaken, who writes how much at a time and who reads how fast. Every
draw has a purpose of its own (:class:`netemu.link.draws.Draws`), so a new one changes no other.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, TypeVar

from netemu.experiment import bulk, request_response, small_writes
from netemu.experiment.traffic import Flow
from netemu.fidelity.scenario import Scenario
from netemu.link.draws import Draws

DEVELOPED_WITH = range(1, 100)
"""Seeds that may be looked at while models are made; figures that are quoted come from others, from 1000 on."""

T = TypeVar("T")


class _Dice:
    """What is drawn for one scenario."""

    def __init__(self, seed: int, index: int) -> None:
        self._seed, self._index = seed, index

    def ratio(self, purpose: str, nth: int = 0) -> float:
        """From 0 up to 1."""
        return Draws(self._seed, f"fidelity {purpose} {self._index}").ratio(nth)

    def one(self, purpose: str, choices: Sequence[T], nth: int = 0) -> T:
        """One of ``choices``, each as likely."""
        return choices[int(self.ratio(purpose, nth) * len(choices))]

    def whole(self, purpose: str, low: int, high: int, nth: int = 0) -> int:
        """A whole number from ``low`` to ``high``, both included."""
        return low + int(self.ratio(purpose, nth) * (high - low + 1))

    def chance(self, purpose: str, ratio: float) -> bool:
        """True in so many of all scenarios."""
        return self.ratio(purpose) < ratio


def generated(seed: int, index: int) -> Scenario:
    """Scenario ``index`` (from 0) of ``seed``."""
    dice = _Dice(seed, index)
    return Scenario(
        f"seed{seed}_{index}",
        ("M01", "M05", "M06", "M07", "M11", "M17"),
        f"drawn from seed {seed}",
        (_link(dice),),
        (_flow(dice),),
        seed=seed * 1000 + index,
    )


def _link(dice: _Dice) -> Mapping[str, Any]:
    link: dict[str, Any] = {
        "rate": f"{dice.whole('rate', 2, 40)}Mbit/s",
        "delay": f"{dice.whole('delay', 1, 60)}ms",
        "queue": f"{dice.whole('queue', 15, 200)}p",
        "mtu_bytes": dice.one("mtu", (1500, 1500, 1500, 1400, 1280)),
        "backend": dice.one("wire", ("auto", "relay")),
    }
    drops: dict[str, list[dict[str, object]]] = {}
    if dice.chance("data lost", 0.6):
        first = dice.whole("first lost", 1, 60)
        lost = {first}
        for number in range(dice.whole("more lost", 0, 5)):
            lost.add(first + dice.whole("next lost", 1, 12, number))
        drops["h1->h2"] = [{"kind": dice.one("lost kind", ("data", "new_data")), "nth": sorted(lost)}]
    if dice.chance("acks lost", 0.25):
        lost = {dice.whole("ack lost", 1, 40, number) for number in range(dice.whole("lost acks", 1, 6))}
        drops["h2->h1"] = [{"kind": "ack", "nth": sorted(lost)}]
    if drops:
        link["drops"] = drops
    if dice.chance("reordering", 0.2):
        link["reorder"] = {"h1->h2": dice.whole("reordered", 1, 8) / 100}
    if dice.chance("random loss", 0.15):
        link["loss"] = {"h1->h2": dice.whole("loss", 1, 40) / 1000}
    return link


def _flow(dice: _Dice) -> Flow:
    kind = dice.one("traffic", ("bulk", "bulk", "bulk", "writes", "requests"))
    sender: dict[str, Any] = {"congestion": dice.one("congestion", ("reno", "cubic", "cubic", "bbr"))}
    receiver: dict[str, Any] = {}
    if dice.chance("send buffer", 0.25):
        sender["sndbuf_bytes"] = dice.whole("sndbuf", 8, 90) * 1024
    if dice.chance("receive buffer", 0.25):
        receiver["rcvbuf_bytes"] = dice.whole("rcvbuf", 4, 90) * 1024
    if dice.chance("nodelay", 0.4):
        sender["nodelay"] = True
    if kind == "writes":
        size, count, gap = dice.whole("write", 20, 3000), dice.whole("writes", 10, 120), dice.whole("gap", 0, 40)
        return small_writes("one", "h1", "h2", size=size, count=count, gap=f"{gap}ms", sender=sender, receiver=receiver)
    if kind == "requests":
        sizes = {"request": dice.whole("request", 50, 4000), "response": dice.whole("response", 50, 20_000)}
        count = dice.whole("requests", 3, 15)
        return request_response("one", "h1", "h2", count=count, **sizes, sender=sender, receiver=receiver)
    sender["chunk_bytes"] = dice.one("chunk", (262_144, 65_536, 10_000, 1448, 5000))
    if dice.chance("slow reader", 0.2):
        receiver["interval_ns"] = dice.whole("interval", 2, 40) * 1_000_000
        receiver["chunk_bytes"] = dice.whole("read", 1, 16) * 1024
    return bulk("one", "h1", "h2", size=dice.whole("size", 2, 300) * 1000, sender=sender, receiver=receiver)
