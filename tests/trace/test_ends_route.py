"""The order in which packets pass captures."""

from __future__ import annotations

import polars as pl
import pytest

from netemu.trace import ends
from netemu.trace.ends_path import candidates, joined
from netemu.trace.ends_route import Route, routes
from tests.trace.ends_rig import MS, Captures


def found(c: Captures, *, shared_clock: bool) -> list[Route]:
    packets = c.packets().lazy()
    marks = joined(packets, candidates(c.connections()))
    captures = ends._captures(packets, marks, shared_clock)
    return routes(captures.frames, marks, shared_clock)


def chain(**how: int) -> Captures:
    """Captures c, a, b in this order on the way; clocks as given."""
    c = Captures(clocks=dict(how))
    for number in range(3):
        t = 40 * number
        c.pass_by(0, {"c": t, "a": t + 5, "b": t + 9}, 1 + 100 * number, 100)
        c.pass_by(1, {"b": t + 20, "a": t + 24, "c": t + 29}, 1, ack=101 + 100 * number)
    return c


@pytest.mark.parametrize("shared_clock", [True, False])
def test_time_tells_the_order(shared_clock: bool) -> None:
    clocks = {} if shared_clock else {"a": 3000 * MS, "b": -500 * MS}
    assert found(chain(**clocks), shared_clock=shared_clock) == [
        Route(2, (0,), 1, (0,)),
        Route(1, (0,), 2, (1,)),
    ]


def test_where_no_time_passes_the_ttl_tells_it() -> None:
    """Two interfaces of one router in virtual time."""
    c = Captures()
    for capture, ttl in (("a", 63), ("b", 64)):
        c.pass_by(0, {capture: 1}, 1, 100, ttl=ttl)
    assert found(c, shared_clock=True) == [Route(1, (), 0, (0,))]


def test_a_large_capture_is_sampled_alike_on_both_sides(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("netemu.trace.ends_route.SAMPLED_ABOVE", 10)
    c = Captures()
    for number in range(400):
        c.pass_by(0, {"b": number, "a": number + 7}, 1 + 100 * number, 100)
    assert found(c, shared_clock=True)[0].first == 1
    assert pl.DataFrame(c.rows).height == 800
