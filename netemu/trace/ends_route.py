"""In which order a packet passes the captures: by time where one clock or both directions tell it, else by TTL."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import polars as pl

SAMPLED_ABOVE = 100_000
"""A capture with more packets is compared by a sixteenth of them, chosen by what they say: the same in all captures."""


@dataclass(frozen=True, slots=True)
class Route:
    """The flows that pass ``first`` first, ``last`` last and the captures ``between`` in this order."""

    first: int
    between: tuple[int, ...]
    last: int
    flows: tuple[int, ...]


def routes(frames: Mapping[int, pl.DataFrame], marks: pl.DataFrame, shared_clock: bool) -> list[Route]:
    """One route for all flows that pass the same captures in the same order."""
    found: dict[tuple[int, ...], list[int]] = {}
    for joint, order in _orders(frames, marks, shared_clock):
        rows = marks.filter(pl.col("joint") == joint) if marks["joint"].n_unique() > 1 else marks
        for way in (0, 1):
            present = set(rows.filter(pl.col("way") == way)["place"])
            passed = [place for place in order if place in present][:: 1 if way == 0 else -1]
            if len(passed) > 1:
                found.setdefault(tuple(passed), []).append(2 * joint + way)
    return [Route(path[0], path[1:-1], path[-1], tuple(flows)) for path, flows in found.items()]


def _orders(frames: Mapping[int, pl.DataFrame], marks: pl.DataFrame, shared_clock: bool) -> list[tuple[int, list[int]]]:
    """(joint, its captures from the end whose ip:port sorts first to the other)."""
    ttl = pl.when(pl.col("way") == 0).then(-pl.col("ttl").cast(pl.Int64)).otherwise(pl.col("ttl").cast(pl.Int64))
    hops = marks.group_by("joint", "place").agg(hops=ttl.sort_by("way").first())
    distances = _distances(frames, marks, shared_clock)
    placed = hops.join(distances, on=["joint", "place"], how="left").with_columns(pl.col("distance_ns").fill_null(0))
    ordered = placed.sort("joint", "distance_ns", "hops", "place").group_by("joint", maintain_order=True)
    return [(joint, places) for joint, places in ordered.agg("place").iter_rows()]


def _distances(frames: Mapping[int, pl.DataFrame], marks: pl.DataFrame, shared_clock: bool) -> pl.DataFrame:
    """joint, place, distance_ns: twice the way from the joint's first capture, negative towards the first end.

    What passes there is seen later on the way there and earlier on the way back; the difference of both holds no
    offset of the clocks.
    """
    parts = []
    firsts = marks.group_by("joint").agg(first=pl.col("place").min())
    for place, own in (
        marks.join(firsts, on="joint").filter(pl.col("place") != pl.col("first")).group_by("place", "first")
    ):
        here, first = int(place[0]), int(place[1])
        delays = _delays(frames[first], frames[here], own)
        ways = delays.group_by("joint").agg(
            there=pl.col("delay_ns").filter(pl.col("way") == 0).median(),
            back=pl.col("delay_ns").filter(pl.col("way") == 1).median(),
        )
        one_way = pl.coalesce(2 * pl.col("there"), -2 * pl.col("back")) if shared_clock else pl.lit(0.0)
        distance = pl.coalesce(pl.col("there") - pl.col("back"), one_way)
        parts.append(ways.select("joint", place=pl.lit(here, pl.Int64), distance_ns=distance))
    return pl.concat(parts)


def _delays(one: pl.DataFrame, other: pl.DataFrame, own: pl.DataFrame) -> pl.DataFrame:
    """joint, way, delay_ns of packets that are unlike all others of their capture."""
    flows = own.select((2 * pl.col("joint") + pl.col("way")).unique().alias("flow"))
    sampled = max(one.height, other.height) > SAMPLED_ABOVE
    sides = []
    for frame in (one, other):
        part = frame.lazy().select("flow", "key", "t_ns").join(flows.lazy(), on="flow", how="semi")
        if sampled:
            part = part.filter(pl.col("key") % 16 == 0)
        sides.append(part.unique(["flow", "key"], keep="none"))
    pairs = sides[0].join(sides[1], on=["flow", "key"])
    return pairs.select(
        joint=pl.col("flow") // 2, way=pl.col("flow") % 2, delay_ns=pl.col("t_ns_right") - pl.col("t_ns")
    ).collect()
