"""RTT samples of every flow until their minimum and median are asked for; of a long file they lie in a file."""

from __future__ import annotations

import tempfile
from dataclasses import dataclass
from itertools import chain, pairwise
from typing import IO, Any

import numpy as np

MOST = 1 << 22
"""Samples that are kept in memory. As many are looked at together when there are more."""
_KEY_BITS = 62


def figures_of(flows: int, flow: Any, rtt_ns: Any) -> dict[str, Any]:
    """Median (rounded down) and minimum of the RTT samples of every flow; -1 where there is none."""
    median, minimum = np.full(flows, -1, np.int64), np.full(flows, -1, np.int64)
    if flow.size:
        flow, rtt_ns = _sorted(flow, rtt_ns)
        starts = np.flatnonzero(np.r_[True, flow[1:] != flow[:-1]])
        ends = np.r_[starts[1:], flow.size]
        minimum[flow[starts]] = rtt_ns[starts]
        median[flow[starts]] = (rtt_ns[(starts + ends - 1) // 2] + rtt_ns[(starts + ends) // 2]) // 2
    return {"rtt_median_ns": median, "rtt_min_ns": minimum}


def _sorted(flow: Any, rtt_ns: Any) -> tuple[Any, Any]:
    """By flow, and the RTTs of each: as one number where both fit, which is sorted five times as fast."""
    bits = int(rtt_ns.max()).bit_length()
    if rtt_ns.min() < 0 or bits + int(flow.max()).bit_length() > _KEY_BITS:
        order = np.lexsort((rtt_ns, flow))
        return flow[order], rtt_ns[order]
    key = flow.astype(np.int64) << bits | rtt_ns
    key.sort()
    return key >> bits, key & (1 << bits) - 1


def _of_rank(pieces: list[Any], rank: int) -> int:
    """The number of this rank, from 0, among pieces that are each in order."""
    low, high = min(int(piece[0]) for piece in pieces), max(int(piece[-1]) for piece in pieces)
    while low < high:
        middle = (low + high) // 2
        if sum(int(np.searchsorted(piece, middle, "right")) for piece in pieces) > rank:
            high = middle
        else:
            low = middle + 1
    return low


@dataclass(frozen=True, slots=True)
class _Run:
    """Samples in a file, in order of flow and RTT: the flows, 32 bits each, and from ``rtts`` on the RTTs."""

    file: IO[bytes]
    at: int
    count: int

    def flows(self, first: int = 0, count: int = -1) -> Any:
        """The flows of ``count`` samples from number ``first`` on, of all by default."""
        count = self.count if count < 0 else count
        return np.fromfile(self.file, np.int32, count, offset=self._seek(self.at + 4 * first))

    def rtts(self, first: int, count: int) -> Any:
        """Their RTTs."""
        return np.fromfile(self.file, np.int64, count, offset=self._seek(self.at + 4 * self.count + 8 * first))

    def look_at_rtts(self, first: int, count: int) -> Any:
        """Their RTTs, none of which is read before it is looked at."""
        at = self.at + 4 * self.count + 8 * first
        return np.memmap(self.file, np.int64, "r", at, (count,))

    def _seek(self, at: int) -> int:
        self.file.seek(0)
        return at


class RttSamples:
    """The samples of one file's flows."""

    def __init__(self) -> None:
        self._flows: list[Any] = []
        self._rtts: list[Any] = []
        self._count = 0
        self._runs: list[_Run] = []

    def add(self, flow: Any, rtt_ns: Any) -> None:
        """More samples, each with the number of its flow."""
        self._flows.append(flow.astype(np.int32))
        self._rtts.append(rtt_ns.astype(np.int64))
        self._count += flow.size
        if self._count > MOST:
            self._put_aside()

    def figures(self, flows: int) -> dict[str, Any]:
        """Median (rounded down) and minimum of every flow; -1 where there is none. The samples stay."""
        if not self._runs:
            return figures_of(flows, *self._in_memory())
        self._put_aside()
        counts = sum(np.bincount(run.flows(), minlength=flows) for run in self._runs)
        found = {name: np.full(flows, -1, np.int64) for name in ("rtt_median_ns", "rtt_min_ns")}
        bounds = _together(counts)
        places = np.stack([np.searchsorted(run.flows(), bounds) for run in self._runs])
        for k, (first, behind) in enumerate(pairwise(bounds.tolist())):
            pieces = [
                (run, int(low), int(high - low))
                for run, (low, high) in zip(self._runs, places[:, k : k + 2], strict=True)
                if high > low
            ]
            for name, values in _figures_in(pieces, first, behind).items():
                found[name][first:behind] = values
        return found

    def keep(self, places: Any) -> None:
        """Forget the samples of flows whose place in ``places`` is -1; the others get that as their number."""
        runs, self._runs = self._runs, []
        in_memory = self._in_memory()
        self._flows, self._rtts, self._count = [], [], 0
        for flow, rtt_ns in chain([in_memory], ((run.flows(), run.rtts(0, run.count)) for run in runs)):
            stays = places[flow] >= 0
            self.add(places[flow[stays]], rtt_ns[stays])

    def _in_memory(self) -> tuple[Any, Any]:
        return np.concatenate([np.zeros(0, np.int32), *self._flows]), np.concatenate(
            [np.zeros(0, np.int64), *self._rtts]
        )

    def _put_aside(self) -> None:
        """Write the samples in memory to a file that has no name."""
        flow, rtt_ns = self._in_memory()
        self._flows, self._rtts, self._count = [], [], 0
        if not flow.size:
            return
        flow, rtt_ns = _sorted(flow, rtt_ns)
        file = self._runs[-1].file if self._runs else tempfile.TemporaryFile()  # noqa: SIM115 (its runs hold it)
        at = file.seek(0, 2)
        file.write(flow.astype(np.int32).tobytes())
        file.write(rtt_ns.tobytes())
        file.flush()
        self._runs.append(_Run(file, at, flow.size))


def _figures_in(pieces: list[tuple[_Run, int, int]], first: int, behind: int) -> dict[str, Any]:
    """The figures of flows from ``first`` to before ``behind``, whose samples lie in these pieces of runs."""
    count = sum(size for _, _, size in pieces)
    if count > MOST and behind - first == 1:
        rtts = [run.look_at_rtts(low, size) for run, low, size in pieces]
        median = (_of_rank(rtts, (count - 1) // 2) + _of_rank(rtts, count // 2)) // 2
        return {"rtt_median_ns": median, "rtt_min_ns": min(int(one[0]) for one in rtts)}
    flow = np.concatenate([np.zeros(0, np.int32), *(run.flows(low, size) for run, low, size in pieces)])
    rtt_ns = np.concatenate([np.zeros(0, np.int64), *(run.rtts(low, size) for run, low, size in pieces)])
    return figures_of(behind - first, flow - first, rtt_ns)


def _together(counts: Any) -> Any:
    """Where to cut the flows, so that those between two cuts have few samples together, or are one."""
    ends, found = np.cumsum(counts), [0]
    while found[-1] < counts.size:
        before = int(ends[found[-1] - 1]) if found[-1] else 0
        found.append(max(int(np.searchsorted(ends, before + MOST, "right")), found[-1] + 1))
    return np.array(found)
