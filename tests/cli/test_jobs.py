"""Runs side by side: order, errors, and that nothing outlives its parent."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from netemu.cli.jobs import Job, cores, run_side_by_side
from netemu.errors import MissingCapability, VoidRun
from netemu.results.summary import RunSummary


def work(job: Job, progress: Callable[[str], None]) -> RunSummary:
    """What a test wants of a worker: the kernel's name says it."""
    progress(f"at work on {job.kernel}")
    if job.kernel == "lacking":
        raise MissingCapability("no such kernel here")
    if job.kernel == "killed":
        os.kill(os.getpid(), signal.SIGKILL)
    if job.kernel == "waiting":
        (job.results / "began").write_text(str(os.getpid()))
        try:
            signal.pause()
        finally:
            (job.results / "cleaned").write_text("")
    if job.kernel == "slow":
        time.sleep(0.3)
    return RunSummary("x", job.results / str(os.getpid()), job.kernel, job.seed, "valid", (), (), (), ())


def do(kernels: list[str], tmp_path: Path, at_once: int = 3) -> tuple[list[RunSummary], list[str]]:
    said: list[str] = []
    jobs = [Job(Path("x.py"), kernel, number, {}, tmp_path) for number, kernel in enumerate(kernels)]
    return run_side_by_side(jobs, [said.append] * len(jobs), at_once=at_once, work=work), said


def test_summaries_come_in_the_order_asked_whoever_ends_first(tmp_path: Path) -> None:
    summaries, said = do(["slow", "quick", "quick"], tmp_path)
    assert [(summary.kernel, summary.seed) for summary in summaries] == [("slow", 0), ("quick", 1), ("quick", 2)]
    assert sorted(said) == ["at work on quick", "at work on quick", "at work on slow"]
    assert len({summary.run for summary in summaries}) == 3


def test_an_error_of_one_is_raised_and_ends_the_others_with_their_clean_up(tmp_path: Path) -> None:
    with pytest.raises(MissingCapability, match="no such kernel here"):
        do(["waiting", "slow", "lacking"], tmp_path, at_once=2)
    assert (tmp_path / "cleaned").exists()


def test_a_worker_that_is_killed_is_a_void_run(tmp_path: Path) -> None:
    with pytest.raises(VoidRun, match=r"the run on killed, seed 0, ended with -9"):
        do(["killed"], tmp_path)


def test_workers_end_when_their_parent_is_killed(tmp_path: Path) -> None:
    script = (
        "from pathlib import Path; from tests.cli.test_jobs import do\n"
        f"if __name__ == '__main__': do(['waiting'], Path({str(tmp_path)!r}))\n"
    )
    (tmp_path / "parent.py").write_text(script)
    root = Path(__file__).parents[2]
    parent = subprocess.Popen([sys.executable, tmp_path / "parent.py"], env={**os.environ, "PYTHONPATH": str(root)})
    wait_for(tmp_path / "began")
    parent.kill()
    parent.wait()
    wait_for(tmp_path / "cleaned")


def wait_for(path: Path) -> None:
    """Until a process that this test does not own has made ``path``."""
    deadline = time.monotonic() + 60
    while not path.exists():
        assert time.monotonic() < deadline, f"{path.name} was not made"
        time.sleep(0.02)


def test_cores_are_those_this_process_may_use() -> None:
    assert cores() == len(os.sched_getaffinity(0))
