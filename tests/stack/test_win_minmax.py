"""The windowed maximum against a plain one: never below the true one of the window, and never from before it."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from netemu.stack.win_minmax import MinMax

samples = st.lists(st.tuples(st.integers(0, 20), st.integers(0, 1000)), min_size=1, max_size=80)


@given(samples, st.booleans())
def test_it_never_returns_a_value_older_than_the_window(steps: list[tuple[int, int]], largest: bool) -> None:
    win = 40
    best = MinMax(0, steps[0][1], largest=largest)
    seen = [(0, steps[0][1])]
    t = 0
    for gap, value in steps:
        t += gap
        seen.append((t, value))
        got = best.running(win, t, value)
        recent = [v for at, v in seen if t - at <= win]
        assert got == best.get()
        assert got in recent
        assert got >= value if largest else got <= value


def test_a_new_best_forgets_the_others_and_an_old_best_gives_way() -> None:
    best = MinMax(0, 5, largest=True)
    assert best.running(10, 1, 9) == 9
    assert best.running(10, 4, 3) == 9
    assert best.running(10, 12, 2) == 3
    assert best.reset(13, 1) == 1
