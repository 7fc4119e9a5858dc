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
from netemu.compare.describe import as_json, first_text, flows_as_json
from netemu.compare.runs import diff_runs
from netemu.errors import BadInput
from netemu.figures import FigureSpec, RunTables
from netemu.figures.compared import ComparedSpec, LabelledRun, compared_specs, make_compared
from netemu.figures.style import COLUMN_WIDTH_IN, PAGE_WIDTH_IN
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


def draw_comparison(root: Path, widths_in: Sequence[float] = (COLUMN_WIDTH_IN, PAGE_WIDTH_IN)) -> list[Path]:
    """Make the figures of the comparison in ``root`` again from its runs' tables; the files.

    Panels side by side need the width of a page, which is what the page of the comparison shows of them.
    """
    comparison = read_json_object(root / FILE)
    specs = msgspec.convert(comparison["figures"], list[ComparedSpec])
    runs = [LabelledRun(one["title"], RunTables.read(Path(one["run"]))) for one in comparison["runs"] if _usable(one)]
    return make_compared(specs, runs, root / "figures", widths_in=widths_in) if specs else []


def comparison_text(root: Path) -> str:
    """What a person reads on the terminal: claims of each run, how alike the packets are, and where the rest lies."""
    comparison = read_json_object(root / FILE)
    lines = [f"{comparison['experiment']}: {len(comparison['runs'])} runs compared", claims_text(comparison), ""]
    for one in comparison["packets"]:
        times = "" if one["tolerance_ns"] is not None else ", times not compared"
        alike = "identical" if one["identical"] else f"{one['identical_ratio']:.2%} identical"
        lines.append(f"packets {one['a']} -> {one['b']}: {alike}{times}")
        if not one["identical"]:
            lines += _flow_lines(one["flows"])
    page = root / "comparison.html"
    return "\n".join([*lines, "comparison:", f"  {root}", f"  {page}"])


def _flow_lines(flows: Sequence[Mapping[str, Any]]) -> list[str]:
    """A line for each flow that differs, with its first difference; the flows that do not are named in one."""
    equal = [flow["flow"] for flow in flows if flow["first"] is None]
    lines = [
        f"  {flow['flow']}: {flow['identical_ratio']:.1%}; first at {flow['first']['capture']},"
        f" {flow['first']['t_ns'] / 1e9:.6f} s, {flow['first']['direction']}: {', '.join(flow['first']['differs'])}"
        for flow in flows
        if flow["first"] is not None
    ]
    return [*lines, *([f"  identical: {', '.join(equal)}"] if equal else [])]


def _usable(run: Mapping[str, Any]) -> bool:
    """Whether a run can be drawn and compared packet by packet."""
    return run["validity"] != "void" and (Path(run["run"]) / "tables").is_dir()


def _has_connections(run: Mapping[str, Any]) -> bool:
    """Whether a run's captures hold TCP, which is what packets and figures are compared of."""
    return RunTables.read(Path(run["run"])).scan("connections").head(1).collect().height > 0


def _packets(one: Mapping[str, Any], other: Mapping[str, Any]) -> dict[str, Any]:
    """Two neighbours packet by packet, with the first difference of all and of each flow."""
    diff = diff_runs(Path(one["run"]), Path(other["run"]))
    told = as_json(diff, context=0)
    kept = ("identical", "identical_ratio", "tolerance_ns", "starts", "streams")
    return {
        "a": one["label"],
        "b": other["label"],
        **{name: told[name] for name in kept},
        "first": told["first"] and _place(told["first"]),
        "flows": [
            {**flow, "first": flow["first"] and {**_place(flow["first"]), "text": list(first_text(flow["first"]))}}
            for flow in flows_as_json(diff)
        ],
    }


def _place(first: Mapping[str, Any]) -> dict[str, Any]:
    """A first difference without the packets around it."""
    return {name: first[name] for name in ("capture", "flow", "number", "direction", "t_ns", "differs")}


def _figures(runs: Sequence[Mapping[str, Any]]) -> list[ComparedSpec]:
    if len(runs) < 2:
        return []
    asked = read_json_object(Recording(Path(runs[0]["run"])).manifest).get("figures", [])
    return compared_specs(msgspec.convert(asked, list[FigureSpec]))
