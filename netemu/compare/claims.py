"""Several runs of one experiment side by side: validity and claims of each, read from their directories."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from netemu.errors import BadInput
from netemu.figures.tables import read_json_object
from netemu.recording.layout import Recording

_MARK = {True: "holds", False: "FAILS", None: "not observable"}


def compared(runs: Sequence[Path], place: Path) -> dict[str, Any]:
    """``experiment``, ``question``, ``runs``, ``claims`` and ``agree`` of the runs in these directories.

    Each of ``runs`` has ``label`` (its kernel; with the seed where a kernel ran several), ``kernel``, ``seed``,
    ``validity``, ``reasons``, ``run`` (absolute) and ``directory`` (relative to ``place``). Each of ``claims`` has
    ``name``, ``results`` (one for each run, in order, with ``label``, ``expected``, ``measured``, ``holds``,
    ``value``; ``holds`` and ``value`` null where the run has no such claim) and ``agree``: whether all runs say the
    same. Raises :class:`BadInput` where a directory holds no run, or runs of several experiments are given.
    """
    manifests = [read_json_object(Recording(run).manifest) for run in runs]
    names = sorted({str(manifest["experiment"]) for manifest in manifests})
    if len(names) != 1:
        raise BadInput(f"runs of {len(names)} experiments ({', '.join(names)}): compare runs of one")
    labels = run_labels([(str(one["kernel"]), int(one["seed"])) for one in manifests])
    claims = _claims(labels, runs)
    return {
        "experiment": names[0],
        "question": str(manifests[0].get("question", "")),
        "runs": [
            {
                "label": label,
                **{name: manifest[name] for name in ("kernel", "seed", "validity", "reasons")},
                "run": str(run.resolve()),
                "directory": os.path.relpath(run.resolve(), place.resolve()),
            }
            for label, manifest, run in zip(labels, manifests, runs, strict=True)
        ],
        "claims": claims,
        "agree": all(claim["agree"] for claim in claims),
    }


def run_labels(runs: Sequence[tuple[str, int]]) -> list[str]:
    """What each run (kernel, seed) is called: short, and no two alike."""
    kernels = [kernel for kernel, _ in runs]
    labels: list[str] = []
    for kernel, seed in runs:
        seeds = {other for name, other in runs if name == kernel}
        label = kernel if len(seeds) == 1 else f"{kernel}, seed {seed}"
        again = sum(one == label or one.startswith(f"{label} (") for one in labels)
        labels.append(label if not again or kernels.count(kernel) == 1 else f"{label} ({again + 1})")
    return labels


def _claims(labels: Sequence[str], runs: Sequence[Path]) -> list[dict[str, Any]]:
    judged: list[dict[str, Any]] = []
    for run in runs:
        path = Recording(run).claims
        stored = read_json_object(path).get("claims", []) if path.is_file() else []
        judged.append({claim["name"]: claim for claim in stored})
    names = dict.fromkeys(name for claims in judged for name in claims)
    table = []
    for name in names:
        results = [_result(label, claims.get(name)) for label, claims in zip(labels, judged, strict=True)]
        table.append({"name": name, "results": results, "agree": len({result["holds"] for result in results}) == 1})
    return table


def _result(label: str, claim: Mapping[str, Any] | None) -> dict[str, Any]:
    if claim is None:
        return {"label": label, "expected": "", "measured": "not judged in this run", "holds": None, "value": None}
    return {"label": label, **{name: claim[name] for name in ("expected", "measured", "holds", "value")}}


def claims_text(comparison: Mapping[str, Any]) -> str:
    """The table for a person: a row for each claim, a column for each run; what runs disagree about in full."""
    runs = comparison["runs"]
    rows = [["", *(run["label"] for run in runs)], ["validity", *(run["validity"] for run in runs)]]
    rows += [
        [claim["name"], *(_MARK[result["holds"]] for result in claim["results"])] for claim in comparison["claims"]
    ]
    widths = [max(len(row[column]) for row in rows) for column in range(len(runs) + 1)]
    lines = ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows]
    return "\n".join([*lines, *_disagreements(comparison)])


def _disagreements(comparison: Mapping[str, Any]) -> Iterator[str]:
    for claim in comparison["claims"]:
        if not claim["agree"]:
            yield f"{claim['name']}:"
            for result in claim["results"]:
                yield (
                    f"  {result['label']}: {_MARK[result['holds']]}, measured {result['measured']},"
                    f" expected {result['expected']}"
                )
