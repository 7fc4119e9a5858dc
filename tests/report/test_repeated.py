"""Pages of repeated runs."""

from __future__ import annotations

import json
from pathlib import Path

from netemu.report.repeated import write_repeat_page, write_repeats_page

CLAIM = {"name": "it <arrives>", "runs": 3, "holds": 2, "fails": 1, "not_observable": 0, "n": 3}
NUMBERS = {"mean": 1.25, "standard_deviation": 0.5, "half_width": 0.75}
HASH = {"name": "one hash", "expected": "1", "measured": "2 & 3", "holds": False, "value": 2.0}
RUN = {"directory": "../run", "seed": 7, "validity": "degraded", "reasons": ["late & busy"]}
SUMMARY = {
    "kernel": "host",
    "busy_loops": 4,
    "validity": {"valid": 2, "degraded": 1, "void": 0},
    "digests": {"captures": {"aa": 2, "bb": 1}, "everything": {"cc": 3}},
}


def stored(root: Path, **more: object) -> Path:
    own = {"experiment": "tiny", "runs": [RUN], "claims": [{**CLAIM, **NUMBERS}], "claims_over_runs": [HASH]}
    spec = {"name": "spread", "figure": "rtt", "options": {}}
    content = {**SUMMARY, **own, "figures": [spec], "not_drawn": {"spread": "no <data>"}, **more}
    (root / "repeat.json").write_text(json.dumps(content))
    return root


def test_a_page_tells_results_claims_figures_and_runs(tmp_path: Path) -> None:
    page = write_repeat_page(stored(tmp_path)).read_text()
    assert "<h1>tiny: 1 runs on host</h1>" in page
    assert "4 busy loops" in page and "2 valid, 1 degraded" in page
    assert "2 distinct in 3" in page and "1 distinct in 3" in page
    assert "it &lt;arrives&gt;" in page and "2 of 3" in page and "1.25 ± 0.75" in page
    assert "2 &amp; 3" in page and "✗ fails" in page
    assert "not drawn: no &lt;data&gt;" in page
    assert 'href="../run/report.html"' in page and "late &amp; busy" in page


def test_a_claim_without_numbers_and_a_summary_without_claims(tmp_path: Path) -> None:
    bare = {**CLAIM, "mean": None, "half_width": None}
    page = write_repeat_page(stored(tmp_path, claims=[bare], claims_over_runs=[], figures=[])).read_text()
    assert "±" not in page and "Claims over all runs" not in page and "<h2>Figures" not in page


def test_kernels_stand_in_columns_beside_one_another(tmp_path: Path) -> None:
    first = {**SUMMARY, "label": "host", "claims": [HASH], "directory": "../a"}
    second = {**SUMMARY, "label": "uml", "claims": [], "busy_loops": 0, "directory": "../b"}
    (tmp_path / "comparison.json").write_text(
        json.dumps({"experiment": "tiny", "repeats": [first, second], "figures": []})
    )
    page = write_repeats_page(tmp_path).read_text()
    assert "tiny: repeated on 2 kernels, with one seed" in page
    assert '<th scope="col">host</th><th scope="col">uml</th>' in page
    assert 'href="../b/report.html">uml</a>' in page and "<td>none</td>" in page
