"""The packets of two runs side by side: which stands for which, and in what the two of a pair differ. Pure."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from netemu.compare.align import Numbers, Sequence, align
from netemu.compare.fields import ABSENT, CLOCKS, FIELDS, IDENTITY, STREAM

if TYPE_CHECKING:
    import polars as pl

Stream = tuple[Any, ...]
TICK_NS = 1_000_000
"""A tick of the timestamp clock (TCP_TS_HZ 1000, include/net/tcp.h)."""


@dataclass(frozen=True, slots=True)
class StreamDiff:
    """One direction of one connection in one capture.

    ``pairs``: rows of the two frames, -1 where a packet stands alone. ``differs``: for each pair a bit for each of
    :data:`FIELDS`, 0 for identical packets and for those that stand alone.
    """

    stream: Stream
    pairs: Numbers
    differs: npt.NDArray[np.uint32]

    @property
    def different(self) -> npt.NDArray[np.bool_]:
        """For each pair whether it is a difference."""
        return np.asarray((self.differs != 0) | (self.pairs < 0).any(axis=1), np.bool_)

    @property
    def only_a(self) -> int:
        """Packets that B omits."""
        return int((self.pairs[:, 1] < 0).sum())

    @property
    def only_b(self) -> int:
        """Packets that B has beyond A."""
        return int((self.pairs[:, 0] < 0).sum())

    @property
    def altered(self) -> int:
        """Pairs that differ in a field."""
        return int((self.differs != 0).sum())

    @property
    def identical(self) -> int:
        """Pairs that agree in everything compared."""
        return int((~self.different).sum())

    def names(self, pair: int) -> tuple[str, ...]:
        """In which fields the two packets of a pair differ."""
        return tuple(name for bit, name in enumerate(FIELDS) if self.differs[pair] >> bit & 1)


def identical_ratio(streams: Collection[StreamDiff]) -> float:
    """Twice the identical pairs over the packets of both runs: 1.0 for equal runs, 0.0 where no packet is equal."""
    packets = sum(2 * (s.identical + s.altered) + s.only_a + s.only_b for s in streams)
    return 2 * sum(s.identical for s in streams) / packets if packets else 1.0


def diff_packets(
    a: pl.DataFrame, b: pl.DataFrame, *, tolerance_ns: int | None = 0, ignore: Collection[str] = ()
) -> list[StreamDiff]:
    """Every stream of either frame (:func:`netemu.compare.fields.compared_packets`), sorted.

    ``tolerance_ns``: by how much times may differ (timestamps by as many ticks, rounded up); None compares no clock.
    ``ignore``: fields left out.
    """
    fields = [name for name in FIELDS if name not in ignore and (tolerance_ns is not None or name not in CLOCKS)]
    left, right = _columns(a, b)
    exact = _tokens(left, right, [name for name in fields if name not in CLOCKS])
    same = _tokens(left, right, IDENTITY)
    spans = _spans(a), _spans(b)
    found = []
    for stream in sorted(spans[0].keys() | spans[1].keys()):
        (a0, a1), (b0, b1) = (side.get(stream, (0, 0)) for side in spans)
        sequences = Sequence(exact[0][a0:a1], same[0][a0:a1]), Sequence(exact[1][b0:b1], same[1][b0:b1])
        pairs = align(*sequences)
        pairs = np.where(pairs < 0, -1, pairs + np.array([a0, b0]))
        found.append(StreamDiff(stream, pairs, _differences(pairs, left, right, fields, tolerance_ns or 0)))
    return found


def _columns(a: pl.DataFrame, b: pl.DataFrame) -> tuple[dict[str, Numbers], dict[str, Numbers]]:
    """Both frames as whole numbers; texts become numbers that are equal where they are."""
    import polars as pl

    sides: tuple[dict[str, Numbers], dict[str, Numbers]] = ({}, {})
    for name in dict.fromkeys([*FIELDS, *IDENTITY]):
        both = pl.concat([a[name], b[name]])
        numbers = (both.rank("dense") if both.dtype == pl.String else both).cast(pl.Int64).to_numpy()
        sides[0][name], sides[1][name] = numbers[: a.height], numbers[a.height :]
    return sides


def _tokens(
    left: Mapping[str, Numbers], right: Mapping[str, Numbers], names: Collection[str]
) -> tuple[Numbers, Numbers]:
    """One number for each packet, equal where all of ``names`` are."""
    size = left["seq"].size
    token = np.zeros(size + right["seq"].size, np.int64)
    for name in names:
        _, code = np.unique(np.concatenate([left[name], right[name]]), return_inverse=True)
        _, token = np.unique(token * (code.max(initial=0) + 1) + code, return_inverse=True)
    return token[:size], token[size:]


def _spans(frame: pl.DataFrame) -> dict[Stream, tuple[int, int]]:
    """Stream -> its rows; a stream's rows are neighbours."""
    import polars as pl

    lengths = frame.group_by(*STREAM, maintain_order=True).agg(pl.len())
    spans, start = {}, 0
    for *stream, length in lengths.iter_rows():
        spans[tuple(stream)] = (start, start + length)
        start += length
    return spans


def _differences(
    pairs: Numbers,
    left: Mapping[str, Numbers],
    right: Mapping[str, Numbers],
    fields: Collection[str],
    tolerance_ns: int,
) -> npt.NDArray[np.uint32]:
    both = (pairs >= 0).all(axis=1)
    i, j = pairs[both, 0], pairs[both, 1]
    found = np.zeros(i.size, np.uint32)
    for bit, name in enumerate(FIELDS):
        if name not in fields:
            continue
        one, two = left[name][i], right[name][j]
        if name in CLOCKS:
            allowed = tolerance_ns if name == "time" else -(-tolerance_ns // TICK_NS)
            # That the option is missing on one side is told by `timestamps`.
            differs = (np.abs(one - two) > allowed) & (one != ABSENT) & (two != ABSENT)
        else:
            differs = one != two
        found |= differs.astype(np.uint32) << np.uint32(bit)
    differences = np.zeros(len(pairs), np.uint32)
    differences[both] = found
    return differences
