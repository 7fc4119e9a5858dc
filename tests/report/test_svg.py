from __future__ import annotations

from pathlib import Path

import pytest

from netemu.errors import BadInput
from netemu.report.svg import inline_svg

SVG = """<?xml version="1.0"?>
<!DOCTYPE svg>
<svg width="10pt" xmlns:xlink="http://www.w3.org/1999/xlink">
 <metadata><title>x</title></metadata>
 <defs><path id="p"/></defs><use xlink:href="#p" clip-path="url(#c)"/><clipPath id="c"/>
</svg>
"""


def write(directory: Path, text: str) -> Path:
    path = directory / "f.svg"
    path.write_text(text)
    return path


def test_ids_and_what_refers_to_them_are_made_unique(tmp_path: Path) -> None:
    svg = inline_svg(write(tmp_path, SVG), "f1-", 'a "label"')
    assert svg.startswith('<svg role="img" aria-label="a &quot;label&quot;" width="10pt"')
    assert 'id="f1-p"' in svg and 'xlink:href="#f1-p"' in svg and "url(#f1-c)" in svg and 'id="f1-c"' in svg
    assert "metadata" not in svg and "DOCTYPE" not in svg


def test_pictures_inside_the_file_are_kept(tmp_path: Path) -> None:
    picture = '<image xlink:href="data:image/png;base64,AAAA"/></svg>'
    assert "data:image/png" in inline_svg(write(tmp_path, SVG.replace("</svg>", picture)), "f-", "x")


@pytest.mark.parametrize(
    "content",
    [
        "<script>alert(1)</script>",
        '<image xlink:href="http://example.org/x.png"/>',
        '<g onload="alert(1)"/>',
        '<a href="javascript:alert(1)"/>',
        "<foreignObject/>",
    ],
)
def test_what_runs_or_loads_is_refused(tmp_path: Path, content: str) -> None:
    with pytest.raises(BadInput, match=r"f\.svg: holds .* which a report does not take in"):
        inline_svg(write(tmp_path, SVG.replace("</svg>", content + "</svg>")), "f-", "x")


def test_a_file_that_is_no_svg_is_refused(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="holds no <svg> element"):
        inline_svg(write(tmp_path, "PNG"), "f-", "x")
