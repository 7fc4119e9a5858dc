"""Debian's ready kernels: found by version, unpacked whole, modules in the order in which they can be loaded."""

from __future__ import annotations

import shutil
import subprocess
from dataclasses import replace
from pathlib import Path
from typing import Any

import msgspec
import pytest

from netemu.errors import BadInput, MissingCapability
from netemu.kernels import ready
from netemu.kernels.debian import Package
from netemu.kernels.ready import get_ready, module_files, warning
from netemu.kernels.store import Store, sha256_of

DEPENDENCIES = """\
kernel/net/bridge/bridge.ko: kernel/net/802/stp.ko kernel/net/llc/llc.ko
kernel/net/802/stp.ko: kernel/net/llc/llc.ko
kernel/net/llc/llc.ko:
kernel/net/sched/sch_netem.ko:
kernel/sound/sound.ko:
"""


def quiet(_: str) -> None:
    """Progress that nobody watches."""


@pytest.fixture
def package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A package like Debian's, in place of what a mirror would give."""
    tree = tmp_path / "tree"
    modules = tree / "usr/lib/uml/modules/9.9.1"
    for directory in (tree / "DEBIAN", tree / "usr/bin", modules):
        directory.mkdir(parents=True)
    (tree / "DEBIAN/control").write_text(
        "Package: user-mode-linux\nVersion: 9.9um1\nArchitecture: amd64\nMaintainer: x\nDescription: x\n"
    )
    program = tree / "usr/bin/linux.uml"
    program.write_text("#!/bin/sh\n[ $1 = --version ] && echo 9.9.1 || echo CONFIG_HZ=100\n")
    program.chmod(0o755)
    (modules / "modules.dep").write_text(DEPENDENCIES)
    deb = tmp_path / "user-mode-linux_9.9um1_amd64.deb"
    subprocess.run(["dpkg-deb", "--build", "--root-owner-group", tree, deb], check=True, capture_output=True)
    found = Package("user-mode-linux", "9.9um1", deb.stat().st_size, sha256_of(deb), deb.name)

    class Apt:
        def __init__(self, *_: Any) -> None: ...

        def packages(self, *_: Any) -> list[Package]:
            return [found]

        def download(self, _: Package, directory: Path, __: Any) -> Path:
            directory.mkdir(parents=True, exist_ok=True)
            return Path(shutil.copy(deb, directory))

    monkeypatch.setattr(ready, "PrivateApt", Apt)
    return tree


def test_a_ready_kernel_comes_whole(package: Path, store: Store) -> None:
    entry = get_ready("9.9", store, quiet)
    made = entry.manifest
    assert (made.version, made.origin, made.virtual_time, made.modules) == ("9.9.1", "debian", False, True)
    assert (entry.directory / "config").read_text() == "CONFIG_HZ=100\n"
    entry.verify()
    assert list(store.downloads.iterdir()) == []
    assert store.find("9.9").name == entry.name


def test_a_ready_kernel_that_is_there_is_not_got_again(package: Path, store: Store) -> None:
    first = get_ready("9.9", store, quiet)
    said: list[str] = []
    assert get_ready("9.9", store, said.append).name == first.name
    assert said == [f"{first.name} is there already"]


def test_a_get_that_was_killed_starts_anew_and_leaves_nothing(package: Path, store: Store) -> None:
    key = get_ready("9.9", store, quiet).manifest.key
    store.remove("9.9")
    left = store.workshop / f"9.9-{key}" / "entry"
    left.mkdir(parents=True)
    (left / "linux").write_text("half")
    assert [path.name for path in store.unfinished()] == [f"9.9-{key}"]
    get_ready("9.9", store, quiet).verify()
    assert list(store.workshop.iterdir()) == []


def test_a_processor_that_ready_kernels_die_on_is_named_at_once(package: Path, store: Store) -> None:
    entry = get_ready("9.9", store, quiet)
    old = replace(entry, manifest=msgspec.structs.replace(entry.manifest, version="6.12.1"))
    built = replace(entry, manifest=msgspec.structs.replace(old.manifest, origin="built"))
    amx = "flags : fpu avx512f amx_tile\n"
    assert "AMX" in (warning(old, amx) or "") and "netemu kernels build 6.12" in (warning(old, amx) or "")
    assert [warning(old, "flags : fpu"), warning(entry, amx), warning(built, amx)] == [None, None, None]


def test_modules_come_after_those_they_need(package: Path, store: Store) -> None:
    names = [Path(path).stem for path in module_files(get_ready("9.9", store, quiet))]
    assert names == ["llc", "stp", "bridge", "sch_netem"]


def test_a_version_that_debian_lacks_names_those_it_has(package: Path, store: Store) -> None:
    with pytest.raises(BadInput, match=r"no ready user-mode-linux of it; it has 9\.9 .*netemu kernels build"):
        get_ready("9.8", store, quiet)


def test_a_program_that_does_not_run_here_is_no_kernel(package: Path, store: Store, tmp_path: Path) -> None:
    with pytest.raises(MissingCapability, match=r"does not run on this system \(no library\).*netemu kernels build"):
        program = tmp_path / "program"
        program.write_text("#!/bin/sh\necho no library >&2; exit 127\n")
        program.chmod(0o755)
        ready._ask(program, "--version")
