"""Reading experiment files: what they declare, and what is wrong with them."""

from pathlib import Path

import pytest

from netemu.errors import BadInput, Terminated
from netemu.experiment.load import load_experiment

GOOD = '''"""A drawing."""
from netemu.experiment import Experiment
experiment = Experiment("tiny", question="?")
'''


def write(tmp_path: Path, text: str, name: str = "x.py") -> Path:
    path = tmp_path / name
    path.write_text(text)
    return path


def test_the_docstring_is_the_drawing(tmp_path: Path) -> None:
    experiment = load_experiment(write(tmp_path, GOOD))
    assert (experiment.name, experiment.drawing) == ("tiny", "A drawing.")


def test_helpers_beside_the_file_can_be_imported(tmp_path: Path) -> None:
    write(tmp_path, "NAME = 'beside'\n", "my_helper_module.py")
    path = write(tmp_path, GOOD.replace('"tiny"', "my_helper_module.NAME").replace("import Exp", "import Exp", 1))
    path.write_text("import my_helper_module\n" + path.read_text())
    assert load_experiment(path).name == "beside"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("1 / 0\n", r"x\.py, line 1: the experiment raises ZeroDivisionError"),
        ("\nimport nothing_of_this_name\n", r"x\.py, line 2: the experiment raises ModuleNotFoundError"),
        ("def (:\n", r"x\.py, line 1: invalid syntax"),
        ("x = 1\n", "declares 0 experiments"),
        (GOOD + "other = Experiment('b', question='?')\n", "declares 2 experiments"),
        (GOOD + "experiment.parameter('size', [1], 'x')\nexperiment.plan()\n", "needs a parser"),
    ],
)
def test_a_wrong_file_is_named_with_its_line(tmp_path: Path, text: str, message: str) -> None:
    with pytest.raises(BadInput, match=message):
        load_experiment(write(tmp_path, text))


def test_the_line_is_known_of_a_relative_path_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write(tmp_path, "x = 1\n1 / 0\n")
    monkeypatch.chdir(tmp_path)
    with pytest.raises(BadInput, match=r"^x\.py, line 2: the experiment raises ZeroDivisionError"):
        load_experiment(Path("x.py"))


def test_a_file_that_exits_is_a_mistake_and_sigterm_is_none(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match=r"line 2: the experiment raises SystemExit: 7"):
        load_experiment(write(tmp_path, "import sys\nsys.exit(7)\n"))
    with pytest.raises(Terminated):
        load_experiment(write(tmp_path, "from netemu.errors import Terminated\nraise Terminated(143)\n"))


def test_a_file_that_is_not_there_or_not_python(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="no such experiment file"):
        load_experiment(tmp_path / "none.py")
    with pytest.raises(BadInput, match="is a Python file"):
        load_experiment(write(tmp_path, "", "x.txt"))
