"""Which form the models have: never a stale one, never in silence; a small tree is compiled and used in earnest."""

from __future__ import annotations

import ast
import hashlib
import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from netemu import compiled
from netemu.errors import BadInput

OUTSIDE = {"netemu", "netemu.compiled", "netemu.agents", "netemu.specs", "netemu.topology", "netemu.recording"}
"""What compiled modules import of netemu and is not hashed: it gives them plain data, checked where it comes in."""


def hashed_files() -> set[Path]:
    return {path for pattern in compiled.HASHED for path in compiled.ROOT.glob(pattern)}


def test_every_compiled_module_is_there_and_none_is_left_out() -> None:
    names = compiled.module_names()
    assert all(compiled.source_of(name).is_file() for name in names)
    stems = {path.stem for path in (compiled.ROOT / "stack").glob("*.py")}
    found = {name.removeprefix("netemu.stack.") for name in names if ".stack." in name}
    assert found == {stem for stem in stems - compiled.INTERPRETED if not stem.startswith("eras")}
    assert stems >= compiled.INTERPRETED


def test_the_key_covers_what_compiled_modules_take_from_others() -> None:
    hashed = hashed_files()
    for name in compiled.module_names():
        tree = ast.parse(compiled.source_of(name).read_text())
        for node in ast.walk(tree):
            if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("netemu"):
                module = node.module or ""
                places = [module, *(f"{module}.{alias.name}" for alias in node.names)]
                found = {compiled.ROOT.joinpath(*place.split(".")[1:]) for place in places}
                files = {path for one in found for path in (one.with_suffix(".py"), one / "__init__.py")}
                known = ".".join(module.split(".")[:2]) in OUTSIDE
                assert known or {path for path in files if path.is_file()} & hashed, f"{name} imports {module}"


def test_no_compiled_module_makes_a_class_that_is_c_already() -> None:
    for name in compiled.module_names():
        assert "msgspec.Struct" not in compiled.source_of(name).read_text(), name


def test_a_form_that_nobody_knows_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(compiled.VARIABLE, "fast")
    with pytest.raises(BadInput, match="NETEMU_MODEL_FORM='fast': it is 'compiled' or 'interpreted'"):
        compiled.wanted()


def test_one_changed_letter_is_another_key(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for path in hashed_files():
        (tmp_path / path.relative_to(compiled.ROOT)).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(path, tmp_path / path.relative_to(compiled.ROOT))
    here = compiled.sources_key()
    monkeypatch.setattr(compiled, "ROOT", tmp_path)
    assert compiled.sources_key() == here
    with (tmp_path / "stack/tcp_ack.py").open("a") as file:
        file.write("#")
    assert compiled.sources_key() != here


# ---- in processes of their own

PROGRAM = (
    "from netemu.stack import tcp_ack; from netemu import compiled; print(tcp_ack.__spec__.origin, compiled.form())"
)


def python(program: str, cache: Path, form: str = "", **more: str) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "NETEMU_CACHE": str(cache), compiled.VARIABLE: form, **more}
    argv = [sys.executable, "-c", program]
    return subprocess.run(argv, capture_output=True, text=True, check=False, env=environment, cwd=cache)


def test_where_nothing_is_built_the_sources_run_and_it_says_so(tmp_path: Path) -> None:
    done = python(PROGRAM, tmp_path)
    assert done.stdout.endswith("tcp_ack.py interpreted (none built: netemu kernels build model)\n"), done.stderr


def test_of_other_sources_nothing_is_taken(tmp_path: Path) -> None:
    (tmp_path / "models" / ("0" * 16)).mkdir(parents=True)
    done = python(PROGRAM, tmp_path)
    assert "interpreted (none built of these sources: netemu kernels build model)" in done.stdout


def test_interpreted_and_compiled_can_be_insisted_on(tmp_path: Path) -> None:
    assert "interpreted (NETEMU_MODEL_FORM=interpreted)" in python(PROGRAM, tmp_path, "interpreted").stdout
    done = python(PROGRAM, tmp_path, "compiled")
    assert done.returncode != 0
    assert "the models have no compiled form here: none built: netemu kernels build model" in done.stderr


@pytest.mark.parametrize("damage", ["no manifest's key", "other bytes", "no library"])
def test_a_damaged_form_is_named_with_the_remedy(damage: str, tmp_path: Path) -> None:
    place = tmp_path / "models" / compiled.sources_key()
    place.mkdir(parents=True)
    compiled.library_of(place).write_bytes(b"no library")
    sha256 = hashlib.sha256(b"no library" if damage == "no library" else b"what was built").hexdigest()
    manifest = {} if damage == "no manifest's key" else {"library_sha256": sha256}
    (place / compiled.MANIFEST).write_text(json.dumps(manifest))
    done = python(PROGRAM, tmp_path)
    assert done.returncode != 0
    assert f"remove {place}, then netemu kernels build model" in done.stderr.splitlines()[-1]


def test_modules_that_came_too_early_leave_all_interpreted(tmp_path: Path) -> None:
    (tmp_path / "models" / compiled.sources_key()).mkdir(parents=True)
    done = python(f"import netemu.link.model; {PROGRAM}", tmp_path)
    assert "interpreted (netemu.link.draws was imported before netemu.stack)" in done.stdout


# ---- a small tree

ONE = '''"""One."""
from __future__ import annotations
from netemu.stack import two
class Count:
    def __init__(self, start: int) -> None:
        self.value: int = start
    def add(self, other: int) -> int:
        self.value = two.plus(self.value, other)
        return self.value
'''
TWO = '''"""Two."""
from __future__ import annotations
def plus(left: int, right: int) -> int:
    return left + right
'''
USE = "from netemu.stack.one import Count; from netemu import compiled; print(Count(1 << 70).add(5), compiled.form())"
BUILD = "from netemu.kernels.model_build import build_model; print(build_model(lambda text: print('..', text)))"


@pytest.fixture(scope="module")
def small_tree(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """netemu with a stack of two modules, and nothing else to compile."""
    root = tmp_path_factory.mktemp("small")
    shutil.copytree(compiled.ROOT, root / "netemu", ignore=shutil.ignore_patterns("__pycache__"))
    for path in (root / "netemu/stack").glob("*.py"):
        if path.stem != "__init__":
            path.unlink()
    (root / "netemu/stack/one.py").write_text(ONE)
    (root / "netemu/stack/two.py").write_text(TWO)
    here = root / "netemu/compiled.py"
    text, count = re.subn(r"BESIDE = \(.*?^\)", "BESIDE = ()", here.read_text(), flags=re.DOTALL | re.MULTILINE)
    assert count == 1
    here.write_text(text)
    return root


def test_what_is_built_is_used_until_the_sources_change(small_tree: Path, tmp_path: Path) -> None:
    where = {"PYTHONPATH": str(small_tree)}
    plain = python(USE, tmp_path, **where)
    assert plain.stdout.startswith(f"{(1 << 70) + 5} interpreted"), plain.stderr
    built = python(BUILD, tmp_path, **where)
    assert built.returncode == 0, built.stderr
    done = python(USE, tmp_path, "compiled", **where)
    key = Path(built.stdout.splitlines()[-1]).name
    assert done.stdout == f"{(1 << 70) + 5} compiled ({key})\n", done.stderr
    assert python(BUILD, tmp_path, **where).stdout.startswith(".. the compiled form of these sources is there already")
    two = small_tree / "netemu/stack/two.py"
    two.write_text(TWO.replace("left + right", "left - right"))
    edited = python(USE, tmp_path, **where)
    assert edited.stdout.startswith(f"{(1 << 70) - 5} interpreted (none built of these sources"), edited.stderr
    two.write_text(TWO)
