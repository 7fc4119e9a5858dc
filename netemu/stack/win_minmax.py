"""The largest or smallest of a sliding window, remembered with three values (lib/win_minmax.c, Kathleen Nichols).

The best of the window, the best since that, and the best since that one: when the best grows too old the next takes
its place. Approximate, but never too old.
"""

from __future__ import annotations


class MinMax:
    """``struct minmax``: ``win`` and times in any unit, the same for both."""

    __slots__ = ("_s", "largest")

    def __init__(self, t: int, value: int, *, largest: bool) -> None:
        self.largest = largest
        self._s = [(t, value)] * 3

    def get(self) -> int:
        """The best of the window (minmax_get)."""
        return self._s[0][1]

    def reset(self, t: int, value: int) -> int:
        """Forget all but one value (minmax_reset)."""
        self._s = [(t, value)] * 3
        return value

    def running(self, win: int, t: int, value: int) -> int:
        """Add the ``value`` of time ``t``; the best of the last ``win`` (minmax_running_max, minmax_running_min)."""
        s = self._s
        if self._beats(value, s[0][1]) or t - s[2][0] > win:
            return self.reset(t, value)
        sample = (t, value)
        if self._beats(value, s[1][1]):
            s[1] = s[2] = sample
        elif self._beats(value, s[2][1]):
            s[2] = sample
        return self._age(win, sample)

    def _beats(self, value: int, other: int) -> bool:
        return value >= other if self.largest else value <= other

    def _age(self, win: int, sample: tuple[int, int]) -> int:
        """Drop a best that is too old, and take fresh seconds and thirds each quarter of the window (minmax_subwin)."""
        s = self._s
        dt = sample[0] - s[0][0]
        if dt > win:
            s[0], s[1], s[2] = s[1], s[2], sample
            if sample[0] - s[0][0] > win:
                s[0], s[1], s[2] = s[1], s[2], sample
        elif s[1][0] == s[0][0] and dt > win // 4:
            s[1] = s[2] = sample
        elif s[2][0] == s[1][0] and dt > win // 2:
            s[2] = sample
        return s[0][1]
