"""Two runs of a plan compared: which packet stands for which, what of it differs, and when it was sent. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec
import numpy as np

from netemu.compare.align import Sequence as Tokens
from netemu.compare.align import align
from netemu.fidelity.relative import FIELDS, Relative, Stream
from netemu.fidelity.times import Times, TimesOfKind

Streams = Mapping[Stream, Sequence[Relative]]
Captures = Mapping[str, Streams]
"""Interface -> its streams."""


class Difference(msgspec.Struct, frozen=True):
    """The first difference of a run: packet ``number`` of the real kernel's capture (the model's where it has none).

    ``field`` is one of :data:`~netemu.fidelity.relative.FIELDS`, ``"missing"`` (the model has no such packet) or
    ``"added"`` (the real kernel has none); ``real`` and ``model`` tell both values, or the packet.
    """

    capture: str
    conversation: str
    out: bool
    number: int
    t_ns: int
    field: str
    real: str
    model: str


class Judged(msgspec.Struct, frozen=True):
    """What came out: ``packets`` aligned rows in all captures, of which ``identical`` agree in everything.

    ``differences``: how many rows differ in each field; ``first``: the one that happened first.
    """

    packets: int
    identical: int
    differences: dict[str, int]
    first: Difference | None
    times: Times

    @property
    def identical_ratio(self) -> float:
        """Identical rows over all rows: a packet too many counts as much as one that differs. 1.0 without packets."""
        return self.identical / self.packets if self.packets else 1.0


def judge(real: Captures, model: Captures, kinds: TimesOfKind) -> Judged:
    """Compare the model's captures with the real kernel's; a capture that only one has counts all its packets."""
    rows = identical = 0
    differences: dict[str, int] = {}
    found: list[Difference] = []
    times = Times()
    for capture in sorted(real.keys() | model.keys()):
        left, right = real.get(capture, {}), model.get(capture, {})
        for stream in sorted(left.keys() | right.keys()):
            ours, theirs = left.get(stream, ()), right.get(stream, ())
            for i, j in aligned(ours, theirs):
                rows += 1
                one, two = ours[i] if i >= 0 else None, theirs[j] if j >= 0 else None
                names = differing(one, two)
                for name in names:
                    differences[name] = differences.get(name, 0) + 1
                if names:
                    found.append(_difference(capture, stream, one, two, names[0]))
                else:
                    identical += 1
                if stream[1] and one is not None and two is not None:
                    times = times.with_pair(kinds(capture, one), two.t_ns - one.t_ns)
    # The sender's capture comes first where several show the same: the cause lies there.
    found.sort(key=lambda one: (one.t_ns, not one.out, one.capture, one.number))
    return Judged(rows, identical, differences, found[0] if found else None, times)


def aligned(real: Sequence[Relative], model: Sequence[Relative]) -> list[list[int]]:
    """Pairs of indices, -1 where a packet stands alone (see :func:`netemu.compare.align.align`)."""
    contents: dict[Any, int] = {}
    identities: dict[Any, int] = {}
    tokens = [
        Tokens(
            np.array([contents.setdefault(one.content, len(contents)) for one in side], np.int64),
            np.array([identities.setdefault(one.identity, len(identities)) for one in side], np.int64),
        )
        for side in (real, model)
    ]
    pairs: list[list[int]] = align(*tokens).tolist()
    return pairs


def differing(real: Relative | None, model: Relative | None) -> list[str]:
    """In which fields the two differ; ``["missing"]`` or ``["added"]`` where one stands alone."""
    if model is None:
        return ["missing"]
    if real is None:
        return ["added"]
    return [name for name in FIELDS if getattr(real, name) != getattr(model, name)]


def _difference(capture: str, stream: Stream, real: Relative | None, model: Relative | None, name: str) -> Difference:
    there = real if real is not None else model
    assert there is not None
    # What happened first is what the earlier of the two runs shows first.
    t_ns = min(one.t_ns for one in (real, model) if one is not None)
    if real is None or model is None:
        told = ["" if one is None else describe(one) for one in (real, model)]
    else:
        told = [str(getattr(one, name)) for one in (real, model)]
    return Difference(capture, stream[0], stream[1], there.number, t_ns, name, *told)


_FLAGS = ((2, "S"), (1, "F"), (4, "R"), (8, "P"), (32, "U"), (64, "E"), (128, "W"), (16, "."))


def describe(packet: Relative) -> str:
    """One packet in a line."""
    flags = "".join(letter for bit, letter in _FLAGS if packet.flags & bit) or "-"
    if packet.other:
        return f"{packet.length} bytes {packet.other}"
    return f"{flags} seq {packet.seq} ack {packet.ack} length {packet.payload} window {packet.window}"
