"""Links between guests judged: two guests that report what a good or a bad link would make them report."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest

from netemu.errors import VoidRun
from netemu.kernels.mixed_probe import CrossingLinks
from netemu.lab.part import crossing_targets
from netemu.lab.probe import KINDS, shape_of
from netemu.lab.tsc import Offset
from netemu.specs import LinkDirection, Plan
from netemu.topology.wiring import derive_wiring
from tests.lab.plans import pair

OFFSETS = (Offset(10**12, 5000), Offset(-7 * 10**11, 5000))
"""The guests booted at different times; h1 is in the first, h2 in the second."""


class Guests:
    """Two guests on a link of the plan that really has ``delay_ns``; whatever is said is on their own clocks."""

    def __init__(self, plan: Plan, delay_ns: int, held_bytes: int = 0, refuse: bool = True) -> None:
        self._targets = crossing_targets(derive_wiring(plan), plan.links)
        self._delay_ns, self._held, self._refuse = delay_ns, held_bytes, refuse
        self._command: dict[str, Any] = {}
        self._came: tuple[list[list[int]], list[list[int]]] = ([], [])
        self.sent: list[tuple[str, list[int]]] = []

    def tell(self, word: str, **more: Any) -> None:
        self._command = {"do": word, **more}
        if word == "send":
            self.sent.append((more["kind"], more["targets"]))

    def wait(self, word: str, timeout_s: float) -> Sequence[dict[str, Any]]:
        if word == "refused":
            return [{"refused": {str(number): self._refuse}} for number in (0, 1)]
        if word == "sent":
            return [
                {"sent": {str(n): self._send(n) for n in self._command["targets"] if n == guest}} for guest in (0, 1)
            ]
        came, self._came = self._came, ([], [])
        return [{"came": came[guest]} for guest in (0, 1)]

    def _send(self, number: int) -> dict[str, Any]:
        target, kind = self._targets[number], self._command["kind"]
        shape = shape_of(kind, target)
        here, there = OFFSETS[number].ns, OFFSETS[1 - number].ns
        free_ns = 10**9
        for frame in range(shape.count):
            sent_ns = 10**9 + max(0, frame - shape.burst + 1) * shape.gap_ns
            free_ns = max(free_ns, sent_ns) + target.line_ns(shape.ip_bytes)
            arrival_ns = free_ns + self._delay_ns + there
            self._came[1 - number].append([number, KINDS[kind], frame, shape.ip_bytes, arrival_ns])
        return {
            "sent_ns": [10**9 + max(0, f - shape.burst + 1) * shape.gap_ns + here for f in range(shape.count)],
            "held_bytes": self._held if kind == "train" else None,
            "late_fed": [],
            "wait_ns": 0,
        }


def proved(guests: Guests, plan: Plan) -> list[dict[str, Any]]:
    return CrossingLinks(plan, plan.links, guests, OFFSETS).prove()  # type: ignore[arg-type]


SHAPED = pair(LinkDirection(rate_bps=10_000_000, delay_ns=10_000_000))


def test_a_link_that_is_as_asked_is_proved_across_two_clocks() -> None:
    guests = Guests(SHAPED, 10_000_000)
    records = proved(guests, SHAPED)
    assert [(record["direction"], record["attempts"]) for record in records] == [("a_to_b", 1), ("b_to_a", 1)]
    for record in records:
        found = record["quantities"]
        assert found["delay_ns"]["measured"] == 10_000_000
        assert found["rate_bps"]["measured"] == pytest.approx(10_000_000, rel=1e-4)
        assert found["mtu_bytes"]["measured"] == 1500
        assert found["held_bytes"]["measured"] == 0
    assert guests.sent == [("delay", [0, 1]), ("train", [0, 1])]


@pytest.mark.parametrize(
    ("guests", "why"),
    [
        (Guests(SHAPED, 12_000_000), "delay_ns: asked for 10000000, measured 12000000"),
        (Guests(SHAPED, 10_000_000, held_bytes=5), "held_bytes: asked for 0, measured 5"),
        (Guests(SHAPED, 10_000_000, refuse=False), "mtu_bytes: asked for 1500, .*was not refused"),
    ],
)
def test_a_link_that_is_not_as_asked_is_named_after_three_attempts(guests: Guests, why: str) -> None:
    with pytest.raises(VoidRun, match=rf"link l1 a_to_b \(h1-eth0 to h2-eth0\): {why}"):
        proved(guests, SHAPED)
    assert len(guests.sent) in (3, 4)


def test_a_plan_without_crossing_links_has_nothing_to_prove() -> None:
    guests = Guests(SHAPED, 0)
    assert CrossingLinks(SHAPED, [], guests, OFFSETS).prove() == []  # type: ignore[arg-type]
    assert guests.sent == []
