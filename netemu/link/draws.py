"""Random decisions that belong to a packet's number, not to the moment they are asked for.

A stream is a pure function of (seed, index): splitmix64 (Steele, Lea and Flood, "Fast splittable pseudorandom
number generators", OOPSLA 2014) read at a position. Streams of different names are independent, so changing one
effect of a link never moves the decisions of another, and packet ``i`` meets the same fate whatever came between.
"""

from __future__ import annotations

_MASK = (1 << 64) - 1
_GAMMA = 0x9E3779B97F4A7C15
_UNIT = 1.0 / (1 << 53)


def _mix(z: int) -> int:
    z = ((z ^ (z >> 30)) * 0xBF58476D1CE4E5B9) & _MASK
    z = ((z ^ (z >> 27)) * 0x94D049BB133111EB) & _MASK
    return z ^ (z >> 31)


def derive_seed(seed: int, *names: str) -> int:
    """A 64-bit seed for the thing called ``names`` (such as a link and its direction) under a plan's ``seed``.

    FNV-1a over the names, each ended by a zero byte so that ("ab", "c") differs from ("a", "bc"), then mixed.
    """
    digest = 0xCBF29CE484222325 ^ _mix(seed & _MASK)
    for name in names:
        for byte in name.encode() + b"\0":
            digest = ((digest ^ byte) * 0x100000001B3) & _MASK
    return _mix(digest)


class Draws:
    """The stream of one purpose: ``word(i)`` is 64 random bits, ``ratio(i)`` a float in [0, 1)."""

    __slots__ = ("_seed",)

    def __init__(self, seed: int, purpose: str) -> None:
        self._seed = derive_seed(seed, purpose)

    def word(self, index: int) -> int:
        """The 64 bits at ``index`` (>= 0)."""
        return _mix((self._seed + (index + 1) * _GAMMA) & _MASK)

    def ratio(self, index: int) -> float:
        """The number in [0, 1) at ``index``, 53 bits of it random."""
        return (self.word(index) >> 11) * _UNIT
