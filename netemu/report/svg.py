"""A figure's SVG file made part of a page."""

from __future__ import annotations

import re
from pathlib import Path

from netemu.errors import BadInput
from netemu.report.html import escape

_SVG = re.compile(r"<svg\b.*</svg>", re.DOTALL)
_METADATA = re.compile(r"\s*<metadata>.*?</metadata>", re.DOTALL)
_ID = re.compile(r'(\bid=")([^"]+)(")')
_HREF = re.compile(r'(\bhref="#)([^"]+)(")')
_URL = re.compile(r"(url\(#)([^)]+)(\))")
_FORBIDDEN = re.compile(r"<script\b|<foreignObject\b|\bon\w+\s*=|\bhref=\"(?!#|data:image/)", re.IGNORECASE)


def inline_svg(path: Path, prefix: str, label: str) -> str:
    """The ``<svg>`` element of ``path``, its ids made unique in the page by ``prefix``, named ``label`` for readers.

    Raises :class:`BadInput` when the file is no SVG, runs a script or loads something from elsewhere.
    """
    text = path.read_text(encoding="utf-8")
    match = _SVG.search(text)
    if match is None:
        raise BadInput(f"{path}: holds no <svg> element; make the figure again with `netemu figure`")
    if (found := _FORBIDDEN.search(match[0])) is not None:
        raise BadInput(
            f"{path}: holds {found[0]!r}, which a report does not take in; make it again with `netemu figure`"
        )
    svg = _METADATA.sub("", match[0])
    for pattern in (_ID, _HREF, _URL):
        svg = pattern.sub(lambda part: f"{part[1]}{prefix}{part[2]}{part[3]}", svg)
    return svg.replace("<svg ", f'<svg role="img" aria-label="{escape(label)}" ', 1)
