"""When traffic starts: with a lead, and where asked at a whole multiple of a step."""

from __future__ import annotations

import time

import pytest

from netemu.lab import start


@pytest.mark.parametrize(
    ("now_ns", "t0_ns"), [(0, 100), (50, 100), (90, 100), (91, 200), (100, 200), (1, 100)], ids=str
)
def test_t0_is_the_next_multiple_with_the_lead(now_ns: int, t0_ns: int) -> None:
    assert start.next_multiple(now_ns, 100, 10) == t0_ns


def test_without_a_step_t0_is_the_lead_away(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(start.STEP_VARIABLE, raising=False)
    assert not start.time_is_virtual()
    before = time.monotonic_ns()
    t0_ns = start.choose_t0_ns()
    assert before + start.LEAD_NS <= t0_ns <= time.monotonic_ns() + start.LEAD_NS


def test_with_a_step_t0_is_a_multiple_and_the_generator_is_keyed_before(monkeypatch: pytest.MonkeyPatch) -> None:
    step_ns = 200_000_000
    keyed: list[int] = []
    monkeypatch.setenv(start.STEP_VARIABLE, str(step_ns))
    monkeypatch.setattr(start, "reseed", lambda: keyed.append(time.monotonic_ns()))
    assert start.time_is_virtual()
    t0_ns = start.choose_t0_ns()
    assert t0_ns % step_ns == 0
    assert len(keyed) == 1
    assert keyed[0] >= t0_ns - start.LEAD_NS
