"""One comparison of several runs of an experiment: a directory with a table of claims, figures, and packets compared.

::

    RUN_A RUN_B ... --> results/<experiment>/<UTC time>-compare-<hash>/  comparison.json  figures/  comparison.html

It is made from the runs' directories alone, so it can be made again as long as they are there.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping, Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any

import msgspec

from netemu.compare.claims import claims_text, compared
from netemu.compare.describe import as_json
from netemu.compare.runs import diff_runs
from netemu.errors import BadInput
from netemu.figures import FigureSpec, RunTables
from netemu.figures.compared import ComparedSpec, LabelledRun, compared_specs, make_compared
from netemu.figures.style import COLUMN_WIDTH_IN
from netemu.figures.tables import read_json_object
from netemu.recording.layout import Recording
from netemu.report.comparison import write_comparison_page
from netemu.results import store

Progress = Callable[[str], None]
FILE = "comparison.json"


def compare_runs(runs: Sequence[Path], results: Path, progress: Progress = lambda text: None) -> Path:
    """Compare the runs in these directories, two or more of one experiment; the comparison's directory.

    Void runs are in the table of claims and in no figure; runs without TCP have neither packets nor figures compared.
    """
    if len(runs) < 2:
        raise BadInput(f"{len(runs)} run: a comparison needs two or more")
    experiment = str(read_json_object(Recording(runs[0]).manifest)["experiment"])
    digest = hashlib.sha256("\n".join(run.name for run in runs).encode()).hexdigest()[:12]
    recording = store.begin(results, experiment, f"compare-{digest}")
    try:
        comparison = compared(runs, recording.root)
        usable = [one for one in comparison["runs"] if _usable(one)]
        progress("comparing packets")
        connected = [one for one in usable if _has_connections(one)]
        comparison["packets"] = [_packets(one, other) for one, other in pairwise(connected)]
        comparison["figures"] = msgspec.to_builtins(_figures(usable) if connected else [])
        progress(f"drawing {len(comparison['figures'])} figures over {len(usable)} runs")
        (recording.root / FILE).write_text(json.dumps(comparison, indent=2) + "\n")
        draw_comparison(recording.root)
        write_comparison_page(recording.root)
        return store.finish(recording).root
    except BaseException:
        store.discard(recording)
        raise


def draw_comparison(root: Path, widths_in: Sequence[float] = (COLUMN_WIDTH_IN,)) -> list[Path]:
    """Make the figures of the comparison in ``root`` again from its runs' tables; the files."""
    comparison = read_json_object(root / FILE)
    specs = msgspec.convert(comparison["figures"], list[ComparedSpec])
    runs = [LabelledRun(one["label"], RunTables.read(Path(one["run"]))) for one in comparison["runs"] if _usable(one)]
    return make_compared(specs, runs, root / "figures", widths_in=widths_in) if specs else []


def comparison_text(root: Path) -> str:
    """What a person reads on the terminal: claims of each run, how alike the packets are, and where the rest lies."""
    comparison = read_json_object(root / FILE)
    lines = [f"{comparison['experiment']}: {len(comparison['runs'])} runs compared", claims_text(comparison)]
    for one in comparison["packets"]:
        lines.append(f"packets {one['a']} -> {one['b']}: {_likeness(one)}")
    return "\n".join([*lines, "comparison:", f"  {root}"])


def _likeness(one: Mapping[str, Any]) -> str:
    times = "" if one["tolerance_ns"] is not None else ", times not compared"
    if one["identical"]:
        return f"identical{times}"
    text = f"{one['identical_ratio']:.2%} identical{times}"
    if (first := one["first"]) is None:
        return text
    return (
        f"{text}; first difference in flow {first['flow']}, {first['direction']}, at {first['capture']},"
        f" {first['t_ns'] / 1e9:.6f} s: {', '.join(first['differs'])}"
    )


def _usable(run: Mapping[str, Any]) -> bool:
    """Whether a run can be drawn and compared packet by packet."""
    return run["validity"] != "void" and (Path(run["run"]) / "tables").is_dir()


def _has_connections(run: Mapping[str, Any]) -> bool:
    """Whether a run's captures hold TCP, which is what packets and figures are compared of."""
    return RunTables.read(Path(run["run"])).scan("connections").head(1).collect().height > 0


def _packets(one: Mapping[str, Any], other: Mapping[str, Any]) -> dict[str, Any]:
    """Two neighbours packet by packet; without the packets around the first difference, which `netemu diff` shows."""
    told = as_json(diff_runs(Path(one["run"]), Path(other["run"])), context=0)
    first = told["first"] and {
        name: told["first"][name] for name in ("capture", "flow", "number", "direction", "t_ns", "differs")
    }
    kept = ("identical", "identical_ratio", "tolerance_ns", "starts", "streams")
    return {"a": one["label"], "b": other["label"], **{name: told[name] for name in kept}, "first": first}


def _figures(runs: Sequence[Mapping[str, Any]]) -> list[ComparedSpec]:
    if len(runs) < 2:
        return []
    asked = read_json_object(Recording(Path(runs[0]["run"])).manifest).get("figures", [])
    return compared_specs(msgspec.convert(asked, list[FigureSpec]))
