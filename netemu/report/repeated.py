"""Pages of runs of one experiment repeated on one kernel (report.html), or on several (comparison.html)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from netemu.figures import FIGURES
from netemu.figures.tables import read_json_object
from netemu.recording.layout import Recording
from netemu.report.html import document, element, escape, table, verdict
from netemu.report.svg import inline_svg


def write_repeat_page(root: Path) -> Path:
    """Write ``report.html`` from ``repeat.json`` and ``figures/`` in ``root``; its path."""
    repeat = read_json_object(Recording(root).repeat)
    title = f"{repeat['experiment']}: {len(repeat['runs'])} runs on {repeat['kernel']}"
    path = Recording(root).report
    path.write_text(
        document(
            title,
            [
                element("h1", escape(title)),
                _results([("", repeat)]),
                _over_runs([("", repeat["claims_over_runs"])]),
                _claims(repeat["claims"]),
                _figures(root, repeat["figures"], repeat["not_drawn"]),
                _runs(repeat["runs"]),
            ],
        ),
        encoding="utf-8",
    )
    return path


def write_repeats_page(root: Path) -> Path:
    """Write ``comparison.html`` from ``comparison.json`` of repeated runs, and ``figures/``, in ``root``; its path."""
    comparison = read_json_object(root / "comparison.json")
    repeats = comparison["repeats"]
    title = f"{comparison['experiment']}: repeated on {len(repeats)} kernels, with one seed"
    links = [element("a", escape(one["label"]), href=f"{one['directory']}/report.html") for one in repeats]
    path = root / "comparison.html"
    path.write_text(
        document(
            title,
            [
                element("h1", escape(title)),
                element("p", " · ".join(links)),
                _results([(one["label"], one) for one in repeats]),
                _over_runs([(one["label"], one["claims"]) for one in repeats]),
                _figures(root, comparison["figures"], {}),
            ],
        ),
        encoding="utf-8",
    )
    return path


def _results(repeats: Sequence[tuple[str, Mapping[str, Any]]]) -> str:
    """Of each kernel, how many runs could be used and how many different results they gave, part by part."""
    parts = list(repeats[0][1]["digests"])
    rows = []
    for label, one in repeats:
        validity = ", ".join(f"{count} {name}" for name, count in one["validity"].items() if count)
        load = f"{one['busy_loops']} busy loops" if one["busy_loops"] else "none"
        counts = [f"{len(digests)} distinct in {sum(digests.values())}" for digests in one["digests"].values()]
        cells = [label or one["kernel"], load, validity, *counts]
        rows.append([element("td", escape(cell)) for cell in cells])
    return table(["Kernel", "Load beside it", "Runs", *(part.capitalize() for part in parts)], rows)


def _over_runs(repeats: Sequence[tuple[str, Sequence[Mapping[str, Any]]]]) -> str:
    """A row for each claim about all runs together, a column for each kernel."""
    claims = {claim["name"]: claim for _, given in repeats for claim in given}
    if not claims:
        return ""
    rows = []
    for name, first in claims.items():
        cells = [element("td", escape(name) + element("div", escape(f"expected {first['expected']}"), class_="quiet"))]
        for _, given in repeats:
            claim = next((claim for claim in given if claim["name"] == name), None)
            text = "" if claim is None else verdict(claim["holds"])
            text += "" if claim is None else element("div", escape(claim["measured"]), class_="quiet")
            cells.append(element("td", text))
        rows.append(cells)
    head = ["Claim", *(label or "Verdict" for label, _ in repeats)]
    return element("h2", "Claims over all runs") + "\n" + table(head, rows)


def _claims(claims: Sequence[Mapping[str, Any]]) -> str:
    """A row for each claim about single runs: in how many it held, and what was measured on average."""
    if not claims:
        return ""
    rows = []
    for claim in claims:
        mean = "" if claim["mean"] is None else f"{claim['mean']:.6g}"
        mean += "" if claim["half_width"] is None else f" ± {claim['half_width']:.3g}"
        counts = [f"{claim['holds']} of {claim['runs']}", claim["fails"], claim["not_observable"], mean]
        rows.append(
            [element("td", escape(claim["name"])), *(element("td", escape(c), class_="number") for c in counts)]
        )
    head = ["Claim", "Held in", "Failed in", "Not observable in", "Mean, 95 % interval"]
    return element("h2", "Claims about each run") + "\n" + table(head, rows)


def _figures(root: Path, specs: Sequence[Mapping[str, Any]], not_drawn: Mapping[str, str]) -> str:
    shown = []
    for index, spec in enumerate(specs):
        name = spec["name"]
        meaning = FIGURES.get(spec["figure"], ("", spec["figure"]))[1]
        if name in not_drawn:
            drawing = element("p", f"not drawn: {escape(not_drawn[name])}", class_="quiet")
        else:
            drawing = inline_svg(root / "figures" / f"{name}.svg", f"f{index}-", f"{name}: {spec['figure']}")
        caption = element("figcaption", f"<b>{escape(name)}</b>: {escape(meaning)}.")
        shown.append(element("figure", f"\n{drawing}\n{caption}\n"))
    if not shown:
        return ""
    return element("h2", "Figures") + "\n" + element("div", "\n".join(shown), class_="figures")


def _runs(runs: Sequence[Mapping[str, Any]]) -> str:
    rows = []
    for run in runs:
        reasons = element("div", escape("; ".join(run["reasons"])), class_="quiet") if run["reasons"] else ""
        link = element("a", escape(Path(run["directory"]).name), href=f"{run['directory']}/report.html")
        cells = [element("td", escape(run["validity"]) + reasons), element("td", link)]
        rows.append([element("td", escape(run["seed"]), class_="number"), *cells])
    return element("h2", "Runs") + "\n" + table(["Seed", "Validity", "Run"], rows)
