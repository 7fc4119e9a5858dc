"""The store: where it lies, what a name means, and that nothing half-made or changed is taken for a kernel."""

from __future__ import annotations

from pathlib import Path

import pytest

from netemu.errors import BadInput, MissingCapability
from netemu.kernels.store import File, KernelManifest, Store, open_store, sha256_of, version_key


def put(store: Store, version: str, key: str, *, virtual: bool = True, origin: str = "built") -> None:
    """An entry whose program is its own name."""
    staged = store.own.parent / "staged"
    staged.mkdir(parents=True)
    (staged / "linux").write_text(f"{version}-{key}")
    store.admit(
        staged,
        KernelManifest(
            version=version,
            key=key * 12,
            origin=origin,  # type: ignore[arg-type]
            source=File("linux", "0" * 64),
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


def test_versions_sort_by_number() -> None:
    names = ["6.12", "5.10", "6.1.9", "6.1.10", "7.0-rc2", "7.0"]
    assert sorted(names, key=version_key) == ["5.10", "6.1.9", "6.1.10", "6.12", "7.0-rc2", "7.0"]


def test_a_series_means_its_newest_version(store: Store) -> None:
    put(store, "6.1.9", "a")
    put(store, "6.1.10", "b")
    put(store, "6.12.1", "c")
    assert store.find("6.1").manifest.version == "6.1.10"
    assert store.find("6.1.9").manifest.version == "6.1.9"
    assert store.find("6.1.9-aaaaaaaaaaaa").manifest.version == "6.1.9"
    assert [entry.manifest.version for entry in store.entries()] == ["6.12.1", "6.1.10", "6.1.9"]


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
