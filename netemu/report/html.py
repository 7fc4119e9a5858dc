"""The little HTML that the report needs: escaping, elements, tables, and the one style sheet."""

from __future__ import annotations

import html
from collections.abc import Sequence

STYLE = """\
:root { color-scheme: light; --line: #d0d0d0; --quiet: #555; }
* { box-sizing: border-box; }
body { margin: 0; background: #fff; color: #111; font: 16px/1.5 "Helvetica Neue", Arial, "DejaVu Sans", sans-serif; }
main { max-width: 60rem; margin: 0 auto; padding: 1.5rem 1rem 4rem; }
h1 { font-size: 1.6rem; margin: 0 0 .2rem; }
h2 { font-size: 1.2rem; margin: 2.2rem 0 .6rem; border-bottom: 1px solid var(--line); padding-bottom: .2rem; }
h3 { font-size: 1rem; margin: 1.4rem 0 .3rem; }
p { margin: .4rem 0; max-width: 46rem; }
.question { font-size: 1.15rem; }
.quiet, figcaption, th { color: var(--quiet); }
pre { overflow-x: auto; background: #f6f6f6; padding: .8rem 1rem; font: 13px/1.4 "DejaVu Sans Mono", Menlo, monospace; }
.scroll { overflow-x: auto; }
table { border-collapse: collapse; font-size: .92rem; width: 100%; }
th { text-align: left; font-weight: 600; }
th, td { padding: .35rem .7rem .35rem 0; border-bottom: 1px solid var(--line); vertical-align: top; }
td.number { text-align: right; font-variant-numeric: tabular-nums; white-space: nowrap; }
.verdict { border-left: .4rem solid #009e73; padding: .5rem .9rem; background: #f6f6f6; margin: 1rem 0; }
.verdict.degraded { border-color: #e69f00; }
.verdict.void { border-color: #d55e00; }
.verdict ul { margin: .3rem 0; padding-left: 1.2rem; }
td .quiet { font-size: .82rem; overflow-wrap: anywhere; }
.claims th:first-child { width: 50%; }
.holds { color: #00624a; font-weight: 600; white-space: nowrap; }
.fails { color: #a34000; font-weight: 700; white-space: nowrap; }
.unknown { color: var(--quiet); white-space: nowrap; }
.figures { display: grid; grid-template-columns: repeat(auto-fit, minmax(min(100%, 26rem), 1fr)); gap: 1.6rem 2rem; }
figure { margin: 0; break-inside: avoid; }
figure.wide { grid-column: 1 / -1; }
figure svg { width: 100%; height: auto; display: block; }
figcaption { font-size: .88rem; margin-top: .3rem; }
details { border-bottom: 1px solid var(--line); padding: .4rem 0; }
summary { cursor: pointer; }
a { color: #00548a; }
@media print {
  body { font-size: 10pt; }
  main { max-width: none; padding: 0; }
  h2 { break-after: avoid; }
  tr, .verdict { break-inside: avoid; }
  .figures { grid-template-columns: 1fr 1fr; }
  pre { white-space: pre-wrap; font-size: 7.5pt; }
}
"""


MARKS = {True: ("holds", "✓ holds"), False: ("fails", "✗ fails"), None: ("unknown", "not observable")}
"""A claim's verdict -> class of its element, and its text."""


def document(title: str, sections: Sequence[str]) -> str:
    """A whole page of ``sections`` (HTML; empty ones are left out) that loads nothing from anywhere."""
    return "\n".join(
        [
            '<!DOCTYPE html>\n<html lang="en">\n<head>\n<meta charset="utf-8">',
            '<meta name="viewport" content="width=device-width, initial-scale=1">',
            f"<title>{escape(title)} - netemu</title>\n<style>\n{STYLE}</style>\n</head>\n<body>\n<main>",
            *(section for section in sections if section),
            "</main>\n</body>\n</html>\n",
        ]
    )


def verdict(holds: bool | None) -> str:
    """Whether a claim holds, as an element."""
    kind, mark = MARKS[holds]
    return element("span", mark, class_=kind)


def escape(text: object) -> str:
    """``text`` with what HTML would take for markup made harmless."""
    return html.escape(str(text), quote=True)


def element(tag: str, content: str, **attributes: str) -> str:
    """An element around ``content``, which is HTML; ``class_`` stands for ``class``."""
    written = "".join(f' {name.rstrip("_")}="{escape(value)}"' for name, value in attributes.items())
    return f"<{tag}{written}>{content}</{tag}>"


def table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """A table; the cells of ``rows`` are whole ``<td>`` elements, ``head`` is text."""
    top = "".join(element("th", escape(name), scope="col") for name in head)
    lines = "\n".join(f"<tr>{''.join(cells)}</tr>" for cells in rows)
    return f'<div class="scroll"><table>\n<thead><tr>{top}</tr></thead>\n<tbody>\n{lines}\n</tbody></table></div>'


def details(summary: str, content: str) -> str:
    """``content`` (HTML) folded below the line ``summary`` (text)."""
    return f"<details><summary>{escape(summary)}</summary>\n{content}\n</details>"
