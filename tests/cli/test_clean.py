"""``netemu clean``: what has no owner goes, everything else stays."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

import pytest

from netemu.cli import clean, main
from netemu.lab import registry
from netemu.results import store

DIGEST = "0123456789ab"
NAME = f"20260102T030405Z-{DIGEST}"


@pytest.fixture
def results(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A results root; registries lie beside it instead of in /run, and the kernel's tracing is left out."""
    monkeypatch.setattr(clean, "trace_leftovers", lambda: iter(()))
    monkeypatch.setattr(registry, "RUNTIME_DIRECTORY", tmp_path / "runtime")
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    (tmp_path / "runtime").mkdir()
    root = tmp_path / "results"
    root.mkdir()
    (root / "README.md").write_text("keep\n")
    (root / "gallery").mkdir()
    (root / "gallery" / "figure.svg").write_text("keep\n")
    return root


def age(path: Path, seconds: float) -> None:
    then = time.time() - seconds
    os.utime(path, (then, then))


def finished(results: Path, name: str = NAME) -> Path:
    run = results / "path_mtu" / name
    run.mkdir(parents=True)
    (run / "manifest.json").write_text("{}\n")
    return run


def ended_process() -> int:
    done = subprocess.Popen([sys.executable, "-c", ""])
    done.wait()
    return done.pid


def partial(results: Path, owner: int) -> Path:
    run = results / "path_mtu" / (NAME + store.PARTIAL)
    run.mkdir(parents=True)
    (run / store.OWNER).write_text(f"{owner}\n")
    return run


def test_nothing_to_remove_is_said(results: Path, capsys) -> None:
    assert main.main(["clean", "--out", str(results)]) == 0
    assert capsys.readouterr().out == "nothing to remove\n"


def test_an_unfinished_run_of_a_dead_owner_goes_with_its_empty_parent(results: Path, capsys) -> None:
    run = partial(results, ended_process())
    assert main.main(["clean", "--out", str(results)]) == 0
    assert not run.parent.exists()
    assert f"removed {run}: an unfinished run" in capsys.readouterr().out
    assert (results / "gallery" / "figure.svg").exists()


def test_an_unfinished_run_of_a_living_owner_stays(results: Path) -> None:
    run = partial(results, os.getpid())
    assert main.main(["clean", "--results", "--out", str(results)]) == 0
    assert run.is_dir()


def test_a_run_that_has_just_begun_and_has_no_owner_file_yet_stays(results: Path) -> None:
    run = partial(results, 0)
    (run / store.OWNER).unlink()
    age(run, 0)
    assert main.main(["clean", "--out", str(results)]) == 0
    assert run.is_dir()
    age(run, clean.SETTLING_S + 1)
    assert main.main(["clean", "--out", str(results)]) == 0
    assert not run.exists()


def test_a_later_process_with_the_number_of_the_owner_is_not_the_owner(results: Path) -> None:
    run = partial(results, os.getpid())
    age(run / store.OWNER, 10 * 365 * 86400)
    assert not clean.owner_is_alive(run, Path("/proc"))


def test_a_run_that_the_store_has_begun_counts_as_alive(results: Path) -> None:
    recording = store.begin(results, "path_mtu", DIGEST)
    assert list(clean.partial_runs(results)) == []
    store.finish(recording)
    assert list(clean.partial_runs(results)) == []


def test_finished_runs_go_only_when_asked_for(results: Path, capsys) -> None:
    run, second = finished(results), finished(results, NAME + "-2")
    assert main.main(["clean", "--out", str(results)]) == 0
    assert run.is_dir() and second.is_dir()
    assert main.main(["clean", "--results", "--out", str(results)]) == 0
    assert not run.parent.exists()
    assert (results / "README.md").exists()
    assert capsys.readouterr().out.count("a finished run") == 2


def test_a_run_that_store_made_is_known_by_its_name(results: Path) -> None:
    recording = store.finish(store.begin(results, "path_mtu", DIGEST))
    recording.manifest.write_text("{}\n")
    assert [leftover.name for leftover in clean.finished_runs(results)] == [str(recording.root)]


@pytest.mark.parametrize("name", ["notes", "2026-01-02", NAME + ".bak", "20260102T030405Z-xyz"])
def test_what_has_no_name_of_ours_stays(name: str, results: Path) -> None:
    run = finished(results, name)
    assert main.main(["clean", "--results", "--out", str(results)]) == 0
    assert run.is_dir()


def test_a_directory_with_a_run_name_but_no_manifest_stays(results: Path) -> None:
    run = finished(results)
    (run / "manifest.json").unlink()
    assert main.main(["clean", "--results", "--out", str(results)]) == 0
    assert run.is_dir()


def stale_registry(tmp_path: Path) -> tuple[Path, Path]:
    """A registry without a lock, and the one directory that it lists."""
    path, tree = registry.registry_path("abc"), tmp_path / "left"
    os.close(registry.create_registry(path))
    registry.note(path, "add", "tree", str(tree))
    tree.mkdir()
    age(path, clean.SETTLING_S + 1)
    return path, tree


def test_what_a_dead_run_had_registered_goes(results: Path, tmp_path: Path, monkeypatch, capsys) -> None:
    monkeypatch.setattr("netemu.lab.tracefs.with_tracefs", lambda action: action(tmp_path))
    path, tree = stale_registry(tmp_path)
    assert main.main(["clean", "--out", str(results)]) == 0
    assert not path.exists() and not tree.exists()
    out = capsys.readouterr().out
    assert f"removed {tree}: made by that run" in out and f"removed {path}: " in out


def test_the_registry_of_a_living_run_stays(results: Path, tmp_path: Path) -> None:
    path = registry.registry_path("abc")
    lock = registry.create_registry(path)
    age(path, clean.SETTLING_S + 1)
    try:
        assert list(clean.registered_leftovers()) == []
    finally:
        os.close(lock)
    assert [leftover.name for leftover in clean.registered_leftovers()] == [str(path)]


def test_a_registry_that_was_made_just_now_may_get_its_lock_yet(results: Path) -> None:
    os.close(registry.create_registry(registry.registry_path("abc")))
    assert list(clean.registered_leftovers()) == []


def test_a_dry_run_names_everything_and_removes_nothing(results: Path, tmp_path: Path, capsys) -> None:
    path, tree = stale_registry(tmp_path)
    kept = [partial(results, ended_process()), finished(results, NAME + "-2"), path]
    assert main.main(["clean", "--dry-run", "--results", "--out", str(results)]) == 0
    out = capsys.readouterr().out
    assert all(place.exists() and f"would remove {place}: " in out for place in kept)
    assert tree.is_dir() and f"tree {tree}" in out


def test_without_root_it_says_what_it_did_not_look_at(results: Path, tmp_path: Path, monkeypatch, capsys) -> None:
    path, _ = stale_registry(tmp_path)
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    assert main.main(["clean", "--out", str(results)]) == 0
    assert "sudo netemu clean looks there" in capsys.readouterr().out
    assert path.exists()


def test_what_cannot_be_removed_is_an_error_with_the_remedy(results: Path, monkeypatch, capsys) -> None:
    run = partial(results, ended_process())

    def refuse(path: Path) -> None:
        raise PermissionError(1, "Operation not permitted", str(path))

    monkeypatch.setattr(shutil, "rmtree", refuse)
    assert main.main(["clean", "--out", str(results)]) == 3
    error = capsys.readouterr().err
    assert str(run) in error and "sudo" in error


@pytest.mark.lab
def test_a_tracing_instance_of_ours_goes_and_one_of_others_stays(tmp_path: Path, monkeypatch, capsys) -> None:
    from netemu.lab import tracefs
    from netemu.lab.tracefs import with_tracefs

    monkeypatch.setattr(tracefs, "SETTLING_S", 0)
    ours, theirs = f"netemu-clean-{os.getpid()}", f"other-{os.getpid()}"

    def make(root: Path) -> None:
        for name in (ours, theirs):
            (root / "instances" / name).mkdir()

    with_tracefs(make)
    try:
        assert main.main(["clean", "--out", str(tmp_path)]) == 0
        assert f"removed tracing instance {ours}" in capsys.readouterr().out
        assert with_tracefs(lambda root: (root / "instances" / theirs).is_dir())
    finally:
        with_tracefs(lambda root: (root / "instances" / theirs).rmdir())


def test_summaries_of_several_runs_are_results_too(results: Path, capsys: pytest.CaptureFixture[str]) -> None:
    name = f"20260102T030405Z-repeat-{DIGEST}"
    whole, half = results / "path_mtu" / name, results / "path_mtu" / (name + "-2" + store.PARTIAL)
    whole.mkdir(parents=True)
    (whole / "repeat.json").write_text("{}\n")
    half.mkdir()
    (half / store.OWNER).write_text(f"{ended_process()}\n")
    assert main.main(["clean", "--out", str(results)]) == 0
    assert whole.exists() and not half.exists()
    assert main.main(["clean", "--results", "--out", str(results)]) == 0
    assert not whole.exists()
    assert "the summary of several runs" in capsys.readouterr().out


def test_comparisons_go_with_the_finished_runs_and_stay_without(results: Path) -> None:
    comparison = results / "path_mtu" / f"20260102T030405Z-compare-{DIGEST}"
    comparison.mkdir(parents=True)
    (comparison / "comparison.json").write_text("{}\n")
    assert list(clean.find_leftovers(results, False)) == []
    assert [leftover.name for leftover in clean.find_leftovers(results, True)] == [str(comparison)]
