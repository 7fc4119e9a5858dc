"""Recipes: what decides a kernel's bytes, and that our own patches are what they should be."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from netemu.errors import MissingCapability
from netemu.kernels import recipe
from netemu.kernels.recipe import DATA, TOOLS, compiler, key_today, missing_tools, patches_for, recipe_for, series_key
from netemu.kernels.store import File

SOURCE = File("linux.tar.xz", "0" * 64)


@pytest.mark.parametrize(("version", "directory"), [("5.10.223", "5.10"), ("6.12.1", "6.12"), ("6.18.3", "6.12")])
def test_patches_are_those_of_the_newest_series_not_newer(version: str, directory: str) -> None:
    patches = patches_for(version)
    assert {path.parent.name for path in patches} == {directory}
    assert patches == tuple(sorted(patches))


def test_a_version_older_than_all_patches_is_refused() -> None:
    with pytest.raises(MissingCapability, match=r"Linux 4\.19 is older than 5\.10"):
        patches_for("4.19")


def test_every_series_has_the_patches_that_repeatability_needs() -> None:
    for place in (DATA / "patches").iterdir():
        names = [path.name for path in sorted(place.glob("*.patch"))]
        assert names[:2] == ["0001-random-fixed-seed.patch", "0002-um-hz-250.patch"], place


def test_every_patch_says_why() -> None:
    for path in (DATA / "patches").glob("*/*.patch"):
        head = path.read_text().split("\n--- ")[0]
        assert len(head.splitlines()) >= 3, path


def test_the_key_changes_with_every_input(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    keys = {
        recipe_for("6.12.1", SOURCE).key,
        recipe_for("6.12.2", SOURCE).key,
        recipe_for("6.12.1", File("linux.tar.xz", "1" * 64)).key,
        recipe_for("7.2.1", SOURCE).key,
    }
    monkeypatch.setattr(recipe, "compiler", lambda: "another")
    keys.add(recipe_for("6.12.1", SOURCE).key)
    monkeypatch.setattr(recipe, "ENVIRONMENT", {**recipe.ENVIRONMENT, "KBUILD_BUILD_HOST": "another"})
    keys.add(recipe_for("6.12.1", SOURCE).key)
    assert len(keys) == 6


def test_the_key_does_not_depend_on_the_sources_name() -> None:
    assert recipe_for("6.12.1", SOURCE).key == recipe_for("6.12.1", File("other.tar.xz", "0" * 64)).key


def test_todays_key_is_that_of_the_named_compiler() -> None:
    assert key_today("6.12.1", SOURCE, compiler()) == recipe_for("6.12.1", SOURCE).key
    assert key_today("6.12.1", SOURCE, "another") != recipe_for("6.12.1", SOURCE).key
    assert key_today("4.19.1", SOURCE, compiler()) is None


def test_a_cache_of_a_series_is_named_by_all_but_the_source(monkeypatch: pytest.MonkeyPatch) -> None:
    key = series_key("7.2")
    assert re.fullmatch(r"uml-7\.2-[0-9a-f]{12}", key)
    assert series_key("7.2.13") == key
    assert series_key("6.12")[-12:] != key[-12:]
    monkeypatch.setattr(recipe, "compiler", lambda: "another")
    assert series_key("7.2") != key


def test_every_missing_program_is_named_with_its_package(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    assert missing_tools() == {}
    monkeypatch.setenv("PATH", str(tmp_path))
    assert missing_tools() == TOOLS


def test_the_compiler_is_named_with_its_linker() -> None:
    assert "; GNU ld" in compiler()
