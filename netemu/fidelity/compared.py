"""One scenario on a real kernel and on its model, compared: a row of the table."""

from __future__ import annotations

import contextlib
import shutil
import signal
import struct
import traceback
from collections.abc import Iterator
from pathlib import Path
from types import FrameType

import msgspec

from netemu.errors import NetemuError, VoidRun
from netemu.fidelity.called import compare_calls, end_ns, read_calls
from netemu.fidelity.captured import Captured, read_capture
from netemu.fidelity.cause import cause
from netemu.fidelity.judged import Difference, judge
from netemu.fidelity.probes import count_differences, first_difference, read_probes
from netemu.fidelity.references import reference
from netemu.fidelity.relative import Relative, Stream, relative_streams
from netemu.fidelity.table import Captures, Row
from netemu.fidelity.times import Times, sent_by
from netemu.kernels import Progress, kernel_named
from netemu.recording.layout import Recording
from netemu.specs import Plan, to_json
from netemu.stack.profile import BBR_PHASES
from netemu.stack.task import KernelError

PAIRS = {"7.2": "model:linux-7", "6.12": "model:linux-6", "6.1": "model:linux-6.1", "5.10": "model:linux-5.10"}
"""Version of a real kernel -> the model that is judged by it."""

MODEL_SECONDS = 240
"""A model's run is given up after so much of this machine's time."""

BUGS = (
    ArithmeticError,
    AssertionError,
    AttributeError,
    ImportError,
    LookupError,
    NameError,
    RuntimeError,
    TypeError,
    ValueError,
    KernelError,
    struct.error,
)
"""What a mistake in a model or in somebody's plug-in may raise."""

ERROR = "a model that cannot run agrees in nothing"


class Job(msgspec.Struct, frozen=True):
    """What is to be compared; ``place`` is the model's directory, not there yet."""

    name: str
    mechanisms: tuple[str, ...]
    plan: Plan
    version: str
    model: str
    place: Path

    @property
    def kernel(self) -> str:
        """The real kernel's name."""
        return f"uml:{self.version}?time=virtual"


def compare(job: Job, progress: Progress = lambda text: None) -> Row:
    """Run what has to be run, and compare.

    The phase in which ProbeBW of bbr begins is random, as ports are: the model is run with each, the nearest is taken.

    :raises NetemuError: of the real kernel's run; the model's errors stand in the row.
    """
    real = reference(job.plan, job.kernel, progress)
    if '"bbr"' not in to_json(job.plan):
        return _compare(job, job.model, real, progress)
    rows: list[Row] = []
    nearest = 0
    kept = job.place.with_name(f"{job.place.name}-nearest")
    for phase in range(BBR_PHASES):
        rows.append(_compare(job, f"{job.model}?bbr_phase={phase}", real, progress))
        if phase and _nearness(rows[phase]) <= _nearness(rows[nearest]):
            shutil.rmtree(job.place)
            continue
        shutil.rmtree(kept, ignore_errors=True)
        job.place.rename(kept)
        nearest = phase
        if _nearness(rows[phase]) == (1, 1):
            break
    kept.rename(job.place)
    return msgspec.structs.replace(rows[nearest], bbr_phase=nearest)


def _nearness(row: Row) -> tuple[float, float]:
    """How like the real run it is: by packets, then by when they were sent, for pacing may change nothing else."""
    kinds = (row.times.answer, row.times.timer, row.times.call)
    packets = sum(kind.packets for kind in kinds)
    return row.identical_ratio, sum(kind.within for kind in kinds) / packets if packets else 1


def _compare(job: Job, kernel: str, real: Recording, progress: Progress) -> Row:
    """The row of the real run and one of ``kernel``."""
    job.place.mkdir(parents=True)
    model = Recording(job.place)
    error: str | None = None
    try:
        with _at_most(MODEL_SECONDS):
            kernel_named(kernel).execute(job.plan, model, progress)
    except NetemuError as reason:
        error = str(reason)
    except BUGS as bug:
        # A model that raises is the worst difference there is, and the other scenarios are to be judged all the same.
        (job.place / "traceback.txt").write_text("".join(traceback.format_exception(bug)))
        error = f"the model raised {type(bug).__name__}: {bug} ({_place(bug)})"
    return _failed(job, real, error) if error is not None else row(job, real, model)


def row(job: Job, real: Recording, model: Recording) -> Row:
    """The row of two finished runs."""
    calls = read_calls(real)
    # A lab's recorders end by packets that cross the wires, and so a little later than a model's. The real kernel's
    # agents say when: a model that ends early must not hide what it left out.
    end = end_ns(calls) + job.plan.drain_ns
    packets = [_captures(one, job.plan, end) for one in (real, model)]
    streams = [{name: relative_streams(found) for name, found in side.items()} for side in packets]
    judged = judge(streams[0], streams[1], sent_by(packets[0]))
    both = read_probes(real), read_probes(model)
    probes = first_difference(*both)
    first = judged.first
    told = "" if first is None else cause(first, _packet(first, streams), None if probes is None else probes.field)
    return Row(
        job.name,
        job.mechanisms,
        job.kernel,
        job.model,
        job.plan.digest,
        judged.packets,
        judged.identical_ratio,
        first,
        judged.differences,
        judged.times,
        told,
        Captures(str(real.captures), str(model.captures)),
        probes,
        count_differences(*both),
        compare_calls(calls, read_calls(model)),
    )


def _failed(job: Job, real: Recording, error: str) -> Row:
    end = end_ns(read_calls(real)) + job.plan.drain_ns
    packets = sum(len(found) for found in _captures(real, job.plan, end).values())
    captures = Captures(str(real.captures), None)
    head = (job.name, job.mechanisms, job.kernel, job.model, job.plan.digest)
    return Row(*head, packets, 0.0, None, {}, Times(), ERROR, captures, error=error)


def _captures(recording: Recording, plan: Plan, end: int) -> dict[str, list[Captured]]:
    """The packets of each interface, up to ``end``."""
    found = {one.interface: read_capture(recording.captures / f"{one.interface}.pcapng") for one in plan.captures}
    return {name: [packet for packet in packets if packet.t_ns <= end] for name, packets in found.items()}


def _packet(first: Difference, streams: list[dict[str, dict[Stream, list[Relative]]]]) -> Relative | None:
    """The packet that the difference tells of, of the run that has it."""
    side = streams[1 if first.field == "added" else 0]
    here = side.get(first.capture, {}).get((first.conversation, first.out), [])
    return next((one for one in here if one.number == first.number), None)


def _place(bug: BaseException) -> str:
    """File and line where an exception was raised."""
    last = traceback.extract_tb(bug.__traceback__)[-1]
    return f"{Path(last.filename).name}:{last.lineno}"


@contextlib.contextmanager
def _at_most(seconds: int) -> Iterator[None]:
    """End what runs in the block after so much time; in the main thread of a process."""

    def late(number: int, frame: FrameType | None) -> None:
        raise VoidRun(f"the model's run took more than {seconds} s of this machine's time and was given up")

    before = signal.signal(signal.SIGALRM, late)
    signal.alarm(seconds)
    try:
        yield
    finally:
        signal.alarm(0)
        signal.signal(signal.SIGALRM, before)
