"""Several runs of one experiment side by side: validity and claims of each, read from their directories."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from netemu.errors import BadInput
from netemu.figures.tables import read_json_object
from netemu.recording.layout import Recording

_MARK = {True: "holds", False: "FAILS", None: "not observable"}


def compared(runs: Sequence[Path], place: Path) -> dict[str, Any]:
    """``experiment``, ``question``, ``runs``, ``claims`` and ``agree`` of the runs in these directories.

    Each of ``runs`` has ``label`` (its kernel without the options that all have; with the seed where a kernel ran
    several), ``title`` (the release of Linux, where that tells the runs apart; for figures), ``kernel``, ``release``,
    ``time`` (``virtual`` or ``real``), ``seed``, ``validity``, ``reasons``, ``run`` (absolute) and ``directory``
    (relative to ``place``). Each of ``claims`` has ``name``, ``results`` (one for each run, in order, with ``label``,
    ``expected``, ``measured``, ``holds``, ``value``; ``holds`` and ``value`` null where the run has no such claim),
    ``agree``: whether the verdict of all runs is the same, and ``differs``: whether they say anything different of it,
    beyond the scatter of real time. Raises :class:`BadInput` where a directory holds no run, or runs of several
    experiments are given.
    """
    manifests = [read_json_object(Recording(run).manifest) for run in runs]
    names = sorted({str(manifest["experiment"]) for manifest in manifests})
    if len(names) != 1:
        raise BadInput(f"runs of {len(names)} experiments ({', '.join(names)}): compare runs of one")
    labels = run_labels([(str(one["kernel"]), int(one["seed"])) for one in manifests])
    releases = [(manifest.get("kernel_details") or {}).get("release") for manifest in manifests]
    times = [(manifest.get("guest") or {}).get("time", "real") for manifest in manifests]
    claims = _claims(labels, runs, exact=set(times) == {"virtual"})
    return {
        "experiment": names[0],
        "question": str(manifests[0].get("question", "")),
        "runs": [
            {
                "label": label,
                "title": title,
                "release": release,
                "time": time,
                **{name: manifest[name] for name in ("kernel", "seed", "validity", "reasons")},
                "run": str(run.resolve()),
                "directory": os.path.relpath(run.resolve(), place.resolve()),
            }
            for label, title, release, time, manifest, run in zip(
                labels, _titles(labels, releases), releases, times, manifests, runs, strict=True
            )
        ],
        "claims": claims,
        "agree": all(claim["agree"] for claim in claims),
    }


def run_labels(runs: Sequence[tuple[str, int]]) -> list[str]:
    """What each run (kernel, seed) is called: short, and no two alike. Options that all kernels have are left out."""
    options = {kernel.partition("?")[2] for kernel, _ in runs}
    if len(options) == 1:
        runs = [(kernel.partition("?")[0], seed) for kernel, seed in runs]
    kernels = [kernel for kernel, _ in runs]
    labels: list[str] = []
    for kernel, seed in runs:
        seeds = {other for name, other in runs if name == kernel}
        label = kernel if len(seeds) == 1 else f"{kernel}, seed {seed}"
        again = sum(one == label or one.startswith(f"{label} (") for one in labels)
        labels.append(label if not again or kernels.count(kernel) == 1 else f"{label} ({again + 1})")
    return labels


def _titles(labels: Sequence[str], releases: Sequence[str | None]) -> list[str]:
    """What a figure calls each run: the release of Linux where all are known and unlike, else the label."""
    if None in releases or len(set(releases)) < len(releases):
        return list(labels)
    return [f"Linux {release}" for release in releases]


def _claims(labels: Sequence[str], runs: Sequence[Path], *, exact: bool) -> list[dict[str, Any]]:
    judged: list[dict[str, Any]] = []
    for run in runs:
        path = Recording(run).claims
        stored = read_json_object(path).get("claims", []) if path.is_file() else []
        judged.append({claim["name"]: claim for claim in stored})
    names = dict.fromkeys(name for claims in judged for name in claims)
    table = []
    for name in names:
        results = [_result(label, claims.get(name)) for label, claims in zip(labels, judged, strict=True)]
        agree = len({result["holds"] for result in results}) == 1
        told = ("expected", "measured") if exact else ("expected",)
        differs = not agree or any(len({result[part] for result in results}) > 1 for part in told)
        table.append({"name": name, "results": results, "agree": agree, "differs": differs})
    return table


def _result(label: str, claim: Mapping[str, Any] | None) -> dict[str, Any]:
    if claim is None:
        return {"label": label, "expected": "", "measured": "not judged in this run", "holds": None, "value": None}
    return {"label": label, **{name: claim[name] for name in ("expected", "measured", "holds", "value")}}


def claims_text(comparison: Mapping[str, Any]) -> str:
    """The table for a person: a row for each claim, a column for each run; then in full what differs between runs.

    The claims' names stand last, since they are long and the marks are what is compared.
    """
    runs = comparison["runs"]
    rows = [[*(run["label"] for run in runs), "claim"], [*(run["validity"] for run in runs), "(validity of the run)"]]
    rows += [
        [*(_MARK[result["holds"]] for result in claim["results"]), claim["name"]] for claim in comparison["claims"]
    ]
    widths = [max(len(row[column]) for row in rows) for column in range(len(runs))]
    lines = ["  ".join([*map(str.ljust, row, widths), row[-1]]) for row in rows]
    return "\n".join([*lines, *_differences(comparison["claims"])])


def _differences(claims: Iterable[Mapping[str, Any]]) -> Iterator[str]:
    differing = [claim for claim in claims if claim["differs"]]
    if differing:
        yield ""
        yield f"{len(differing)} claims differ between the runs, in what was measured or expected:"
    for claim in differing:
        yield f"{claim['name']}:"
        for labels, result in grouped(claim["results"]):
            yield (
                f"  {', '.join(labels)}: {_MARK[result['holds']]}, measured {result['measured']},"
                f" expected {result['expected']}"
            )


def grouped(results: Sequence[Mapping[str, Any]]) -> list[tuple[list[str], Mapping[str, Any]]]:
    """The labels of the runs that say the same of a claim, with what they say; in the order of the runs."""
    groups: dict[tuple[Any, ...], tuple[list[str], Mapping[str, Any]]] = {}
    for result in results:
        said = (result["holds"], result["measured"], result["expected"])
        groups.setdefault(said, ([], result))[0].append(result["label"])
    return list(groups.values())
