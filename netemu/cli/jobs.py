"""Runs that do not disturb one another, side by side: a process for each, as many at once as there are cores."""

from __future__ import annotations

import ctypes
import multiprocessing
import os
import signal
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from multiprocessing.connection import Connection, wait
from multiprocessing.context import SpawnProcess
from pathlib import Path
from types import FrameType
from typing import Any

from netemu.errors import NetemuError, VoidRun
from netemu.results.summary import RunSummary

_PR_SET_PDEATHSIG = 1


@dataclass(frozen=True, slots=True)
class Job:
    """A run that was asked for: what :func:`netemu.session.run_experiment` needs, as plain data."""

    source: Path
    kernel: str
    seed: int
    given: Mapping[str, object] = field(default_factory=dict)
    results: Path = Path("results")
    load: int = 0


Work = Callable[[Job, Callable[[str], None]], RunSummary]
"""What a process does for a job, telling its progress; a function of a module."""


def perform(job: Job, progress: Callable[[str], None]) -> RunSummary:
    """Run the job in this process."""
    from netemu.experiment.load import load_experiment
    from netemu.session import run_experiment

    return run_experiment(
        load_experiment(job.source),
        kernel=job.kernel,
        seed=job.seed,
        given=job.given,
        results=job.results,
        source=job.source,
        load=job.load,
        progress=progress,
    )


def cores() -> int:
    """How many processors this process may use."""
    return len(os.sched_getaffinity(0))


def run_side_by_side(
    jobs: Sequence[Job], displays: Sequence[Callable[[str], None]], *, at_once: int, work: Work = perform
) -> list[RunSummary]:
    """Do all jobs, ``at_once`` at a time, each in a process of its own; their summaries in the order of the jobs.

    The first error of a job ends the others, which remove what they had half made, and is raised; so does whatever
    ends this call. Should this process be killed, the others end too.
    """
    context = multiprocessing.get_context("spawn")
    waiting = list(enumerate(jobs))[::-1]
    running: dict[Connection, tuple[int, SpawnProcess]] = {}
    done: dict[int, RunSummary] = {}
    try:
        while waiting or running:
            while waiting and len(running) < at_once:
                number, job = waiting.pop()
                ours, theirs = context.Pipe(duplex=False)
                process = context.Process(target=_worker, args=(work, job, theirs, os.getpid()))
                process.start()
                theirs.close()
                running[ours] = number, process
            for ready in wait(list(running)):
                assert isinstance(ready, Connection)
                number, process = running[ready]
                summary = _hear(ready, process, jobs[number], displays[number])
                if summary is not None:
                    done[number] = summary
                    process.join()
                    ready.close()
                    del running[ready]
    finally:
        for _, process in running.values():
            process.terminate()
        for _, process in running.values():
            process.join()
    return [done[number] for number in range(len(jobs))]


def _hear(ready: Connection, process: SpawnProcess, job: Job, display: Callable[[str], None]) -> RunSummary | None:
    """Take one message of a worker: progress is shown, an error raised, a summary returned."""
    try:
        kind, content = ready.recv()
    except EOFError:
        process.join()
        raise VoidRun(
            f"the process of the run on {job.kernel}, seed {job.seed}, ended with {process.exitcode} before its work"
            " was done: run it again"
        ) from None
    if kind == "progress":
        display(content)
        return None
    if kind == "error":
        error: NetemuError = content
        raise error
    summary: RunSummary = content
    return summary


def _terminated(number: int, frame: FrameType | None) -> None:
    """End as the command itself does, so that everything half-made is removed on the way out."""
    raise SystemExit(128 + number)


def _worker(work: Work, job: Job, pipe: Any, parent: int) -> None:
    """The life of a worker; it ends with its parent, however that ends."""
    signal.signal(signal.SIGTERM, _terminated)
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)
    if os.getppid() != parent:
        sys.exit(1)
    try:
        pipe.send(("done", work(job, lambda text: pipe.send(("progress", text)))))
    except NetemuError as error:
        pipe.send(("error", error))
    except KeyboardInterrupt:
        sys.exit(130)
