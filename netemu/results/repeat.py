"""Several runs of one experiment on one kernel as one stored summary: ``repeat.json``, with figures over all of them.

It lies in a directory of its own beside the runs, ``<UTC time>-repeat-<plan hash of the first run>/``, partial until
complete as a run's is. The runs' directories stay where they are and are named relative to it, so that a results root
can be moved as a whole.
"""

from __future__ import annotations

import json
import os
from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec

from netemu.errors import BadInput
from netemu.figures import FigureSpec, RunTables
from netemu.figures.tables import read_json_object
from netemu.recording.digest import PARTS, digest
from netemu.recording.layout import Recording
from netemu.results import store
from netemu.results.summary import ClaimSummary, RunSummary, claim_lines, claims_over_runs

if TYPE_CHECKING:
    from netemu.figures.repeated import SeveralRuns


class RepeatedRun(msgspec.Struct, frozen=True):
    """One run of the several: ``directory`` relative to that of ``repeat.json``, or absolute where none leads there."""

    directory: str
    seed: int
    validity: str
    reasons: list[str] = []


class _Stored(msgspec.Struct, frozen=True):
    """Of ``repeat.json`` what its figures are made again from."""

    runs: list[RepeatedRun]
    figures: list[FigureSpec]


@dataclass(frozen=True, slots=True)
class Repeat:
    """A directory with ``repeat.json``; ``not_drawn``: figure -> why it is missing.

    ``digests``: for each part of a run (:data:`netemu.recording.digest.PARTS`) digest -> how many runs have it;
    ``over_runs``: the claims about all runs together.
    """

    root: Path
    experiment: str
    not_drawn: dict[str, str]
    digests: dict[str, dict[str, int]]
    over_runs: tuple[ClaimSummary, ...]

    @property
    def files(self) -> list[Path]:
        """The files below the directory, sorted."""
        return sorted(path for path in self.root.rglob("*") if path.is_file())

    @property
    def failed(self) -> list[str]:
        """A line for each claim over the runs that does not hold."""
        return [
            f"{self.experiment}: the claim {claim.name!r} does not hold over these runs: measured {claim.measured},"
            f" expected {claim.expected}"
            for claim in self.over_runs
            if claim.holds is False
        ]


def write_repeat(summaries: Sequence[RunSummary], results: Path, over_runs: Sequence[ClaimSummary] = ()) -> Repeat:
    """Store what ``summaries``, finished runs of one experiment on one kernel, come to, and draw it.

    ``over_runs``: the claims about all of them together, judged. Void runs count but are in no figure, no interval and
    have no digest. A figure that these runs do not allow is not there, and the summary says why. Nothing is left of a
    directory that could not be completed.

    :raises BadInput: ``results`` cannot be written to.
    """
    first = summaries[0]
    manifest = read_json_object(Recording(first.run).manifest)
    recording = store.begin(results, first.experiment, f"repeat-{manifest['plan_digest']}")
    try:
        content = _content(summaries, manifest, recording.root)
        content["claims_over_runs"] = [asdict(claim) for claim in over_runs]
        _write(recording, content)
        not_drawn = _draw(recording)
        _write(recording, {**content, "not_drawn": not_drawn})
        recording = store.finish(recording)
    except BaseException:
        store.discard(recording)
        raise
    return Repeat(recording.root, summaries[0].experiment, not_drawn, content["digests"], tuple(over_runs))


def _content(summaries: Sequence[RunSummary], manifest: dict[str, Any], root: Path) -> dict[str, Any]:
    counts = {verdict: sum(one.validity == verdict for one in summaries) for verdict in ("valid", "degraded", "void")}
    found = [_digests(one) for one in summaries]
    return {
        "experiment": summaries[0].experiment,
        "kernel": summaries[0].kernel,
        "parameters": manifest["parameters"],
        "busy_loops": manifest.get("busy_loops", 0),
        "runs": [
            {
                "directory": os.path.relpath(one.run.resolve(), root),
                "seed": one.seed,
                "validity": one.validity,
                "reasons": list(one.reasons),
                "digests": digests,
            }
            for one, digests in zip(summaries, found, strict=True)
        ],
        "digests": {part: dict(Counter(one[part] for one in found if part in one)) for part in PARTS},
        "validity": counts,
        "claims": [asdict(claim) for claim in claims_over_runs(summaries)],
        "figures": manifest["figures"],
    }


def _digests(run: RunSummary) -> dict[str, str]:
    """The digest of each part that the run has; a void one has none to speak of."""
    digests = {part: digest(Recording(run.run), part) for part in PARTS if run.validity != "void"}
    return {part: one for part, one in digests.items() if one is not None}


def _write(recording: Recording, content: dict[str, Any]) -> None:
    recording.repeat.write_text(json.dumps(content, indent=2, sort_keys=True) + "\n")


def _draw(recording: Recording) -> dict[str, str]:
    """The figures the experiment asked for; for each that cannot be made of these runs, why."""
    from netemu.figures.repeated.output import make_repeated_figures

    not_drawn = {}
    for spec in stored_figures(recording.root):
        try:
            make_repeated_figures([spec], several_runs(recording.root), recording.figures)
        except BadInput as reason:
            not_drawn[spec.name] = str(reason)
    return not_drawn


def repeat_text(repeat: Repeat) -> str:
    """What a person reads: the claims over all runs, how many different results there were, and every file."""
    lines = claim_lines(repeat.over_runs)
    for part, digests in repeat.digests.items():
        same = f" (sha256 {next(iter(digests))[:12]}...)" if len(digests) == 1 else ""
        lines.append(f"  {part}: {len(digests)} distinct in {sum(digests.values())} runs{same}")
    lines += [f"  ! figure {name!r} is not there: {reason}" for name, reason in repeat.not_drawn.items()]
    return "\n".join([*lines, f"  in {repeat.root}", *(f"    {path}" for path in repeat.files)])


def is_repeat(root: Path) -> bool:
    """Whether ``root`` holds the summary of several runs."""
    return Recording(root).repeat.is_file()


def stored_figures(root: Path) -> list[FigureSpec]:
    """The figures of the experiment whose runs ``root`` sums up."""
    return _read(root).figures


def several_runs(root: Path) -> SeveralRuns:
    """The tables of the runs that ``root`` sums up, void ones left out and counted.

    :raises BadInput: ``repeat.json`` is no such file, fewer than two runs are not void, or the tables of one are
        no longer there.
    """
    from netemu.figures.repeated import SeveralRuns

    runs = _read(root).runs
    usable = [run for run in runs if run.validity != "void"]
    tables = []
    for run in usable:
        directory = root / run.directory
        if not Recording(directory).tables.is_dir():
            raise BadInput(
                f"{Recording(root).repeat}: the run {run.directory} (seed {run.seed}) has no tables any more at"
                f" {directory.resolve()}; put it back there, or run the experiment again"
            )
        tables.append(RunTables.read(directory.resolve()))
    return SeveralRuns(tuple(tables), len(runs) - len(usable))


def _read(root: Path) -> _Stored:
    path = Recording(root).repeat
    try:
        return msgspec.convert(read_json_object(path), _Stored)
    except msgspec.ValidationError as error:
        raise BadInput(f"{path}: {error}; run the experiment again with --repeat") from error
