"""Only what is registered is removed, and only while it is still what was registered."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from netemu.lab import registry
from netemu.lab.registry import (
    Registry,
    create_registry,
    note,
    registered,
    registry_path,
    remove_instance,
    remove_registered,
    remove_tree,
    stale_registries,
)


@pytest.fixture(autouse=True)
def runtime(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    place = tmp_path / "run"
    place.mkdir()
    monkeypatch.setattr(registry, "RUNTIME_DIRECTORY", place)
    return place


def made(path: Path) -> Path:
    path.mkdir()
    (path / "file").write_text("x")
    return path


def test_what_is_registered_is_removed_and_then_the_registry(tmp_path: Path) -> None:
    run = Registry("abc")
    os.close(create_registry(run.path))
    run.add_tree(tmp_path / "one")
    made(tmp_path / "one")
    made(tmp_path / "two")
    assert remove_registered(run.path) == [str(tmp_path / "one")]
    assert not (tmp_path / "one").exists()
    assert (tmp_path / "two").exists()
    assert not run.path.exists()
    assert remove_registered(run.path) == []


def test_the_latest_is_listed_first_and_a_released_one_not_at_all(tmp_path: Path) -> None:
    run = Registry("abc")
    os.close(create_registry(run.path))
    run.add_tree(tmp_path / "one")
    run.add_tree(tmp_path / "two")
    instance = run.add_instance()
    run.release_tree(tmp_path / "one")
    assert instance.name == "netemu-abc"
    assert registered(run.path) == [("instance", "netemu-abc"), ("tree", str(tmp_path / "two"))]


def test_a_directory_that_was_renamed_or_replaced_stays(tmp_path: Path) -> None:
    run = Registry("abc")
    os.close(create_registry(run.path))
    for name in ("renamed", "replaced"):
        run.add_tree(made(tmp_path / name))
        (tmp_path / name).rename(tmp_path / f"{name}.final")
    made(tmp_path / "replaced")
    assert remove_registered(run.path) == []
    assert sorted(path.name for path in tmp_path.iterdir()) == ["renamed.final", "replaced", "replaced.final", "run"]


def test_a_link_is_never_followed(tmp_path: Path) -> None:
    target = made(tmp_path / "target")
    (tmp_path / "link").symlink_to(target)
    assert not remove_tree(tmp_path / "link", None)
    assert (target / "file").exists()


def test_a_line_cut_short_was_not_acted_upon(tmp_path: Path) -> None:
    path = registry_path("abc")
    os.close(create_registry(path))
    note(path, "add", "tree", str(tmp_path / "one"))
    with path.open("a") as opened:
        opened.write('{"action": "add", "kind": "tree", "wh')
    assert registered(path) == [("tree", str(tmp_path / "one"))]


def test_a_registry_is_stale_once_nobody_holds_its_lock() -> None:
    held, left = create_registry(registry_path("held")), create_registry(registry_path("left"))
    os.close(left)
    assert stale_registries() == [registry_path("left")]
    os.close(held)
    assert stale_registries() == [registry_path("held"), registry_path("left")]


def test_one_run_id_has_one_registry() -> None:
    os.close(create_registry(registry_path("abc")))
    with pytest.raises(FileExistsError):
        create_registry(registry_path("abc"))


@pytest.mark.parametrize("name", ["other", "netemu-../x"])
def test_an_instance_that_is_not_netemus_is_never_removed(name: str) -> None:
    with pytest.raises(ValueError, match="not the name of a tracing instance of netemu"):
        remove_instance(name)
