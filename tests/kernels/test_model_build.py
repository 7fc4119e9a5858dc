"""Compiling the models: what is missing is named, two do not build at once, what was cut off is gone on with.

A whole build, small, is in tests/test_compiled.py; that all models compile, and leave the same bytes, is asked by
tests/kernels/test_model.py where they have been compiled.
"""

from __future__ import annotations

import json
import os
import shutil
import sysconfig
from pathlib import Path

import pytest

from netemu import compiled
from netemu.errors import MissingCapability
from netemu.kernels import model_build
from netemu.kernels.build import Effort
from netemu.kernels.locking import refusing
from netemu.kernels.model_build import KEPT, build_model, compile_c, forms, prune, remove_models, require_tools

NORMAL = Effort(1, idle=False)


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty cache; the directory of forms in it."""
    monkeypatch.setenv("NETEMU_CACHE", str(tmp_path))
    return tmp_path / "models"


def put(place: Path, key: str, age_s: int = 0) -> Path:
    (place / key).mkdir(parents=True)
    manifest = place / key / compiled.MANIFEST
    manifest.write_text("{}")
    os.utime(manifest, (10**9 - age_s, 10**9 - age_s))
    return place / key


def quiet(_: str) -> None:
    pass


def test_what_is_there_is_not_made_again(place: Path) -> None:
    there = put(place, compiled.sources_key())
    said: list[str] = []
    assert build_model(said.append) == there
    assert said == ["the compiled form of these sources is there already"]


def test_a_missing_compiler_is_named_with_the_packages(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CC", "no-such-compiler -m64")
    with pytest.raises(MissingCapability, match=r"no C compiler \(no-such-compiler\).*apt-get install gcc"):
        build_model(quiet)
    assert not place.exists()


def test_missing_headers_are_named(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(sysconfig, "get_paths", lambda: {"include": str(tmp_path)})
    with pytest.raises(MissingCapability, match=r"no /.*/Python\.h.*apt-get install .*python3-dev"):
        require_tools()


def test_a_missing_mypyc_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(model_build.importlib.util, "find_spec", lambda name: None)
    with pytest.raises(MissingCapability, match=r"mypyc is not installed.*pip install 'netemu\[dev\]'"):
        require_tools()


def test_two_do_not_build_at_once(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("netemu.kernels.locking._DYING_S", 0.0)
    with (
        refusing(place / f"{compiled.sources_key()}.lock", "held by the test"),
        pytest.raises(MissingCapability, match="another netemu is compiling the models now"),
    ):
        build_model(quiet)


def test_a_full_disk_is_named_before(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    usage = shutil.disk_usage("/")
    monkeypatch.setattr(shutil, "disk_usage", lambda path: usage._replace(free=1_000_000))
    with pytest.raises(MissingCapability, match=r"needs 300 MB, and 1 MB are free: free some, or set NETEMU_CACHE"):
        build_model(quiet)


def shop_with(directory: Path, sources: dict[str, str]) -> Path:
    """What mypyc leaves: C files, the header of all, and their list."""
    (directory / "c").mkdir()
    (directory / "c/__native_internal_x.h").write_text("#define ANSWER 42\n")
    for name, text in sources.items():
        (directory / "c" / name).write_text(text)
    paths = [str(directory / "c" / name) for name in sources]
    (directory / "c.json").write_text(json.dumps({"sources": paths, "include_dirs": []}))
    return directory


def test_a_build_that_was_cut_off_goes_on_where_it_stopped(tmp_path: Path) -> None:
    shop = shop_with(tmp_path, {"__native_one.c": "int one(void) { return ANSWER; }\n", "__native_two.c": "bad\n"})
    log, said = tmp_path / "build.log", list[str]()
    with pytest.raises(MissingCapability, match=r"the models do not compile: .*two\.c.*error.*build\.log"):
        compile_c(shop, log, require_tools(), said.append, NORMAL)
    (shop / "c/__native_two.c").write_text("int two(void) { return ANSWER; }\n")
    before = {path: path.stat().st_mtime_ns for path in (shop / "c").glob("*.o")}
    library = compile_c(shop, log, require_tools(), said.append, NORMAL)
    assert library.stat().st_size > 1000
    assert all(path.stat().st_mtime_ns == was for path, was in before.items())
    assert said[-1].startswith("compiling: 2 of 2 files in ")


def test_old_forms_make_room(place: Path) -> None:
    current = put(place, "current", age_s=1000)
    for age in range(KEPT + 2):
        put(place, f"old{age}", age_s=age)
    prune(place, current)
    assert {form.name for form in forms()} == {"current", *(f"old{age}" for age in range(KEPT))}


def test_removing_leaves_none(place: Path) -> None:
    gone = [put(place, "a", age_s=1), put(place, "b", age_s=2)]
    assert remove_models() == gone
    assert forms() == []
