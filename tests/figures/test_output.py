from __future__ import annotations

import hashlib
import os
import re
import subprocess
import sys
import zlib
from pathlib import Path

import polars as pl
import pytest

from netemu.errors import BadInput, NetemuError
from netemu.figures import FIGURES, FigureSpec, RunTables, make_figures
from netemu.figures.output import file_stem
from tests.figures.traces import run_of, write_run

OPTIONS = {"cdf": {"table": "calls", "column": "blocked_ns", "by": "agent"}}
MAKE_ALL = """
import sys
from pathlib import Path
from netemu.figures import FIGURES, FigureSpec, RunTables, make_figures
options = {"cdf": {"table": "calls", "column": "blocked_ns", "by": "agent"}}
specs = [FigureSpec(name, name, options.get(name, {})) for name in FIGURES]
make_figures(specs, RunTables.read(Path(sys.argv[1])), Path(sys.argv[2]), widths_in=[3.33])
"""


def digests(directory: Path) -> dict[str, str]:
    return {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in sorted(directory.iterdir())}


def test_two_processes_make_equal_bytes_whatever_their_surroundings(
    tmp_path: Path, frames: dict[str, pl.DataFrame]
) -> None:
    root = write_run(tmp_path / "run", frames, validity="degraded", reasons=["lag"])
    surroundings = tmp_path / "elsewhere"
    surroundings.mkdir()
    (surroundings / "matplotlibrc").write_text("font.size: 14\nlines.linewidth: 5\nsvg.hashsalt: other\n")
    made = []
    for index, extra in enumerate(
        ({"PYTHONHASHSEED": "1"}, {"PYTHONHASHSEED": "2", "TZ": "Asia/Tokyo", "LC_ALL": "C"})
    ):
        out = tmp_path / f"out{index}"
        subprocess.run(
            [sys.executable, "-c", MAKE_ALL, str(root), str(out)],
            check=True,
            cwd=surroundings if index else None,
            env={**os.environ, "PYTHONPATH": str(Path.cwd()), **extra},
        )
        made.append(digests(out))
    assert made[0] == made[1]
    assert len(made[0]) == len(FIGURES) * 3 + 1  # and one .xpl
    assert not any(path.name.endswith(".partial") for path in out.iterdir())


@pytest.fixture
def files(tmp_path: Path, run: RunTables) -> dict[str, bytes]:
    spec = FigureSpec("one", "retransmissions")
    return {path.suffix: path.read_bytes() for path in make_figures([spec], run, tmp_path)}


def test_no_file_holds_a_date_or_a_version_of_a_tool(files: dict[str, bytes]) -> None:
    for content in files.values():
        for word in (b"CreationDate", b"dc:date", b"Matplotlib v", b"matplotlib.org/", b"tIME"):
            assert word not in content


def test_pdf_embeds_type_42_fonts_only(files: dict[str, bytes]) -> None:
    pdf = files[".pdf"]
    streams = re.findall(rb"stream\r?\n(.*?)endstream", pdf, re.DOTALL)
    objects = pdf + b"".join(zlib.decompress(part) for part in streams if part[:1] == b"\x78")
    assert b"/Subtype /Type3" not in objects and b"/Type3" not in objects
    assert b"DejaVuSans" in pdf and b"/FontFile2" in pdf


def test_svg_needs_no_font_and_no_other_file(files: dict[str, bytes]) -> None:
    svg = files[".svg"].decode()
    assert "<text" not in svg and "font-family" not in svg
    assert not re.search(r'href="(?!#)', svg)


def test_png_has_the_width_asked_at_300_dpi(files: dict[str, bytes]) -> None:
    assert int.from_bytes(files[".png"][16:20]) == round(3.33 * 300)


def test_other_widths_stand_beside_the_columns(tmp_path: Path, run: RunTables) -> None:
    paths = make_figures([FigureSpec("one", "rtt")], run, tmp_path, widths_in=[3.33, 7.0])
    assert [path.name for path in paths] == [f"one{w}.{s}" for w in ("", "-7in") for s in ("pdf", "svg", "png")]
    assert file_stem("one", 85 / 25.4) == "one-3.346in"


def test_the_verdict_on_the_run_is_in_the_files(tmp_path: Path, frames: dict[str, pl.DataFrame]) -> None:
    run = run_of(frames, validity="degraded", reasons=("lag of 9 ms",))
    for path in make_figures([FigureSpec("one", "rtt")], run, tmp_path):
        assert b"Degraded run: lag of 9 ms" in path.read_bytes()


@pytest.mark.parametrize("name", ["", "../one", "a b", ".hidden"])
def test_names_that_are_no_file_names_are_refused(tmp_path: Path, run: RunTables, name: str) -> None:
    with pytest.raises(BadInput, match="is no file name"):
        make_figures([FigureSpec(name, "rtt")], run, tmp_path)


def test_one_bad_request_writes_nothing(tmp_path: Path, run: RunTables) -> None:
    with pytest.raises(BadInput):
        make_figures([FigureSpec("good", "rtt"), FigureSpec("bad", "rtt", {"port": 1})], run, tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_two_figures_of_one_name_are_refused(tmp_path: Path, run: RunTables) -> None:
    with pytest.raises(BadInput, match="two figures are called 'a'"):
        make_figures([FigureSpec("a", "rtt"), FigureSpec("a", "window")], run, tmp_path)


def test_a_place_that_cannot_be_written_is_named(tmp_path: Path, run: RunTables) -> None:
    (tmp_path / "out").write_text("a file, not a directory")
    with pytest.raises(NetemuError, match=r"out/one\.pdf: cannot be written"):
        make_figures([FigureSpec("one", "rtt")], run, tmp_path / "out")
