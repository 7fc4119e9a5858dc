"""Repeated runs of one experiment on several kernels beside one another: how far each scatters.

::

    repeat.json of each kernel --> results/<experiment>/<UTC time>-compare-<hash>/  comparison.json  .html  figures/

Each kernel ran the experiment several times with one seed (``netemu run --repeat N --same-seed``). What the kernels did
differently is what :mod:`netemu.comparison` tells of single runs; here it is how often each did the same again.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import msgspec

from netemu.compare.claims import run_labels
from netemu.errors import BadInput
from netemu.figures import FigureSpec
from netemu.figures.output import FORMATS, file_bytes, file_stem, write_whole
from netemu.figures.style import COLUMN_WIDTH_IN
from netemu.figures.tables import read_json_object
from netemu.recording.layout import Recording
from netemu.report.repeated import write_repeats_page
from netemu.results import store
from netemu.results.repeat import several_runs

FILE = "comparison.json"
SCATTER = "arrival"
"""The figure of which there is one with a panel for each kernel."""


def compare_repeats(repeats: Sequence[Path], results: Path) -> Path:
    """Compare the summaries in these directories, two or more of one experiment; the comparison's directory."""
    if len(repeats) < 2:
        raise BadInput(f"{len(repeats)} summary of repeated runs: a comparison needs two or more")
    stored = [read_json_object(Recording(root).repeat) for root in repeats]
    experiments = sorted({one["experiment"] for one in stored})
    if len(experiments) != 1:
        raise BadInput(f"runs of {len(experiments)} experiments ({', '.join(experiments)}): compare runs of one")
    digest = hashlib.sha256("\n".join(root.name for root in repeats).encode()).hexdigest()[:12]
    recording = store.begin(results, experiments[0], f"compare-{digest}")
    try:
        content = _content(stored, repeats, recording.root)
        (recording.root / FILE).write_text(json.dumps(content, indent=2) + "\n")
        draw_repeats(recording.root)
        write_repeats_page(recording.root)
        return store.finish(recording).root
    except BaseException:
        store.discard(recording)
        raise


def _content(stored: Sequence[Mapping[str, Any]], repeats: Sequence[Path], place: Path) -> dict[str, Any]:
    labels = run_labels([(one["kernel"], one["runs"][0]["seed"]) for one in stored])
    figures = [spec for spec in stored[0]["figures"] if spec["figure"] == SCATTER]
    usable = [sum(run["validity"] != "void" for run in one["runs"]) > 1 for one in stored]
    return {
        "experiment": stored[0]["experiment"],
        "repeats": [
            {
                "label": label + (f", {one['busy_loops']} busy loops beside it" if one["busy_loops"] else ""),
                **{name: one[name] for name in ("kernel", "busy_loops", "validity", "digests")},
                "claims": [*one["claims_over_runs"], *map(_claim, one["claims"])],
                "directory": os.path.relpath(root.resolve(), place.resolve()),
            }
            for label, one, root in zip(labels, stored, repeats, strict=True)
        ],
        "figures": figures if all(usable) else [],
    }


def _claim(claim: Mapping[str, Any]) -> dict[str, Any]:
    """A claim about single runs as one about all of them: it holds when it held in each."""
    verdict = True if claim["holds"] == claim["runs"] else (False if claim["fails"] else None)
    spread = "" if claim["half_width"] is None else f", {claim['mean']:.6g} ± {claim['half_width']:.3g} (95 %)"
    return {
        "name": claim["name"],
        "expected": "it holds in every run",
        "measured": f"{claim['holds']} of {claim['runs']}{spread}",
        "holds": verdict,
        "value": claim["mean"],
    }


def draw_repeats(root: Path, widths_in: Sequence[float] = (COLUMN_WIDTH_IN,)) -> list[Path]:
    """Make the figures of the comparison in ``root`` again from the tables of the runs; the files.

    Equal to the byte whenever they are made from the same tables.
    """
    from netemu.figures.repeated.arrival import draw_beside
    from netemu.figures.style import BLACK, VERMILLION, paper_style, settle
    from netemu.figures.validity import note_below

    comparison = read_json_object(root / FILE)
    specs = msgspec.convert(comparison["figures"], list[FigureSpec])
    groups = [(one["label"], several_runs(root / one["directory"])) for one in comparison["repeats"] if specs]
    degraded = {label: runs.degraded for label, runs in groups if not runs.is_flawless}
    note = "; ".join(f"{label}: {count} runs degraded" for label, count in degraded.items()) or "All runs valid"
    unjudged = [label for label, runs in groups if any(run.judgement for run in runs.tables)]
    note += f"; {', '.join(unjudged)}: unjudged model" if unjudged else ""
    files: dict[str, bytes] = {}
    for spec in specs:
        for width_in in widths_in:
            with paper_style():
                figure = draw_beside(groups, width_in=width_in, **spec.options)
                note_below(figure, note, VERMILLION if degraded else BLACK, "normal")
                settle(figure)
            for suffix in FORMATS:
                files[f"{file_stem(spec.name, width_in)}.{suffix}"] = file_bytes(figure, suffix, spec.name, note)
    return [write_whole(root / "figures" / name, content) for name, content in files.items()]


def repeats_text(root: Path) -> str:
    """What a person reads on the terminal: of each kernel how many different results, and where the rest lies."""
    comparison = read_json_object(root / FILE)
    lines = [f"{comparison['experiment']}: repeated on {len(comparison['repeats'])} kernels, with one seed"]
    for one in comparison["repeats"]:
        counts = ", ".join(
            f"{part} {len(digests)} distinct in {sum(digests.values())}" for part, digests in one["digests"].items()
        )
        lines.append(f"  {one['label']}: {counts}")
    files = sorted(path for path in root.rglob("*") if path.is_file())
    return "\n".join([*lines, "comparison:", *(f"  {path}" for path in files)])
