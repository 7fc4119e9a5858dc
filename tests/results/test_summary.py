"""What a run prints, for a person and for machines."""

from dataclasses import replace
from pathlib import Path

import pytest

from netemu.results.summary import ClaimSummary, RunSummary, claims_over_runs, intervals, text_of


def summary(value: float = 1460.0, holds: bool | None = True, seed: int = 1) -> RunSummary:
    claim = ClaimSummary("the SYN announces 1460", "1460 bytes", f"{value:g} bytes", holds, value)
    return RunSummary(
        "path_mtu", Path("/r/run"), "host", seed, "degraded", ("busy",), (claim,), (Path("/r/run/f.pdf"),), ()
    )


def test_json_has_the_documented_names() -> None:
    assert summary().as_json() == {
        "experiment": "path_mtu",
        "run": "/r/run",
        "kernel": "host",
        "seed": 1,
        "validity": "degraded",
        "reasons": ["busy"],
        "claims": [
            {
                "name": "the SYN announces 1460",
                "expected": "1460 bytes",
                "measured": "1460 bytes",
                "holds": True,
                "value": 1460.0,
            }
        ],
        "figures": ["/r/run/f.pdf"],
    }


@pytest.mark.parametrize(("holds", "word"), [(True, "holds"), (False, "FAILS"), (None, "not observable")])
def test_the_text_says_verdict_reason_measured_and_expected(holds: bool | None, word: str) -> None:
    text = text_of(summary(holds=holds))
    assert "path_mtu on host, seed 1: degraded" in text
    assert "! busy" in text
    assert word in text
    assert "measured 1460 bytes, expected 1460 bytes" in text


def test_intervals_are_student_t_over_the_runs() -> None:
    text = intervals([summary(value, seed=seed) for seed, value in enumerate((10.0, 12.0, 14.0))])
    # mean 12, s = 2, half-width 4.303 * 2 / sqrt(3) = 4.97
    assert "3/3 hold  the SYN announces 1460: 12 ± 4.97 (95 %)" in text


def test_void_runs_are_left_out_of_intervals_and_counted() -> None:
    void = replace(summary(), validity="void", claims=())
    lines = intervals([void, summary(10.0), summary(14.0, holds=None)]).splitlines()
    assert lines[0] == "over 3 runs, 2 degraded, 1 void (left out):"
    assert lines[1].startswith("  1/2 hold  the SYN announces 1460: 12 ± ")
    (claim,) = claims_over_runs([void, summary(10.0), summary(14.0, holds=None)])
    assert (claim.runs, claim.holds, claim.fails, claim.not_observable, claim.n) == (2, 1, 0, 1, 2)


def test_one_number_has_no_interval() -> None:
    assert intervals([summary()]).splitlines()[1] == "  1/1 hold  the SYN announces 1460"
