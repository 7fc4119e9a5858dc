"""Records found by addresses and two numbers more (ports, ICMP type and code): an open-addressed table, compiled.

The list :data:`netemu.trace.layout.OTHER` has packets that belong to no TCP connection; observers of them key their
state by what identifies a flow.
"""
# mypy: disable-error-code="no-any-return"
# ruff: noqa: PLR0917 (compiled functions take their state by position)

from __future__ import annotations

from typing import Any

import numpy as np

from netemu.trace.compiled import compiled, entry
from netemu.trace.connect import _mix
from netemu.trace.layout import words
from netemu.trace.memory import record_at, set_word, word

KEY = "capture version protocol src_hi src_lo dst_hi dst_lo x y"
"""The words that a keyed record begins with."""

KEYS = words("table mask records words count")
"""Where a table of keyed records lies, the slots less one, the records, words of one, and how many there are."""
keys_at = record_at(KEYS)


@compiled
def hash_of(capture: int, protocol: int, s_hi: int, s_lo: int, d_hi: int, d_lo: int, x: int, y: int) -> int:
    """64 bits of a key, scrambled."""
    value = _mix(s_lo + _mix(s_hi + (capture << 8) + protocol))
    return _mix((x << 32) + y + _mix(d_lo + _mix(d_hi + value)))


@compiled
def _is_key(
    at: int, capture: int, version: int, protocol: int, s_hi: int, s_lo: int, d_hi: int, d_lo: int, x: int, y: int
) -> bool:
    return (
        word(at, 4) == s_lo
        and word(at, 6) == d_lo
        and word(at, 7) == x
        and word(at, 8) == y
        and word(at, 0) == capture
        and word(at, 1) == version
        and word(at, 2) == protocol
        and word(at, 3) == s_hi
        and word(at, 5) == d_hi
    )


@compiled
def find(k: Any, o: Any, x: int, y: int) -> int:
    """The record of the source and destination of ``o`` and of ``x`` and ``y``; made, zero but its key, when new."""
    slot = hash_of(o.capture, o.protocol, o.src_hi, o.src_lo, o.dst_hi, o.dst_lo, x, y) & k.mask
    while word(k.table, slot):
        index = word(k.table, slot) - 1
        at = k.records + 8 * k.words * index
        if _is_key(at, o.capture, o.version, o.protocol, o.src_hi, o.src_lo, o.dst_hi, o.dst_lo, x, y):
            return index
        slot = (slot + 1) & k.mask
    index = k.count
    k.count = index + 1
    set_word(k.table, slot, index + 1)
    at = k.records + 8 * k.words * index
    set_word(at, 0, o.capture)
    set_word(at, 1, o.version)
    set_word(at, 2, o.protocol)
    set_word(at, 3, o.src_hi)
    set_word(at, 4, o.src_lo)
    set_word(at, 5, o.dst_hi)
    set_word(at, 6, o.dst_lo)
    set_word(at, 7, x)
    set_word(at, 8, y)
    return index


@entry
def _rehash(keys: int) -> None:
    k = keys_at(keys, 0)
    for index in range(k.count):
        at = k.records + 8 * k.words * index
        addresses = word(at, 3), word(at, 4), word(at, 5), word(at, 6)
        slot = hash_of(word(at, 0), word(at, 2), *addresses, word(at, 7), word(at, 8)) & k.mask
        while word(k.table, slot):
            slot = (slot + 1) & k.mask
        set_word(k.table, slot, index + 1)


MAX_RECORDS = 200_000


class Keyed:
    """Records of ``dtype``, which begins with :data:`KEY`; compiled code is given :attr:`address`."""

    def __init__(self, dtype: np.dtype[Any]) -> None:
        self.records: Any = np.zeros(1 << 6, dtype)
        self._table: Any = np.zeros(1 << 8, np.int64)
        self._control: Any = np.zeros(1, KEYS)
        self._publish()

    def _publish(self) -> None:
        control = self._control
        control["table"], control["mask"] = self._table.ctypes.data, self._table.size - 1
        control["records"], control["words"] = self.records.ctypes.data, self.records.dtype.itemsize // 8

    def reserve(self, more: int) -> None:
        """Make room for ``more`` new records; the content stays."""
        needed = self.count + more
        if self.records.size < needed:
            larger = np.zeros(max(2 * self.records.size, needed), self.records.dtype)
            larger[: self.count] = self.records[: self.count]
            self.records = larger
        if self._table.size < 2 * needed:
            self._table = np.zeros(1 << int(2 * needed - 1).bit_length(), np.int64)
            self._publish()
            _rehash(self.address)
        self._publish()

    @property
    def count(self) -> int:
        """How many records there are."""
        return int(self._control["count"][0])

    @property
    def is_full(self) -> bool:
        """Whether there are so many records that their rows should be made now; what follows of them makes others."""
        return self.count > MAX_RECORDS

    def take_rows(self) -> Any:
        """The records there are, in the order of their first packet; there are none then."""
        rows = self.records[: self.count]
        self.records, self._control["count"] = np.zeros(1 << 6, self.records.dtype), 0
        self._table[:] = 0
        self._publish()
        return rows

    @property
    def address(self) -> int:
        """Where the table is described."""
        return int(self._control.ctypes.data)
