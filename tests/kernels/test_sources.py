"""Sources: named by version and hash, refused when they are none, unpacked once."""

from __future__ import annotations

from pathlib import Path

import pytest

from netemu.errors import BadInput
from netemu.kernels.sources import from_directory, from_tarball, unpack, version_in
from netemu.kernels.store import sha256_of


def quiet(_: str) -> None:
    """Progress that nobody watches."""


def test_a_tarball_is_named_by_its_own_hash(tarball: Path) -> None:
    source = from_tarball(tarball, quiet)
    assert (source.version, source.file.name, source.file.sha256) == ("9.9.1", tarball.name, sha256_of(tarball))


def test_a_directory_is_named_by_the_hash_of_its_files(linux: Path) -> None:
    before = from_directory(linux, quiet).file.sha256
    assert from_directory(linux, quiet).file.sha256 == before
    (linux / "secret.txt").rename(linux / "secrets.txt")
    assert from_directory(linux, quiet).file.sha256 != before


def test_what_is_no_source_is_refused(tmp_path: Path, linux: Path) -> None:
    with pytest.raises(BadInput, match="no such file"):
        from_tarball(tmp_path / "none.tar.xz", quiet)
    (tmp_path / "text.tar.xz").write_text("no tarball")
    with pytest.raises(BadInput, match=r"text\.tar\.xz: no whole tarball of Linux's source \(.+\): download"):
        from_tarball(tmp_path / "text.tar.xz", quiet)
    with pytest.raises(BadInput, match="has no Makefile"):
        from_directory(tmp_path, quiet)
    (linux / ".config").touch()
    with pytest.raises(BadInput, match="make mrproper"):
        from_directory(linux, quiet)


@pytest.mark.parametrize(
    ("makefile", "version"),
    [
        ("VERSION = 6\nPATCHLEVEL = 12\nSUBLEVEL = 3\nEXTRAVERSION =\n", "6.12.3"),
        ("VERSION = 7\nPATCHLEVEL = 0\nSUBLEVEL = 0\nEXTRAVERSION = -rc3\n", "7.0.0-rc3"),
    ],
)
def test_the_version_stands_in_the_makefile(makefile: str, version: str) -> None:
    assert version_in(makefile, "here") == version


def test_a_makefile_without_a_version_names_its_place() -> None:
    with pytest.raises(BadInput, match="here: no source of Linux"):
        version_in("all:\n", "here")


def test_unpacking_starts_over_after_an_interruption_and_is_not_repeated(tarball: Path, tmp_path: Path) -> None:
    source = from_tarball(tarball, quiet)
    tree = tmp_path / "shop/source"
    tree.mkdir(parents=True)
    (tree / "rubbish").touch()
    unpack(source, tree, (), quiet)
    assert not (tree / "rubbish").exists()
    assert (tree / "secret.txt").read_text() == "original\n"
    said: list[str] = []
    unpack(source, tree, (), said.append)
    assert said == []


def test_what_no_kernel_without_devices_compiles_stays_packed(linux: Path, tmp_path: Path) -> None:
    (linux / "drivers/gpu/drm").mkdir(parents=True)
    (linux / "drivers/gpu/drm/Kconfig").touch()
    (linux / "drivers/gpu/drm/drm.c").touch()
    import subprocess

    path = tmp_path / "linux.tar"
    subprocess.run(["tar", "-cf", path, "-C", linux.parent, linux.name], check=True)
    unpack(from_tarball(path, quiet), tmp_path / "shop/source", (), quiet)
    assert [one.name for one in (tmp_path / "shop/source/drivers/gpu/drm").iterdir()] == ["Kconfig"]
