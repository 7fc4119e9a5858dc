"""comparison.html: several runs of one experiment on one page, from the comparison's directory alone."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from netemu.figures.compared import KINDS
from netemu.figures.output import file_stem
from netemu.figures.style import PAGE_WIDTH_IN
from netemu.figures.tables import read_json_object
from netemu.report.html import details, document, element, escape, table, verdict
from netemu.report.svg import inline_svg


def write_comparison_page(root: Path) -> Path:
    """Write ``comparison.html`` from ``comparison.json`` and ``figures/`` in ``root``; its path."""
    path = root / "comparison.html"
    path.write_text(render_comparison(root), encoding="utf-8")
    return path


def render_comparison(root: Path) -> str:
    """The page as text: equal directories give equal pages, and it loads nothing from anywhere."""
    comparison = read_json_object(root / "comparison.json")
    title = f"{comparison['experiment']}: {len(comparison['runs'])} runs compared"
    sections = [
        element("h1", escape(title)),
        element("p", escape(comparison["question"]), class_="question"),
        element("h2", "Runs"),
        _runs(comparison),
        _claims(comparison),
        _packets(comparison),
        _figures(root, comparison),
    ]
    return document(title, sections)


def _runs(comparison: Mapping[str, Any]) -> str:
    rows = []
    for run in comparison["runs"]:
        link = element("a", escape(run["directory"]), href=f"{run['directory']}/report.html")
        reasons = element("div", escape("; ".join(run["reasons"])), class_="quiet") if run["reasons"] else ""
        rows.append(
            [
                element("td", escape(run["label"])),
                element("td", escape(run["release"] or "unknown")),
                element("td", escape(run["time"])),
                element("td", escape(run["seed"]), class_="number"),
                element("td", escape(run["validity"]) + reasons),
                element("td", link),
            ]
        )
    return table(["Kernel", "Linux", "Time", "Seed", "Validity", "Run"], rows)


def _claims(comparison: Mapping[str, Any]) -> str:
    """A row for each claim, a column for each run with what it measured; those that differ between runs come first."""
    if not comparison["claims"]:
        return ""
    head = ["Claim", *(run["label"] for run in comparison["runs"])]
    differing = [claim for claim in comparison["claims"] if claim["differs"]]
    equal = [claim for claim in comparison["claims"] if not claim["differs"]]
    verdicts = sum(not claim["agree"] for claim in comparison["claims"])
    parts = [element("h2", f"Claims: the runs disagree about {verdicts}" if verdicts else "Claims: all runs agree")]
    if differing:
        note = f"{len(differing)} of {len(comparison['claims'])} differ in what was measured or expected:"
        parts += [element("p", note), table(head, [_claim(claim) for claim in differing])]
    if equal and differing:
        parts.append(element("p", f"{len(equal)} are the same in all runs:"))
    if equal:
        parts.append(table(head, [_claim(claim) for claim in equal]))
    return "\n".join(parts)


def _claim(claim: Mapping[str, Any]) -> list[str]:
    """A row: the expectation stands below the name where all runs share it, else in each run's own cell."""
    expected = list(dict.fromkeys(result["expected"] for result in claim["results"] if result["expected"]))
    shared = len(expected) == 1
    note = element("div", escape(f"expected {expected[0]}"), class_="quiet") if shared else ""
    cells = [element("td", escape(claim["name"]) + note)]
    for result in claim["results"]:
        text = verdict(result["holds"]) + element("div", escape(result["measured"]), class_="quiet")
        if not shared and result["expected"]:
            text += element("div", escape(f"expected {result['expected']}"), class_="quiet")
        cells.append(element("td", text))
    return cells


def _packets(comparison: Mapping[str, Any]) -> str:
    """A table for each run and the next: how alike each flow is and where it differs first, with that place in full."""
    if not comparison["packets"]:
        return ""
    parts = [element("h2", "Packet by packet")]
    for one in comparison["packets"]:
        times = "times are not compared" if one["tolerance_ns"] is None else "times are compared exactly"
        alike = "identical" if one["identical"] else f"{one['identical_ratio']:.2%} of the packets are identical"
        parts.append(element("h3", escape(f"{one['a']} → {one['b']}")))
        parts.append(element("p", f"{alike}; {times}."))
        if not one["identical"]:
            parts.append(_flows(one))
    return "\n".join(parts)


def _flows(one: Mapping[str, Any]) -> str:
    rows, places = [], []
    for flow in one["flows"]:
        first = flow["first"]
        where = "none"
        if first is not None:
            place = f"{first['t_ns'] / 1e9:.6f} s, {first['capture']}, {first['direction']}"
            where = f"{', '.join(first['differs'])} ({place})"
            text = element("pre", escape("\n".join(first["text"])))
            places.append(details(f"{flow['flow']}: first difference at {place}", text))
        counts = [f"{name} {count}" for name, count in flow["fields"].items()]
        counts += [f"only in {label} {flow[key]}" for label, key in ((one["a"], "only_a"), (one["b"], "only_b"))]
        rows.append(
            [
                element("td", escape(flow["flow"])),
                element("td", f"{flow['identical_ratio']:.1%}", class_="number"),
                element("td", escape(where)),
                element("td", escape(", ".join(text for text in counts if not text.endswith(" 0")))),
            ]
        )
    head = ["Flow", "Identical", "First difference", "Packets that differ, by what"]
    return "\n".join([table(head, rows), *places])


def _figures(root: Path, comparison: Mapping[str, Any]) -> str:
    """Panels as wide as the page, lines beside each other."""
    shown = []
    for index, spec in enumerate(comparison["figures"]):
        name, wide = spec["name"], spec["kind"] == "panels"
        stem = file_stem(name, PAGE_WIDTH_IN) if wide else name
        drawing = inline_svg(root / "figures" / f"{stem}.svg", f"f{index}-", f"{name}: {KINDS[spec['kind']]}")
        links = " ".join(
            element("a", suffix.upper(), href=f"figures/{stem}.{suffix}") for suffix in ("pdf", "png", "svg")
        )
        caption = element("figcaption", f"<b>{escape(name)}</b>: {escape(KINDS[spec['kind']])}. {links}")
        attributes = {"class_": "wide"} if wide else {}
        shown.append(element("figure", f"\n{drawing}\n{caption}\n", **attributes))
    if not shown:
        return ""
    return element("h2", "Figures") + "\n" + element("div", "\n".join(shown), class_="figures")
