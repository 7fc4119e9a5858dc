"""comparison.html."""

from __future__ import annotations

import json
from pathlib import Path

from netemu.report.comparison import render_comparison

RESULT = {"expected": "<1>", "measured": "2 & 3", "value": None}


def stored(root: Path, agree: bool) -> Path:
    results = [{"label": "old", "holds": True, **RESULT}, {"label": "new", "holds": agree or None, **RESULT}]
    runs = [
        {"label": name, "kernel": name, "seed": 1, "validity": "valid", "reasons": [], "run": "/r", "directory": name}
        for name in ("old", "new")
    ]
    comparison = {
        "experiment": "tiny",
        "question": "why?",
        "runs": runs,
        "claims": [{"name": "it <arrives>", "results": results, "agree": agree}],
        "packets": [],
        "figures": [],
    }
    (root / "comparison.json").write_text(json.dumps(comparison))
    return root


def test_every_text_is_escaped_and_every_run_has_a_column(tmp_path: Path) -> None:
    page = render_comparison(stored(tmp_path, True))
    assert "it &lt;arrives&gt;" in page and "2 &amp; 3" in page and "<1>" not in page
    assert page.count('<th scope="col">old</th>') == 1
    assert "all runs agree" in page


def test_a_disagreement_is_counted(tmp_path: Path) -> None:
    page = render_comparison(stored(tmp_path, False))
    assert "the runs disagree about 1" in page and "not observable" in page
