"""``netemu new``: a project that works, made in one step, never over something else."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from netemu.cli import main, new
from netemu.errors import BadInput
from netemu.experiment.load import load_experiment


def test_it_makes_an_experiment_that_plans(tmp_path: Path, capsys) -> None:
    target = tmp_path / "my-study"
    assert main.main(["new", str(target)]) == 0
    assert {path.name for path in target.iterdir()} == {"experiment.py", "README.md", ".gitignore"}
    experiment = load_experiment(target / "experiment.py")
    assert experiment.name == "my_study"
    assert {node.name for node in experiment.plan().nodes} == {"h1", "h2"}
    assert len(experiment.claims) == 3
    assert str(target / "experiment.py") in capsys.readouterr().out
    assert list(tmp_path.iterdir()) == [target]


def test_what_it_writes_passes_the_linter(tmp_path: Path) -> None:
    main.main(["new", str(tmp_path / "study")])
    config = Path(__file__).parents[2] / "pyproject.toml"
    for check in (["check"], ["format", "--check"]):
        argv = [sys.executable, "-m", "ruff", *check, "--config", str(config), str(tmp_path / "study")]
        done = subprocess.run(argv, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stdout


def test_an_empty_directory_is_taken(tmp_path: Path) -> None:
    (tmp_path / "study").mkdir()
    assert main.main(["new", str(tmp_path / "study")]) == 0


def test_the_directory_has_the_usual_rights(tmp_path: Path) -> None:
    new.create(tmp_path / "study")
    assert (tmp_path / "study").stat().st_mode & 0o777 == 0o777 & ~new.current_umask()


@pytest.mark.parametrize("name", ["1st", "ünder", "a$b", "_x", "..."])
def test_a_name_that_makes_no_experiment_name_is_refused(name: str, tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="named after its directory"):
        new.create(tmp_path / name)
    assert list(tmp_path.iterdir()) == []


def test_nothing_is_overwritten(tmp_path: Path, capsys) -> None:
    target = tmp_path / "study"
    target.mkdir()
    (target / "experiment.py").write_text("mine\n")
    assert main.main(["new", str(target)]) == 2
    assert (target / "experiment.py").read_text() == "mine\n"
    assert f"netemu: error: {target}: is not empty" in capsys.readouterr().err


def test_a_file_or_a_link_in_the_way_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    (tmp_path / "link").symlink_to(tmp_path / "nowhere")
    for name in ("file", "link"):
        with pytest.raises(BadInput, match="exists and is no directory"):
            new.create(tmp_path / name)


def test_a_missing_parent_is_named(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match=f"there is no {tmp_path / 'a'} to make it in"):
        new.create(tmp_path / "a" / "study")


def test_an_error_leaves_nothing_half_made(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(self: Path, target: Path) -> None:
        raise OSError(28, "No space left on device", str(self))

    monkeypatch.setattr(Path, "rename", full)
    with pytest.raises(BadInput, match="No space left on device"):
        new.create(tmp_path / "study")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.lab
def test_its_experiment_runs_and_every_claim_holds(tmp_path: Path) -> None:
    target = tmp_path / "study"
    new.create(target)
    argv = [
        sys.executable,
        "-m",
        "netemu",
        "run",
        str(target / "experiment.py"),
        "--json",
        "--out",
        str(tmp_path / "r"),
    ]
    done = subprocess.run(argv, capture_output=True, text=True, check=False, cwd=tmp_path, env=os.environ)
    assert done.returncode == 0, done.stderr
    answer = json.loads(done.stdout)
    assert answer["validity"] in ("valid", "degraded")
    assert [claim["holds"] for claim in answer["claims"]] == [True] * 3
