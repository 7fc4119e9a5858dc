"""``netemu reproduce``: what it needs of a stored run; the run itself is in tests/test_end_to_end.py."""

import json
from pathlib import Path

import pytest

from netemu.cli import main as frame
from netemu.cli.reproduce import _experiment
from netemu.experiment.load import load_experiment

EXPERIMENT = Path(__file__).parents[2] / "experiments" / "path_mtu.py"


def test_a_directory_that_is_no_run_is_bad_input(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert frame.main(["reproduce", str(tmp_path)]) == 2
    assert "RUN is the directory of a finished run" in capsys.readouterr().err


def test_the_experiment_is_judged_again_while_its_file_makes_the_same_plan() -> None:
    plan = load_experiment(EXPERIMENT).plan({"size": 1000})
    experiment, source, note = _experiment({"source": str(EXPERIMENT)}, plan)
    assert experiment is not None
    assert (experiment.name, source, note) == ("path_mtu", EXPERIMENT, "")


def test_a_file_that_changed_or_is_gone_leaves_the_claims_out_and_says_so(tmp_path: Path) -> None:
    plan = load_experiment(EXPERIMENT).plan()
    changed = tmp_path / "changed.py"
    changed.write_text(EXPERIMENT.read_text().replace("400_000", "400_001").replace("(1500, 1400,", "(1500, 1399,"))
    assert _experiment({"source": str(changed)}, plan)[0] is None
    assert "makes another plan now" in _experiment({"source": str(changed)}, plan)[2]
    assert "is gone" in _experiment({"source": str(tmp_path / "none.py")}, plan)[2]
    assert json.loads(json.dumps(plan.parameters)) == plan.parameters
