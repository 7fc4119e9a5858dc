"""Bytes, words and records by address, for compiled code.

The compiled functions share one record of addresses (:data:`netemu.trace.layout.STATE`) and pass records by
pointer. Passing the arrays themselves would copy seven words per array at every call and make compilation ten times
slower. Every address belongs to an array that the caller in Python keeps alive; bounds are the caller's to check.

These are names; the code behind them is in :mod:`netemu.trace.intrinsics`.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, cast

import numpy as np

from netemu.trace.compiled import Inlined

i64 = cast(Callable[[int], int], np.int64)
"""A constant as a 64-bit number, where Numba would otherwise take a variable's first value for its type."""


def _intrinsic(name: str, *options: Any) -> Any:
    """The intrinsic of that name, or what the function of that name makes with these options."""

    def make() -> Any:
        from netemu.trace import intrinsics

        found = getattr(intrinsics, name)
        return found(*options) if options else found

    return Inlined(make)


def record_at(dtype: np.dtype[Any], step: int = 0) -> Callable[[int, int], Any]:
    """A compiled function ``(base, index)``: the record of type ``dtype`` number ``index`` from address ``base``.

    Its fields are whole numbers of any size, at multiples of it; a store keeps a number's lowest bits. They lie one
    behind the other, or ``step`` bytes apart: fewer than they are long where their fields are columns.
    """
    function: Callable[[int, int], Any] = _intrinsic("record_at", dtype, step)
    return function


Load = Callable[[int, int], int]
"""Of ``(base, offset)``: the unsigned number at that byte, unaligned."""
Store = Callable[[int, int, int], None]
"""Of ``(base, offset, value)``: store its lowest bits at that byte, unaligned, lowest first."""

byte: Load = _intrinsic("loader", 8, False)
le16: Load = _intrinsic("loader", 16, False)
le32: Load = _intrinsic("loader", 32, False)
be16: Load = _intrinsic("loader", 16, True)
be32: Load = _intrinsic("loader", 32, True)
be64: Load = _intrinsic("loader", 64, True)
put8: Store = _intrinsic("storer", 8)
put16: Store = _intrinsic("storer", 16)
put32: Store = _intrinsic("storer", 32)
put64: Store = _intrinsic("storer", 64)

word: Callable[[int, int], int] = _intrinsic("word")
"""``(base, index)``: the 64-bit word number ``index`` from address ``base``."""
set_word: Callable[[int, int, int], None] = _intrinsic("set_word")
"""``(base, index, value)``: store ``value`` as that word."""
prefetch: Callable[[int], None] = _intrinsic("prefetcher", False)
"""``(address)``: that memory will be read soon; any number will do, nothing is read."""
prefetch_to_write: Callable[[int], None] = _intrinsic("prefetcher", True)
"""The same where it will be written to: other processors give up what they have of it."""
shift_right: Callable[[int, int], int] = _intrinsic("shift_right")
"""``(value, count)``: shifted right by 0 to 63 bits without keeping the sign."""
signed32: Callable[[int], int] = _intrinsic("signed32")
"""``(value)``: its lowest 32 bits as a number with sign."""
bit_width: Callable[[int], int] = _intrinsic("bit_width")
"""How many bits ``value`` takes as a number without sign."""

Move = Callable[[int, int], None]
"""Of ``(target, source)``: eight numbers that lie side by side, to a target where they lie so too."""

eight_to_8: Move = _intrinsic("narrower", 8)
eight_to_16: Move = _intrinsic("narrower", 16)
eight_to_32: Move = _intrinsic("narrower", 32)
eight_to_64: Move = _intrinsic("narrower", 64)
"""Eight words, of which the lowest bits are kept."""
eight_of_8: Move = _intrinsic("wider", 8, False)
eight_of_16: Move = _intrinsic("wider", 16, False)
eight_of_32: Move = _intrinsic("wider", 32, False)
eight_of_signed_32: Move = _intrinsic("wider", 32, True)
eight_of_64: Move = _intrinsic("wider", 64, False)
"""Eight numbers without a sign, or with one, as words."""
