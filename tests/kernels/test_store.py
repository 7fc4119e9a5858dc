"""The store: where it lies, what a name means, and that nothing half-made or changed is taken for a kernel."""

from __future__ import annotations

import errno
import os
from pathlib import Path

import pytest

from netemu.errors import BadInput, MissingCapability
from netemu.kernels.locking import refusing
from netemu.kernels.recipe import key_today
from netemu.kernels.store import Entry, File, KernelManifest, Store, open_store, sha256_of, writing

SOURCE = File("linux", "0" * 64)


def put(
    store: Store, version: str, key: str, *, virtual: bool = True, origin: str = "built", compiler: str = ""
) -> Entry:
    """An entry whose program is its own name; ``key``: one digit of it, or all twelve."""
    staged = store.own.parent / "staged"
    staged.mkdir(parents=True)
    (staged / "linux").write_text(f"{version}-{key}")
    return store.admit(
        staged,
        KernelManifest(
            version=version,
            key=(key * 12)[:12],
            origin=origin,  # type: ignore[arg-type]
            compiler=compiler,
            source=SOURCE,
            binary_sha256=sha256_of(staged / "linux"),
            config_sha256="0" * 64,
            virtual_time=virtual,
            modules=False,
        ),
    )


@pytest.mark.parametrize(
    ("environment", "place"),
    [
        ({"NETEMU_CACHE": "/a", "XDG_CACHE_HOME": "/b"}, "/a/kernels"),
        ({"XDG_CACHE_HOME": "/b"}, "/b/netemu/kernels"),
        ({}, str(Path.home() / ".cache/netemu/kernels")),
    ],
)
def test_the_cache_is_where_the_environment_says(environment: dict[str, str], place: str) -> None:
    assert str(open_store(environment).own) == place


def test_a_relative_cache_is_refused() -> None:
    with pytest.raises(BadInput, match="absolute"):
        open_store({"NETEMU_CACHE": "cache"})


def test_a_series_means_its_newest_version(store: Store) -> None:
    put(store, "6.1.9", "a")
    put(store, "6.1.10", "b")
    put(store, "6.12.1", "c")
    assert store.find("6.1").manifest.version == "6.1.10"
    assert store.find("6.1.9").manifest.version == "6.1.9"
    assert store.find("6.1.9-aaaaaaaaaaaa").manifest.version == "6.1.9"
    assert [entry.manifest.version for entry in store.entries()] == ["6.12.1", "6.1.10", "6.1.9"]


def test_of_several_builds_of_a_version_todays_recipe_is_meant_then_the_last_one(store: Store) -> None:
    """Keys say nothing: the largest one is that of the oldest build, the smallest that of today's recipe."""
    put(store, "6.12.1", "f")
    put(store, "6.12.1", "b")
    put(store, "6.12.1", "e")
    for second, key in enumerate("fbe"):
        os.utime(store.own / f"uml-6.12.1-{key * 12}/manifest.json", (second, second))
    assert [entry.manifest.key[0] for entry in store.entries()] == ["e", "b", "f"]
    today = key_today("6.12.1", SOURCE, "gcc 1")
    assert today is not None
    put(store, "6.12.1", today, compiler="gcc 1")
    os.utime(store.own / f"uml-6.12.1-{today}/manifest.json", (0, 0))
    assert store.find("6.12").manifest.key == today
    assert [entry.up_to_date for entry in store.entries()] == [True, False, False, False]
    assert store.find("6.12.1-ffffffffffff").manifest.key == "f" * 12


def test_a_newer_version_comes_before_todays_recipe(store: Store) -> None:
    today = key_today("6.12.1", SOURCE, "")
    assert today is not None
    put(store, "6.12.1", today)
    put(store, "6.12.2", "a")
    assert store.find("6.12").manifest.version == "6.12.2"


def test_removal_takes_what_one_name_means(store: Store) -> None:
    kept, gone = put(store, "6.1.9", "a"), put(store, "6.1.9", "b")
    for name in ("6.1", "6.1.9"):
        with pytest.raises(BadInput, match=r"means 2 kernels: name one of 6\.1\.9-a{12}, 6\.1\.9-b{12}"):
            store.remove(name)
    assert store.remove(gone.name) == gone.directory
    assert [entry.name for entry in store.entries()] == [kept.name]
    assert store.remove("6.1") == kept.directory
    assert list(store.own.iterdir()) == []
    assert list(store.workshop.iterdir()) == []


def test_what_is_not_ours_or_not_there_is_not_removed(tmp_path: Path, store: Store) -> None:
    entry = put(store, "6.1.9", "a")
    mine = Store(tmp_path / "mine/kernels", (store.own,))
    with pytest.raises(BadInput, match=r"uml-6\.1\.9-a{12} is in a place that is only read"):
        mine.remove("6.1")
    with pytest.raises(BadInput, match=r"no such kernel in .*netemu kernels list"):
        mine.remove("6.2")
    assert entry.binary.exists()


def test_what_an_interrupted_build_left_can_be_removed_unless_it_goes_on(store: Store) -> None:
    shop = store.workshop / "6.1.9-aaaaaaaaaaaa"
    (shop / "source").mkdir(parents=True)
    assert store.unfinished() == [shop]
    with refusing(store.lock_of(shop.name), "busy"), pytest.raises(MissingCapability, match="is being built now"):
        store.remove("6.1")
    assert store.remove("6.1") == shop
    assert store.unfinished() == []


def test_a_place_that_this_user_may_not_read_is_named(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    put(store, "6.1.9", "a")

    def refuse(path: Path) -> bytes:
        raise PermissionError(13, "Permission denied", str(path))

    monkeypatch.setattr(Path, "read_bytes", refuse)
    with pytest.raises(BadInput, match=r"manifest\.json: this user may not read it: .*chmod -R a\+rX"):
        store.entries()


def test_a_user_without_a_home_is_told_of_the_cache(monkeypatch: pytest.MonkeyPatch) -> None:
    def homeless() -> Path:
        raise RuntimeError("Could not determine home directory.")

    monkeypatch.setattr(Path, "home", homeless)
    with pytest.raises(BadInput, match="set NETEMU_CACHE"):
        open_store({})


@pytest.mark.parametrize(
    ("number", "why"),
    [(errno.ENOSPC, "the disk is full: free 3 GB, or set NETEMU_CACHE"), (errno.EROFS, "Read-only.*set NETEMU_CACHE")],
)
def test_a_disk_that_cannot_be_written_is_told_with_the_remedy(number: int, why: str, tmp_path: Path) -> None:
    with pytest.raises(MissingCapability, match=why), writing(tmp_path):
        raise OSError(number, os.strerror(number), "here")
    with (
        pytest.raises(BadInput, match="cannot be made: Not a directory: set NETEMU_CACHE"),
        writing(Path("/dev/null/x")),
    ):
        pass
    with pytest.raises(FileNotFoundError), writing(tmp_path):
        (tmp_path / "none").read_text()


def test_virtual_time_needs_a_kernel_that_has_it(store: Store) -> None:
    put(store, "6.1.9", "a", virtual=False, origin="debian")
    assert store.find("6.1").manifest.origin == "debian"
    with pytest.raises(MissingCapability, match=r"Debian's, which knows real time only.*netemu kernels build 6\.1"):
        store.find("6.1", virtual_time=True)
    put(store, "6.1.8", "b")
    assert store.find("6.1").manifest.origin == "built"


def test_a_kernel_that_is_not_there_names_the_command(store: Store) -> None:
    with pytest.raises(MissingCapability, match=r"netemu kernels build 6\.12"):
        store.find("6.12.3")


@pytest.mark.parametrize("name", ["", "six", "6", "6.12/..", "6.12.1-xyz", "../6.12"])
def test_what_is_no_version_is_refused(store: Store, name: str) -> None:
    with pytest.raises(BadInput, match="no kernel version"):
        store.find(name)


def test_a_changed_program_is_found_out(store: Store) -> None:
    put(store, "6.1.9", "a")
    entry = store.find("6.1")
    entry.verify()
    entry.binary.write_text("something else")
    with pytest.raises(
        MissingCapability, match=r"SHA-256.*netemu kernels remove 6\.1\.9-a{12}, then netemu kernels build"
    ):
        entry.verify()
    entry.binary.unlink()
    with pytest.raises(MissingCapability, match="SHA-256"):
        entry.verify()


def test_shared_places_are_read_and_never_written(tmp_path: Path, store: Store) -> None:
    put(store, "6.1.9", "a")
    mine = Store(tmp_path / "mine/kernels", (store.own,))
    assert mine.find("6.1").directory.parent == store.own
    put(mine, "6.1.10", "b")
    assert mine.find("6.1").directory.parent == mine.own
    assert len(store.entries()) == 1


def test_a_directory_without_its_manifest_is_no_kernel(store: Store) -> None:
    (store.own / "uml-6.1.9-aaaaaaaaaaaa").mkdir(parents=True)
    (store.own / "uml-6.1.9-aaaaaaaaaaaa/linux").write_text("half")
    assert store.entries() == []


def test_a_broken_manifest_names_its_file(store: Store) -> None:
    put(store, "6.1.9", "a")
    path = store.find("6.1").directory / "manifest.json"
    path.write_text('{"version": 6}')
    with pytest.raises(BadInput, match=r"manifest\.json"):
        store.entries()
