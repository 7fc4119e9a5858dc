"""Run directories: a name of their own, partial until finished, and gone when nothing came of them."""

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from netemu.errors import BadInput, MissingCapability
from netemu.results import store


def test_runs_of_the_same_second_get_names_of_their_own(tmp_path: Path) -> None:
    with ThreadPoolExecutor(8) as pool:
        runs = list(pool.map(lambda _: store.begin(tmp_path, "x", "abc"), range(16)))
        assert len({run.root for run in runs}) == 16
        for run in runs:
            run.log.write_text("")  # an empty directory is nobody's result
        done = list(pool.map(store.finish, runs))
    assert len({run.root for run in done}) == 16
    assert len({run.root.name.partition("Z")[0] for run in done}) <= 2


def test_a_place_is_known_before_it_is_made(tmp_path: Path) -> None:
    run = store.place(tmp_path, "x", "abc")
    assert list(tmp_path.iterdir()) == []
    store.discard(run)
    store.make(run)
    assert (run.root / store.OWNER).exists()


def test_the_final_name_is_told_from_the_unfinished_one(tmp_path: Path) -> None:
    run = store.begin(tmp_path, "x", "abc")
    assert store.finished_name(run.root.name) == store.finish(run).root.name
    assert store.finished_name("20260102T030405Z-abc.partial") == "20260102T030405Z-abc"
    assert store.finished_name("20260102T030405Z-abc") is None


def test_a_run_is_partial_until_it_is_finished(tmp_path: Path) -> None:
    run = store.begin(tmp_path, "x", "abc")
    assert run.root.name.endswith(store.PARTIAL)
    done = store.finish(run)
    assert not done.root.name.endswith(store.PARTIAL)
    assert list(done.root.iterdir()) == []
    assert not run.root.exists()


def test_a_discarded_run_leaves_nothing(tmp_path: Path) -> None:
    store.discard(store.begin(tmp_path / "results", "x", "abc"))
    assert list((tmp_path / "results").iterdir()) == []


def test_a_place_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(BadInput, match=r"--out .*file: cannot make a run directory there: Not a directory"):
        store.begin(tmp_path / "file", "x", "abc")


def test_a_refusal_for_want_of_space_leaves_no_directory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(store, "MINIMUM_FREE_BYTES", 2**62)
    with pytest.raises(MissingCapability, match="MiB free, a run needs at least"):
        store.begin(tmp_path / "new" / "root", "tiny", "0" * 12)
    assert list(tmp_path.iterdir()) == []
