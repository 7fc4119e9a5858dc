"""comparison.html."""

from __future__ import annotations

import json
from pathlib import Path

from netemu.report.comparison import render_comparison

RESULT = {"expected": "<1>", "measured": "2 & 3", "value": None}


def stored(root: Path, agree: bool) -> Path:
    results = [{"label": "old", "holds": True, **RESULT}, {"label": "new", "holds": agree or None, **RESULT}]
    known = {"seed": 1, "validity": "valid", "reasons": [], "run": "/r", "release": "6.1.176", "time": "virtual"}
    runs = [{"label": name, "kernel": name, "directory": name, **known} for name in ("old", "new")]
    claim = {"name": "it <arrives>", "results": results, "agree": agree, "differs": not agree}
    comparison = {
        "experiment": "tiny",
        "question": "why?",
        "runs": runs,
        "claims": [claim],
        "packets": [],
        "figures": [],
    }
    (root / "comparison.json").write_text(json.dumps(comparison))
    return root


def test_every_text_is_escaped_and_every_run_has_a_column(tmp_path: Path) -> None:
    page = render_comparison(stored(tmp_path, True))
    assert "it &lt;arrives&gt;" in page and "2 &amp; 3" in page and "<1>" not in page
    assert page.count('<th scope="col">old</th>') == 1
    assert page.count("expected &lt;1&gt;") == 1
    assert "all runs agree" in page


def test_a_disagreement_is_counted(tmp_path: Path) -> None:
    page = render_comparison(stored(tmp_path, False))
    assert "the runs disagree about 1" in page and "not observable" in page


def test_what_each_run_expects_stands_beside_what_it_measured(tmp_path: Path) -> None:
    comparison = json.loads((stored(tmp_path, True) / "comparison.json").read_text())
    comparison["claims"][0]["differs"] = True
    comparison["claims"][0]["results"][1]["expected"] = "4 s since 6.5"
    (tmp_path / "comparison.json").write_text(json.dumps(comparison))
    page = render_comparison(tmp_path)
    assert "1 of 1 differ in what was measured or expected" in page
    assert page.index("expected &lt;1&gt;") < page.index("expected 4 s since 6.5")


def test_each_flow_tells_its_first_difference_in_full(tmp_path: Path) -> None:
    comparison = json.loads((stored(tmp_path, True) / "comparison.json").read_text())
    place = {"capture": "h1-eth0", "direction": "a_to_b", "t_ns": 1_500_000_000, "differs": ["window", "time"]}
    flow = {"flow": "syn", "identical_ratio": 0.5, "only_a": 2, "only_b": 0, "fields": {"window": 3}}
    same = {"flow": "calm", "identical_ratio": 1.0, "only_a": 0, "only_b": 0, "fields": {}, "first": None}
    comparison["packets"] = [
        {
            "a": "old",
            "b": "new",
            "identical": False,
            "identical_ratio": 0.75,
            "tolerance_ns": 0,
            "flows": [{**flow, "first": {**place, "text": ["> win 1 | win 2", "sender <state>"]}}, same],
        }
    ]
    (tmp_path / "comparison.json").write_text(json.dumps(comparison))
    page = render_comparison(tmp_path)
    assert "75.00% of the packets are identical; times are compared exactly" in page
    assert "window, time (1.500000 s, h1-eth0, a_to_b)" in page
    assert "window 3, only in old 2</td>" in page and "only in new" not in page
    assert "<details><summary>syn: first difference at 1.500000 s" in page
    assert "&gt; win 1 | win 2\nsender &lt;state&gt;" in page
