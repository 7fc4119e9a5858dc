"""What is asked for, run side by side; and the figure that must not fall."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from netemu.errors import BadInput
from netemu.fidelity.compared import Job
from netemu.fidelity.measure import chosen, fits, measure, moved, pairs
from netemu.fidelity.scenarios import NAMED, named
from netemu.fidelity.table import Captures, Row, as_text, summary
from netemu.fidelity.times import Times
from tests.kernels.machines import virtual_kernels

HELD = (
    "bulk",
    "slow_start_cubic",
    "nagle_minshall",
    "loss_3",
    "rto",
    "reordering",
    "pmtu",
    "mtu_probing_always",
    "zero_window",
    "delayed_ack",
    "syn_cookies",
    "half_close",
)
"""Quick scenarios in which models and kernels are identical; whoever changes a model keeps them so."""


def test_names_or_a_seed_choose_the_scenarios() -> None:
    assert chosen(None, 40, []) == list(NAMED)
    assert [one.name for one in chosen(None, 40, ["rto", "bulk"])] == ["rto", "bulk"]
    assert [one.name for one in chosen(5, 3, [])] == ["seed5_0", "seed5_1", "seed5_2"]
    assert [one.name for one in chosen(5, 3, ["seed5_2"])] == ["seed5_2"]
    with pytest.raises(BadInput, match="--only 'seed5_3': --seed 5 --count 3 has no such scenario"):
        chosen(5, 3, ["seed5_3"])


def test_a_kernel_is_one_that_judges_a_model() -> None:
    assert pairs(None) == {
        "7.2": "model:linux-7",
        "6.12": "model:linux-6",
        "6.1": "model:linux-6.1",
        "5.10": "model:linux-5.10",
    }
    assert pairs("6.12") == pairs("uml:6.12?time=virtual") == {"6.12": "model:linux-6"}
    with pytest.raises(BadInput, match=r"--kernel '6\.6': no model is judged by it; there are 7\.2, 6\.12, 6\.1"):
        pairs("6.6")


def test_a_scenario_with_a_sysctl_that_an_era_lacks_is_none_of_its_kernel_s() -> None:
    assert fits(named("bulk").plan(), "model:linux-5.10", "5.10")
    plan = named("syn_without_linear_timeouts").plan()
    assert fits(plan, "model:linux-6", "6.12")
    assert not fits(plan, "model:linux-5.10", "6.12")
    assert not fits(plan, "model:linux-6", "6.1")


def test_any_model_may_be_held_against_any_kernel() -> None:
    assert pairs("6.1", "linux-6") == pairs("6.1", "model:linux-6") == {"6.1": "model:linux-6"}
    with pytest.raises(BadInput, match="no profile 'linux-8'"):
        pairs("6.1", "linux-8")
    with pytest.raises(BadInput, match="--model linux-6: with which real kernel"):
        pairs(None, "linux-6")


def test_rows_name_the_finished_directory() -> None:
    captures = Captures("/real", "/out/a.partial/models/7.2/bulk/captures")
    row = Row("bulk", (), "k", "m", "d", 1, 1.0, None, {}, Times(), "", captures)
    assert moved(row, Path("/out/a.partial"), Path("/out/a")).captures.model == "/out/a/models/7.2/bulk/captures"


def test_a_job_names_its_kernel() -> None:
    job = Job("bulk", ("M01",), named("bulk").plan(), "6.12", "model:linux-6", Path("x"))
    assert job.kernel == "uml:6.12?time=virtual"


@pytest.mark.parametrize("version", ["7.2", "5.10"])
def test_models_stay_identical_where_they_are(version: str, tmp_path: Path) -> None:
    """The figure must not fall: real kernels in virtual time judge on every change."""
    releases = [entry.manifest.version for entry in virtual_kernels()]
    if not any(release.startswith(version) for release in releases):
        pytest.skip(f"no kernel {version} with virtual time is in the cache: netemu kernels build {version}")
    table, place = measure([named(name) for name in HELD], pairs(version), tmp_path)
    assert summary(table.scenarios)[0]["lowest"] == 1.0, as_text(table)
    assert json.loads((place / "fidelity.json").read_text())["summary"][0]["scenarios"] == len(HELD)
    assert (place / "fidelity.txt").read_text().startswith("scenario")
    for row in table.scenarios:
        assert row.captures.model is not None
        assert {path.name for path in Path(row.captures.model).iterdir()} == {"h1-eth0.pcapng", "h2-eth0.pcapng"}
        assert Path(row.captures.real).is_dir()
