"""comparison.html: several runs of one experiment on one page, from the comparison's directory alone."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from netemu.figures.compared import KINDS
from netemu.figures.tables import read_json_object
from netemu.report.html import STYLE, element, escape, table
from netemu.report.svg import inline_svg

_MARKS = {True: ("holds", "✓ holds"), False: ("fails", "✗ fails"), None: ("unknown", "not observable")}


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
    return "\n".join(
        [
            '<!DOCTYPE html>\n<html lang="en">\n<head>\n<meta charset="utf-8">',
            '<meta name="viewport" content="width=device-width, initial-scale=1">',
            f"<title>{escape(title)} - netemu</title>\n<style>\n{STYLE}</style>\n</head>\n<body>\n<main>",
            *(section for section in sections if section),
            "</main>\n</body>\n</html>\n",
        ]
    )


def _runs(comparison: Mapping[str, Any]) -> str:
    rows = []
    for run in comparison["runs"]:
        link = element("a", escape(run["directory"]), href=f"{run['directory']}/report.html")
        reasons = element("div", escape("; ".join(run["reasons"])), class_="quiet") if run["reasons"] else ""
        rows.append(
            [
                element("td", escape(run["label"])),
                element("td", escape(run["seed"]), class_="number"),
                element("td", escape(run["validity"]) + reasons),
                element("td", link),
            ]
        )
    return table(["Kernel", "Seed", "Validity", "Run"], rows)


def _claims(comparison: Mapping[str, Any]) -> str:
    """A row for each claim, a column for each run with what it measured."""
    if not comparison["claims"]:
        return ""
    rows = []
    for claim in comparison["claims"]:
        expected = list(dict.fromkeys(result["expected"] for result in claim["results"] if result["expected"]))
        note = element("div", escape(f"expected {'; '.join(expected)}"), class_="quiet")
        cells = [element("td", escape(claim["name"]) + note)]
        for result in claim["results"]:
            kind, mark = _MARKS[result["holds"]]
            measured = element("div", escape(result["measured"]), class_="quiet")
            cells.append(element("td", element("span", mark, class_=kind) + measured))
        rows.append(cells)
    differing = sum(not claim["agree"] for claim in comparison["claims"])
    heading = "Claims: all runs agree" if not differing else f"Claims: the runs disagree about {differing}"
    return element("h2", heading) + "\n" + table(["Claim", *(run["label"] for run in comparison["runs"])], rows)


def _packets(comparison: Mapping[str, Any]) -> str:
    if not comparison["packets"]:
        return ""
    rows = []
    for one in comparison["packets"]:
        first = one["first"]
        where = "none"
        if first is not None:
            place = f"{first['flow']}, {first['direction']}, {first['capture']}, {first['t_ns'] / 1e9:.6f} s"
            where = f"{place}: {', '.join(first['differs'])}"
        times = "not compared" if one["tolerance_ns"] is None else "exact"
        rows.append(
            [
                element("td", escape(f"{one['a']} → {one['b']}")),
                element("td", f"{one['identical_ratio']:.4f}", class_="number"),
                element("td", times),
                element("td", escape(where)),
            ]
        )
    return (
        element("h2", "Packet by packet") + "\n" + table(["Runs", "Identical ratio", "Times", "First difference"], rows)
    )


def _figures(root: Path, comparison: Mapping[str, Any]) -> str:
    shown = []
    for index, spec in enumerate(comparison["figures"]):
        name = spec["name"]
        drawing = inline_svg(root / "figures" / f"{name}.svg", f"f{index}-", f"{name}: {KINDS[spec['kind']]}")
        links = " ".join(
            element("a", suffix.upper(), href=f"figures/{name}.{suffix}") for suffix in ("pdf", "png", "svg")
        )
        caption = element("figcaption", f"<b>{escape(name)}</b>: {escape(KINDS[spec['kind']])}. {links}")
        shown.append(element("figure", f"\n{drawing}\n{caption}\n"))
    if not shown:
        return ""
    return element("h2", "Figures") + "\n" + element("div", "\n".join(shown), class_="figures")
