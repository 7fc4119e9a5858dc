"""Hostile captures: no crash, no hang, bounded memory, and every fault with its byte offset.

``python -m tests.bench.bench_hostile [--count N] [--seed S]`` makes N files from whole captures of every kind
(bits flipped, lengths and options changed, records moved, cut, spliced, compressed, bombs) and analyses each in one
of two processes. Those are watched: one that dies, or takes more than 10 seconds for a file, is named with the file's
number, and another goes on behind it. Of 64 files one goes the whole public way, eight through the file system, and
the others through memory in which tables, columns and records end at a page that cannot be touched, so that reading or
writing one byte too far is a crash. ``--only NUMBER --keep FILE`` makes and runs a single file again; a long series in
parts (``--first``) needs every truncation point only once: ``--no-truncation`` leaves them out.
"""

from __future__ import annotations

import argparse
import ctypes
import faulthandler
import multiprocessing
import resource
import signal
import sys
import tempfile
import time
import traceback
from collections import Counter
from dataclasses import dataclass, field
from multiprocessing import connection
from pathlib import Path
from typing import Any

from netemu.trace.warm import warm
from tests.bench.hostile_mutations import SAMPLES, case

MAX_SECONDS = 10.0
_MORE_BYTES = 1 << 30
"""Address space that a worker may take beyond what it has when everything is loaded."""
_REPORT_EVERY = 250
_M_MMAP_THRESHOLD, _MAPPED_BYTES = -3, 1 << 17  # malloc.h; glibc's own threshold grows to 32 MB as arrays are freed


def way_of(number: int) -> int:
    """0: the whole public path; 1: the file; 2, 3: guarded memory, every record or every eighth."""
    return 0 if number % 64 == 0 else 1 if number % 8 == 0 else 2 if number % 4 == 1 else 3


def _status(name: str) -> int:
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) * 1024 for line in lines if line.startswith(name + ":"))


def map_tables() -> None:
    """Let every table of a State be fresh pages, of which a small file touches few, and not cleared memory."""
    ctypes.CDLL(None).mallopt(_M_MMAP_THRESHOLD, _MAPPED_BYTES)


def work(seed: int, numbers: range, now: Any, pipe: Any, directory: str) -> None:
    """Run the cases; ``now`` holds the number under way and when it began."""
    from tests.bench.hostile_case import Judge

    faulthandler.enable()
    map_tables()
    place = Path(directory) / "capture"
    judge = Judge(place)
    judge.run(case(seed, 0), way=0)
    resource.setrlimit(resource.RLIMIT_AS, (_status("VmSize") + _MORE_BYTES, resource.RLIM_INFINITY))
    found: Counter[str] = Counter()
    for number in numbers:
        now[0], now[1] = number, time.monotonic()
        try:
            found[judge.run(case(seed, number), way=way_of(number))] += 1
        except (Exception, MemoryError):  # each one is a failure to be reported, whatever it is
            pipe.send(("failure", number, traceback.format_exc(limit=-6)))
        if sum(found.values()) >= _REPORT_EVERY or number == numbers[-1]:
            pipe.send(("done", dict(found), _status("VmHWM")))
            found.clear()
    pipe.send(("end", None, None))


@dataclass
class Lane:
    """A worker process and the numbers it has still to do."""

    seed: int
    numbers: range
    directory: str
    now: Any = field(init=False)
    process: Any = None
    pipe: Any = None
    hung: bool = False

    def __post_init__(self) -> None:
        self.now = multiprocessing.RawArray("d", 2)
        self.start(self.numbers.start)

    def start(self, first: int) -> None:
        """Begin, or go on behind a file that ended a worker."""
        left = range(first, self.numbers.stop, self.numbers.step)
        self.hung = False
        self.pipe, theirs = multiprocessing.Pipe(duplex=False)
        self.now[1] = time.monotonic() + 600  # loading, and compiling where that is needed, are no file's
        self.process = multiprocessing.get_context("spawn").Process(
            target=work, args=(self.seed, left, self.now, theirs, self.directory)
        )
        self.process.start()
        theirs.close()


@dataclass
class Outcome:
    """What all lanes found."""

    counts: Counter[str] = field(default_factory=Counter)
    failures: list[tuple[int, str]] = field(default_factory=list)
    peak_bytes: int = 0


def _receive(lane: Lane, outcome: Outcome) -> bool:
    """Take what a worker sent; False when it has ended or died."""
    try:
        what, first, second = lane.pipe.recv()
    except EOFError:
        lane.process.join()
        number = int(lane.now[0])
        why = f"took more than {MAX_SECONDS:g} s" if lane.hung else f"ended with {_ended(lane.process.exitcode)}"
        outcome.failures.append((number, f"the process {why}"))
        return _again(lane, number)
    if what == "done":
        outcome.counts.update(first)
        outcome.peak_bytes = max(outcome.peak_bytes, second)
    elif what == "failure":
        outcome.failures.append((first, second))
    else:
        lane.process.join()
        return False
    return True


def _ended(code: int) -> str:
    return signal.Signals(-code).name if code < 0 else f"exit code {code}"


def _again(lane: Lane, number: int) -> bool:
    following = number + lane.numbers.step
    if following >= lane.numbers.stop:
        return False
    lane.start(following)
    return True


def _watch(lane: Lane) -> None:
    """End a worker that has been at one file for too long; its pipe then ends too."""
    if not lane.hung and time.monotonic() - lane.now[1] > MAX_SECONDS:
        lane.hung = True
        lane.process.kill()


def run(seed: int, first: int, count: int, workers: int) -> Outcome:
    """All files from ``first`` on."""
    outcome = Outcome()
    started = told = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="netemu-hostile-") as name:
        lanes = []
        for k in range(workers):
            (Path(name) / str(k)).mkdir()
            lanes.append(Lane(seed, range(first + k, first + count, workers), f"{name}/{k}"))
        while lanes:
            ready = connection.wait([lane.pipe for lane in lanes], timeout=1)
            lanes = [lane for lane in lanes if lane.pipe not in ready or _receive(lane, outcome)]
            for lane in lanes:
                _watch(lane)
            if time.monotonic() - told > 30:
                told = time.monotonic()
                done = sum(outcome.counts.values())
                print(
                    f"{done:,} files, {done / (told - started):.0f} a second, {len(outcome.failures)} failures",
                    flush=True,
                )
    return outcome


def every_truncation() -> int:
    """Cut a pcap and a pcapng file at every byte; how many points that were."""
    from tests.bench.hostile_case import check_truncations

    chosen = [sample for sample in SAMPLES if sample.name in ("pcap", "pcapng, two sections")]
    with tempfile.TemporaryDirectory(prefix="netemu-hostile-") as name:
        return sum(check_truncations(sample, Path(name) / "capture") for sample in chosen)


def single(seed: int, number: int, keep: Path | None) -> int:
    """Make one file and analyse it in this process."""
    from tests.bench.hostile_case import Judge

    made = case(seed, number)
    print(f"file {number}: {len(made.data)} bytes: {made.story}; tunnels {'looked into' if made.inner else 'left'}")
    if keep is not None:
        keep.write_bytes(made.data)
    faulthandler.enable()
    with tempfile.TemporaryDirectory(prefix="netemu-hostile-") as name:
        print(Judge(Path(name) / "capture").run(made, way=way_of(number)))
    return 0


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--count", type=int, default=10_000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--first", type=int, default=0, help="number of the first file")
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--no-truncation", action="store_true", help="leave out every truncation point of two files")
    parser.add_argument("--only", type=int, metavar="NUMBER", help="one file, in this process")
    parser.add_argument("--keep", type=Path, metavar="FILE", help="with --only: where to leave it")
    args = parser.parse_args()
    if args.only is not None:
        return single(args.seed, args.only, args.keep)
    warm()  # else each worker would compile
    started = time.monotonic()
    outcome = run(args.seed, args.first, args.count, args.workers)
    took = time.monotonic() - started
    for number, text in outcome.failures[:20]:
        print(f"file {number} (--seed {args.seed} --only {number}): {text}")
    done = sum(outcome.counts.values())
    kinds = ", ".join(f"{outcome.counts[kind]:,} {kind}" for kind in ("whole", "fault", "refused"))
    print(f"asked: {args.count:,} hostile files, seed {args.seed}; analysed: {done:,} ({kinds}) in {took:.0f} s")
    hours = took / max(done, 1) * 1e6 / 3600
    print(f"{done / took:.0f} a second by {args.workers} processes; 1,000,000 take {hours:.1f} h")
    print(f"crashes, hangs, broken promises: {len(outcome.failures)}   target 0")
    print(f"peak memory of a process: {outcome.peak_bytes / 1e6:.0f} MB   target < 1000 MB", flush=True)
    if not args.no_truncation:
        map_tables()
        print(f"truncation points of two whole files, each reported at its byte: {every_truncation():,}")
    return 0 if not outcome.failures and done == args.count and outcome.peak_bytes < 1e9 else 1


if __name__ == "__main__":
    sys.exit(main())
