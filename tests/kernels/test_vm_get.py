"""Getting an image: which package, what is kept of it, and that nothing half-made is taken for whole."""

from __future__ import annotations

import lzma
import os
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

from netemu.errors import BadInput, MissingCapability
from netemu.kernels import vm_get
from netemu.kernels.debian import Package
from netemu.kernels.store import Store, sha256_of
from netemu.kernels.vm_get import get_image, packages_of, upstream
from netemu.kernels.vm_image import images
from netemu.kernels.vm_tools import find_program
from tests.kernels.vm_images import ELF, RELEASE, bzimage


def quiet(_: str) -> None:
    """Progress that nobody watches."""


class Apt:
    """A mirror with these packages; files come from ``files``."""

    def __init__(self, packages: list[Package], files: Path | None = None) -> None:
        self.all, self.files = packages, files

    def names(self, prefix: str, _: Any) -> list[str]:
        return sorted({one.name for one in self.all if one.name.startswith(prefix)})

    def packages(self, name: str, _: Any) -> list[Package]:
        return [one for one in self.all if one.name == name]

    def download(self, package: Package, directory: Path, _: Any) -> Path:
        assert self.files is not None
        directory.mkdir(parents=True, exist_ok=True)
        return Path(shutil.copy(self.files / package.filename, directory))


def offered(name: str, version: str, *depends: str) -> Package:
    return Package(name, version, 1, version, f"{name}.deb", depends)


MIRROR = [
    offered("linux-image-6.1.0-47-amd64", "6.1.170-3"),
    offered("linux-image-6.1.0-50-amd64", "6.1.176-1"),
    offered("linux-image-6.1.0-50-amd64-unsigned", "6.1.176-1"),
    offered("linux-image-6.1.0-50-cloud-amd64", "6.1.200-1"),
    offered("linux-image-6.1.0-50-rt-amd64", "6.1.200-1"),
    offered("linux-image-6.12.107+deb13-amd64", "6.12.107-1"),
    offered("linux-image-6.12.107+deb13-amd64-dbg", "6.12.108-1"),
    offered("linux-image-7.2.13+deb14-amd64", "7.2.13-1", "linux-binary-7.2.13+deb14-amd64", "kmod"),
    offered("linux-binary-7.2.13+deb14-amd64", "7.2.13-1"),
]


@pytest.mark.parametrize(
    ("version", "names"),
    [
        ("6.1", ["linux-image-6.1.0-50-amd64"]),
        ("6.1.170", ["linux-image-6.1.0-47-amd64"]),
        ("6.12", ["linux-image-6.12.107+deb13-amd64"]),
        ("7.2", ["linux-image-7.2.13+deb14-amd64", "linux-binary-7.2.13+deb14-amd64"]),
    ],
)
def test_the_newest_signed_image_with_9p_is_taken_and_all_its_parts(version: str, names: list[str]) -> None:
    assert [one.name for one in packages_of(Apt(MIRROR), version, quiet)] == names  # type: ignore[arg-type]


@pytest.mark.parametrize(("version", "there"), [("6.1.17", "6.1.170-3, 6.1.176-1"), ("5.4", "6.1, 6.12, 7.2")])
def test_a_version_that_debian_lacks_names_those_it_has(version: str, there: str) -> None:
    with pytest.raises(BadInput) as error:
        packages_of(Apt(MIRROR), version, quiet)  # type: ignore[arg-type]
    assert str(error.value).endswith(f"no such image; it has {there}")


def test_versions_of_packages_name_versions_of_linux() -> None:
    assert [upstream(one) for one in ("6.1.176-1", "7.2.12-1~bpo13+1", "7.0~rc2-1~exp1")] == [
        "6.1.176",
        "7.2.12",
        "7.0-rc2",
    ]


@pytest.fixture
def package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The tree of a package like Debian's; calling get_image packs it."""
    if find_program("depmod") is None:
        pytest.skip("depmod (kmod) is not here")
    tree = tmp_path / "tree"
    for directory in ("DEBIAN", "boot", f"lib/modules/{RELEASE}/kernel/fs", f"lib/modules/{RELEASE}/kernel/drivers"):
        (tree / directory).mkdir(parents=True)
    (tree / "DEBIAN/control").write_text(
        f"Package: linux-image-{RELEASE}\nVersion: 9.9.7-1\nArchitecture: amd64\nMaintainer: x\nDescription: x\n"
    )
    (tree / f"boot/vmlinuz-{RELEASE}").write_bytes(bzimage())
    (tree / f"boot/config-{RELEASE}").write_text("CONFIG_PVH=y\n")
    modules = tree / "lib/modules" / RELEASE
    (modules / "kernel/fs/9p.ko.xz").write_bytes(lzma.compress(b"9p"))
    (modules / "kernel/drivers/veth.ko").write_text("veth")
    (modules / "kernel/drivers/sound.ko").write_text("sound")

    def apt(*_: Any) -> Apt:
        deb = tmp_path / "image.deb"
        # An archive tells when it was made; asked for twice it must be the same.
        subprocess.run(
            ["dpkg-deb", "--build", "--root-owner-group", tree, deb],
            env={**os.environ, "SOURCE_DATE_EPOCH": "1"},
            check=True,
            capture_output=True,
        )
        name = f"linux-image-{RELEASE}"
        return Apt([Package(name, "9.9.7-1", deb.stat().st_size, sha256_of(deb), deb.name)], tmp_path)

    monkeypatch.setattr(vm_get, "PrivateApt", apt)
    # depmod reads symbols of real modules; these are none, so their table is written here.
    run = vm_get._run

    def without_depmod(argv: Any, deb: Path) -> None:
        if Path(argv[0]).name != "depmod":
            run(argv, deb)
            return
        place = Path(argv[2]) / "lib/modules" / RELEASE
        found = sorted(path.relative_to(place).as_posix() for path in place.rglob("*.ko*"))
        (place / "modules.dep").write_text("".join(f"{path}:\n" for path in found))

    monkeypatch.setattr(vm_get, "_run", without_depmod)
    return tree


def test_an_image_comes_whole_with_the_modules_that_are_needed(package: Path, store: Store) -> None:
    image = get_image("9.9", store, quiet)
    assert (image.manifest is not None) and image.manifest.version == "9.9.7"
    assert image.release == RELEASE
    assert image.unpacked is not None and image.unpacked.read_bytes() == ELF
    image.verify()
    found = {path.name for path in (image.kernel.parent / "lib").rglob("*.ko*")}
    assert found == {"9p.ko", "veth.ko"}
    assert next((image.kernel.parent / "lib").rglob("9p.ko")).read_bytes() == b"9p"
    assert list(store.downloads.iterdir()) == []
    said: list[str] = []
    assert get_image("9.9", store, said.append).name == image.name
    assert said == [f"{image.name} is there already"]


def test_a_kernel_that_cannot_see_files_is_refused_and_leaves_nothing(package: Path, store: Store) -> None:
    next(package.rglob("9p.ko.xz")).unlink()
    with pytest.raises(MissingCapability, match="has no 9p"):
        get_image("9.9", store, quiet)
    assert images(store) == []
    assert [path.name for path in store.own.parent.iterdir() if path.name.startswith("get-")] == []


def test_a_package_without_a_kernel_is_refused(package: Path, store: Store) -> None:
    (package / f"boot/vmlinuz-{RELEASE}").unlink()
    with pytest.raises(MissingCapability, match="0 files boot/vmlinuz"):
        get_image("9.9", store, quiet)


def test_a_full_disk_is_told_before_anything_is_fetched(
    package: Path, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(shutil, "disk_usage", lambda place: shutil._ntuple_diskusage(1, 1, 100 << 20))  # type: ignore[attr-defined]
    with pytest.raises(MissingCapability, match=r"1\.2 GB are needed.*NETEMU_CACHE"):
        get_image("9.9", store, quiet)


def test_a_machine_without_depmod_is_told_the_command(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(vm_get, "find_program", lambda name: None)
    with pytest.raises(MissingCapability, match=r"depmod .*tools/setup --vm"):
        get_image("9.9", store, quiet)
