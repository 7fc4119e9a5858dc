"""The page: question, drawing, verdict, claims, figures, links, files, and the manifest folded away."""

from __future__ import annotations

import json
import textwrap
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from netemu.errors import BadInput, NetemuError
from netemu.figures import FIGURES
from netemu.figures.tables import read_json_object
from netemu.recording.layout import Recording
from netemu.report.html import details, document, element, escape, table, verdict
from netemu.report.records import link_table, record_table
from netemu.report.svg import inline_svg
from netemu.report.values import words

SHOWN_ABOVE = ("experiment", "question", "docstring", "validity", "reasons", "figures", "links")
"""Keys of the manifest that have a section of their own; the rest is folded away."""

VERDICTS = {
    "valid": "Valid: no check gives reason to doubt the measurements.",
    "degraded": "Degraded: usable, with these reservations.",
    "void": "Void: the measurements cannot be trusted, so the run has no result.",
}


def write_report(recording: Recording) -> Path:
    """Write ``report.html`` of the run and return its path.

    Raises :class:`BadInput` when the manifest, the claims or a figure cannot be read, :class:`NetemuError` when the
    page cannot be written; then no page is left.
    """
    text = render_report(recording)
    partial = recording.report.with_name(".report.html.partial")
    try:
        partial.write_text(text, encoding="utf-8")
        partial.replace(recording.report)
    except OSError as error:
        if partial.exists():
            partial.unlink()
        raise NetemuError(
            f"{recording.report}: cannot be written ({error.strerror}); free space and try again"
        ) from error
    return recording.report


def render_report(recording: Recording) -> str:
    """The page as text: equal directories give equal pages, and it loads nothing from anywhere."""
    manifest = read_json_object(recording.manifest)
    claims = read_json_object(recording.claims).get("claims", []) if recording.claims.is_file() else []
    title = str(manifest.get("experiment", recording.root.name))
    sections = [
        _opening(title, manifest),
        _verdict(manifest),
        _claims(claims),
        _figures(recording, manifest.get("figures", [])),
        _links(manifest.get("links")),
        _files(recording),
        _manifest(manifest),
    ]
    return document(title, sections)


def _opening(title: str, manifest: Mapping[str, Any]) -> str:
    facts = [
        f"{label} {manifest[key]}"
        for key, label in (("kernel", "kernel"), ("seed", "seed"), ("plan_digest", "plan"))
        if manifest.get(key) is not None
    ]
    parts = [element("h1", escape(title))]
    if manifest.get("question"):
        parts.append(element("p", escape(manifest["question"]), class_="question"))
    parts.append(element("p", escape(", ".join(facts)), class_="quiet"))
    if str(manifest.get("docstring", "")).strip():
        parts.append(element("pre", escape(textwrap.dedent(manifest["docstring"]).strip("\n"))))
    return "\n".join(parts)


def _verdict(manifest: Mapping[str, Any]) -> str:
    validity = manifest.get("validity")
    if validity not in VERDICTS:
        raise BadInput(f"manifest.json: validity {validity!r} is none of {', '.join(VERDICTS)}")
    reasons = "".join(element("li", escape(reason)) for reason in manifest.get("reasons", []))
    content = escape(VERDICTS[validity]) + (element("ul", reasons) if reasons else "")
    return element("div", content, class_=f"verdict {validity}")


def _claims(claims: list[dict[str, Any]]) -> str:
    if not claims:
        return ""
    rows = []
    for claim in claims:
        name = escape(claim["name"])
        if claim.get("evidence"):
            name += element("div", escape(claim["evidence"]), class_="quiet")
        cells = [
            element("td", name),
            element("td", escape(claim["measured"])),
            element("td", escape(claim["expected"])),
        ]
        rows.append([*cells, element("td", verdict(claim["holds"]))])
    held = sum(claim["holds"] is True for claim in claims)
    heading = element("h2", f"Claims: {held} of {len(claims)} hold")
    listed = table(["Claim", "Measured", "Expected", ""], rows)
    return heading + "\n" + element("div", listed, class_="claims")


def _figures(recording: Recording, requests: list[dict[str, Any]]) -> str:
    """Every figure that was asked for; one that is not there is said to be missing."""
    if not requests:
        return ""
    shown = []
    for index, request in enumerate(requests):
        name = request["name"]
        path = recording.figures / f"{name}.svg"
        files = [f for f in sorted(recording.figures.glob(f"{name}.*")) if f.stem == name]
        links = " ".join(element("a", f.suffix[1:].upper(), href=f"figures/{f.name}") for f in files)
        meaning = FIGURES.get(request["figure"], ("", request["figure"]))[1]
        caption = element("figcaption", f"<b>{escape(name)}</b>: {escape(meaning)}{_options(request)}. {links}")
        if path.is_file():
            drawing = inline_svg(path, f"f{index}-", f"{name}: {request['figure']}")
        else:
            drawing = element("p", f"not drawn: figures/{escape(name)}.svg is missing", class_="quiet")
        shown.append(element("figure", f"\n{drawing}\n{caption}\n"))
    return element("h2", "Figures") + "\n" + element("div", "\n".join(shown), class_="figures")


def _options(request: Mapping[str, Any]) -> str:
    """What the figure was asked to show, in parentheses; its title stands in the figure."""
    asked = [f"{key} {value}" for key, value in request.get("options", {}).items() if key != "title"]
    return f" ({escape(', '.join(asked))})" if asked else ""


def _links(links: Any) -> str:
    """What was measured on each link before traffic, beside what was asked for."""
    if not links:
        return ""
    return element("h2", "Links, as probed before traffic") + "\n" + (link_table(links) or _json(links))


def _files(recording: Recording) -> str:
    """Relative links to what the page was made from, so that the directory can be moved."""
    found = [
        path
        for directory in (recording.captures, recording.tables)
        if directory.is_dir()
        for path in sorted(directory.iterdir())
        if path.is_file()
    ]
    if not found:
        return ""
    rows = []
    for path in found:
        name = path.relative_to(recording.root).as_posix()
        rows.append(
            [
                element("td", element("a", escape(name), href=name)),
                element("td", f"{path.stat().st_size:,} B", class_="number"),
            ]
        )
    return element("h2", "Data") + "\n" + details(f"{len(found)} captures and tables", table(["File", "Size"], rows))


def _manifest(manifest: Mapping[str, Any]) -> str:
    folded = [
        details(words(key), record_table(value) or _json(value))
        for key, value in sorted(manifest.items())
        if key not in SHOWN_ABOVE
    ]
    return element("h2", "Manifest") + "\n" + "\n".join(folded)


def _json(value: Any) -> str:
    return element("pre", escape(json.dumps(value, indent=2, sort_keys=True, ensure_ascii=False)))
