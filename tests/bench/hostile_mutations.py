"""What an attacker, a broken disk or a bad program may do to a capture: one file per number, made again at will."""

from __future__ import annotations

import random
import struct
from collections.abc import Callable
from dataclasses import dataclass

from tests.bench.hostile_samples import PACKERS, Sample, samples

SAMPLES = samples()
_NUMBERS = (
    *(0, 1, 3, 4, 7, 8, 11, 12, 15, 16, 20, 24, 28, 32, 0x7F, 0x80, 0xFF, 0x100, 0x7FFF, 0x8000, 0xFFFF, 0x10000),
    *(0xFFFFF, 0x100000, 0x100001, 0xFFFFFC, 0x1000000, 0x1000004),
    *(0x7FFFFFFF, 0x80000000, 0xFFFFFFFC, 0xFFFFFFFF),
)
_BOMB_BYTES = 12_000_000
_LONGEST = 1 << 18


@dataclass(frozen=True)
class Case:
    """A hostile file: its bytes, from which sample it was made and how, and whether tunnels are looked into."""

    data: bytes
    story: str
    packed: bool
    inner: bool


def _near(rng: random.Random, data: bytearray, sample: Sample) -> int:
    """A place in the file: within a header of some record, more often than not."""
    if rng.random() < 0.6 and sample.bounds:
        return min(rng.choice(sample.bounds) + rng.randrange(80), len(data) - 1)
    return rng.randrange(len(data))


def _flip(rng: random.Random, data: bytearray, sample: Sample) -> None:
    for _ in range(rng.choice((1, 1, 2, 8))):
        data[_near(rng, data, sample)] ^= 1 << rng.randrange(8)


def _byte(rng: random.Random, data: bytearray, sample: Sample) -> None:
    data[_near(rng, data, sample)] = rng.choice((0, 1, 4, 5, 6, 15, 0x45, 0x4F, 0x60, 0x7F, 0x80, 0xF0, 0xFF))


def _number(rng: random.Random, data: bytearray, sample: Sample) -> None:
    at, size = _near(rng, data, sample), rng.choice((2, 4, 4))
    at -= at % size if rng.random() < 0.5 else 0
    value = rng.choice((*_NUMBERS, len(data), len(data) - at, rng.getrandbits(32)))
    text = (value & ((1 << 8 * size) - 1)).to_bytes(size, rng.choice(("little", "big")))
    data[at : at + size] = text[: max(len(data) - at, 0)]


def _field(rng: random.Random, data: bytearray, sample: Sample) -> None:
    """A length or time of a record or block: what stands in its first words, in the file's byte order or the other."""
    at = rng.choice(sample.bounds) + 4 * rng.randrange(8)
    if at + 4 <= len(data):
        old = struct.unpack_from("<I", data, at)[0]
        value = rng.choice((*_NUMBERS, old + rng.randrange(-9, 9), old * 2, len(data)))
        struct.pack_into(rng.choice(("<I", "<I", ">I")), data, at, value & 0xFFFFFFFF)


def _cut(rng: random.Random, data: bytearray, sample: Sample) -> None:
    del data[rng.randrange(len(data)) :]


def _delete(rng: random.Random, data: bytearray, sample: Sample) -> None:
    at = _near(rng, data, sample)
    del data[at : at + rng.choice((1, 2, 4, 16, rng.randrange(1, 400)))]


def _insert(rng: random.Random, data: bytearray, sample: Sample) -> None:
    at = _near(rng, data, sample)
    data[at:at] = rng.randbytes(rng.choice((1, 2, 4, 16, rng.randrange(1, 400))))


def _splice(rng: random.Random, data: bytearray, sample: Sample) -> None:
    """Go on with a piece of some sample, at bounds of records or anywhere."""
    other = rng.choice(SAMPLES)
    if rng.random() < 0.7:
        at, start = rng.choice(sample.bounds), rng.choice(other.bounds)
        stop = rng.choice((len(other.data), *other.bounds))
    else:
        at, start, stop = rng.randrange(len(data)), rng.randrange(len(other.data)), rng.randrange(len(other.data))
    data[at : at + rng.choice((0, max(stop - start, 0)))] = other.data[start:stop]


def _shuffle(rng: random.Random, data: bytearray, sample: Sample) -> None:
    """Records in another order, some of them several times: times go backwards, connections begin in the middle."""
    ends = (*sample.bounds[1:], len(sample.data))
    parts = [bytes(data[start:end]) for start, end in zip(sample.bounds, ends, strict=True)]
    body = rng.choices(parts[1:], k=rng.randrange(1, 2 * len(parts)))
    data[:] = parts[0] + b"".join(body)


def _repeat(rng: random.Random, data: bytearray, sample: Sample) -> None:
    at = rng.choice(sample.bounds)
    piece = bytes(data[at : at + rng.randrange(1, 2000)])
    data[at:at] = piece * rng.choice((2, 5, 40))


def _noise(rng: random.Random, data: bytearray, sample: Sample) -> None:
    at = _near(rng, data, sample)
    size = rng.randrange(1, 600)
    data[at : at + size] = rng.randbytes(len(data[at : at + size]))


MUTATIONS: tuple[Callable[[random.Random, bytearray, Sample], None], ...] = (
    *(_flip, _byte, _number, _field),
    *(_flip, _byte, _number, _field, _cut, _delete, _insert, _splice, _shuffle, _repeat, _noise),
)


def _bomb(rng: random.Random, data: bytearray) -> bytes:
    """A start that is a capture, then very much of one byte, or of one record."""
    head = bytes(data[: rng.choice((24, 28, len(data)))])
    piece = rng.choice((b"\0", b"\xff", b"\0\0\0\0\0\0\0\0\4\0\0\0\4\0\0\0abcd", bytes(data[24:200])))
    return head + piece * (_BOMB_BYTES // max(len(piece), 1))


def case(seed: int, number: int) -> Case:
    """The hostile file ``number`` of the series ``seed``."""
    rng = random.Random(f"{seed}/{number}")
    sample = rng.choice(SAMPLES)
    data, story = bytearray(sample.data), [sample.name]
    for _ in range(rng.choice((1, 1, 2, 3, 5))):
        mutation = rng.choice(MUTATIONS)
        if len(data) > 30:
            mutation(rng, data, sample)
            story.append(mutation.__name__.strip("_"))
    del data[_LONGEST:]
    packed = rng.random() < 0.15
    whole = bytes(data)
    if packed:
        kind = rng.choice(tuple(PACKERS))
        if rng.random() < 0.02:
            whole = _bomb(rng, data)
            story.append("bomb")
        whole = PACKERS[kind](whole)
        story.append(kind)
        if rng.random() < 0.5:
            data = bytearray(whole)
            mutation = rng.choice((_flip, _byte, _number, _cut, _delete, _insert, _noise))
            mutation(rng, data, Sample(kind, whole, (0,)))
            story.append(f"{mutation.__name__.strip('_')} of it")
            whole = bytes(data)
    return Case(whole, ", ".join(story), packed, rng.random() < 0.5)
