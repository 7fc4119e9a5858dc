from __future__ import annotations

import json
import re
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest

from netemu.errors import BadInput, NetemuError
from netemu.figures import FigureSpec, RunTables, make_figures
from netemu.recording.layout import Recording
from netemu.report import render_report, write_report
from tests.figures.traces import all_frames, write_run

MANIFEST: dict[str, Any] = {
    "experiment": "path_mtu",
    "question": "How does a host find the smallest <MTU>?",
    "docstring": "\n    h1 --- h2\n",
    "kernel": "host",
    "seed": 7,
    "plan_digest": "0123456789ab",
    "validity": "valid",
    "reasons": [],
    "figures": [{"name": "trips", "figure": "rtt", "options": {}}, {"name": "sizes", "figure": "segment_size"}],
    "links": [{"link": "h1-h2", "delay": {"asked_ns": 5_000_000, "measured_ns": 5_123_456}}],
    "versions": {"python": "3.11"},
    "settings": {"h1": {"sysctl": ["a", "b"]}},
}
CLAIMS = [
    {"name": "one", "measured": "1 B", "expected": "1 B", "holds": True, "evidence": "table packets"},
    {"name": "<two>", "measured": "2", "expected": "≤ 1", "holds": False},
    {"name": "three", "measured": "not observable", "expected": "x", "holds": None},
]


@pytest.fixture
def recording(tmp_path: Path) -> Recording:
    root = write_run(tmp_path / "run", all_frames(), **MANIFEST)
    (root / "claims.json").write_text(json.dumps({"claims": CLAIMS}))
    run = RunTables.read(root)
    make_figures([FigureSpec("trips", "rtt"), FigureSpec("sizes", "segment_size")], run, root / "figures")
    return Recording(root)


class Elements(HTMLParser):
    """Counts elements, collects ids and what is loaded, and checks that every element is closed in order."""

    VOID = ("meta", "br")

    def __init__(self, text: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.counts: dict[str, int] = {}
        self.ids: list[str] = []
        self.links: list[str] = []
        self.feed(text)
        assert not self.open

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.counts[tag] = self.counts.get(tag, 0) + 1
        self.ids += [value or "" for name, value in attrs if name == "id"]
        self.links += [value or "" for name, value in attrs if name in ("href", "src", "xlink:href")]
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.handle_starttag(tag, attrs)
        self.open.pop()

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


def test_the_page_is_whole_and_loads_nothing(recording: Recording) -> None:
    text = write_report(recording).read_text()
    page = Elements(text)
    assert "script" not in page.counts and page.counts["svg"] == 2
    assert len(page.ids) == len(set(page.ids))
    for link in page.links:
        assert link.startswith("#") or (recording.root / link).is_file(), link
    assert not re.search(r"(src|href)=\"https?:", text)


def test_question_drawing_and_verdict(recording: Recording) -> None:
    text = render_report(recording)
    assert "smallest &lt;MTU&gt;?" in text
    assert "<pre>    h1 --- h2</pre>" not in text and "<pre>h1 --- h2</pre>" in text
    assert "kernel host, seed 7, plan 0123456789ab" in text
    assert '<div class="verdict valid">Valid:' in text


def test_claims_say_what_was_measured_and_whether_they_hold(recording: Recording) -> None:
    text = render_report(recording)
    assert "Claims: 1 of 3 hold" in text and "&lt;two&gt;" in text and "table packets" in text
    assert [text.count(f'class="{kind}"') for kind in ("holds", "fails", "unknown")] == [1, 1, 1]


def test_reasons_of_a_degraded_run_are_listed(recording: Recording) -> None:
    manifest = {**MANIFEST, "validity": "degraded", "reasons": ["lag <9 ms>"]}
    recording.manifest.write_text(json.dumps(manifest))
    assert "<li>lag &lt;9 ms&gt;</li>" in render_report(recording)


def test_links_show_what_was_asked_and_measured_in_units(recording: Recording) -> None:
    text = render_report(recording)
    assert "5 ms" in text and "5.123 ms" in text and "delay measured" in text


def test_the_rest_of_the_manifest_is_folded(recording: Recording) -> None:
    text = render_report(recording)
    assert "<summary>versions</summary>" in text and "<summary>settings</summary>" in text
    assert "<summary>question</summary>" not in text


def test_a_figure_is_told_by_what_it_shows(recording: Recording) -> None:
    figures = [{"name": "trips", "figure": "rtt", "options": {"port": 5001, "title": "IPv4"}}]
    recording.manifest.write_text(json.dumps({**MANIFEST, "figures": figures}))
    text = render_report(recording)
    assert "<b>trips</b>: RTT samples, smoothed RTT and retransmission timeout (port 5001). <a href=" in text


def test_a_figure_that_is_missing_is_said_to_be(recording: Recording) -> None:
    (recording.figures / "sizes.svg").unlink()
    assert "not drawn: figures/sizes.svg is missing" in render_report(recording)


def test_a_run_without_claims_figures_and_links_has_a_page(tmp_path: Path) -> None:
    (tmp_path / "manifest.json").write_text('{"validity": "void", "reasons": ["no capture"]}')
    text = render_report(Recording(tmp_path))
    assert '<div class="verdict void">' in text and "no capture" in text
    Elements(text)


def test_equal_runs_have_equal_pages(recording: Recording) -> None:
    assert render_report(recording) == render_report(recording)


@pytest.mark.parametrize(("name", "text"), [("manifest.json", "{"), ("claims.json", "[]"), ("manifest.json", "{}")])
def test_a_broken_run_is_named(recording: Recording, name: str, text: str) -> None:
    (recording.root / name).write_text(text)
    with pytest.raises(BadInput, match=name.replace(".", r"\.")):
        write_report(recording)
    assert not recording.report.exists()


def test_a_place_that_cannot_be_written_is_named(recording: Recording) -> None:
    recording.report.mkdir()
    with pytest.raises(NetemuError, match=r"report\.html: cannot be written"):
        write_report(recording)
    assert not list(recording.root.glob(".report*"))
