"""A source tree that builds in milliseconds with the targets of Linux, and a store to build it into."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from netemu.kernels import recipe
from netemu.kernels.store import Entry, Store
from netemu.kernels.uml_boot import Machine
from tests.kernels.machines import machine_of, virtual_kernels

MAKEFILE = """\
VERSION = 9
PATCHLEVEL = 9
SUBLEVEL = 1
EXTRAVERSION =
RUSTC = rustc
PAHOLE = pahole

allnoconfig olddefconfig:
\t@touch $(O)/.config; echo CONFIG_HZ=250 >>$(O)/.config
\t@echo "# $$($(RUSTC) --version) $$($(PAHOLE) --version)" >>$(O)/.config

linux:
\t@echo '  CC      init/main.o'; sh $(CURDIR)/compile.sh $(O)
"""
COMPILE = "cat secret.txt >$1/linux; echo $KBUILD_BUILD_HOST >>$1/linux\n"
PATCH = """\
Change the one thing

--- a/secret.txt
+++ b/secret.txt
@@ -1 +1 @@
-original
+patched
"""


@pytest.fixture
def linux(tmp_path: Path) -> Path:
    """A source tree of "Linux 9.9.1"."""
    tree = tmp_path / "linux-9.9.1"
    tree.mkdir()
    (tree / "Makefile").write_text(MAKEFILE)
    (tree / "compile.sh").write_text(COMPILE)
    (tree / "secret.txt").write_text("original\n")
    return tree


@pytest.fixture
def tarball(linux: Path) -> Path:
    """The same as a tarball."""
    path = linux.with_name("linux-9.9.1.tar.xz")
    subprocess.run(["tar", "-cJf", path, "-C", linux.parent, linux.name], check=True)
    return path


@pytest.fixture
def data(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A configuration and patches that fit the tree above."""
    place = tmp_path / "data"
    (place / "patches/9.9").mkdir(parents=True)
    (place / "patches/9.9/0001-change.patch").write_text(PATCH)
    (place / "uml.config").write_text("CONFIG_UML_TIME_TRAVEL_SUPPORT=y\nCONFIG_NET_SCH_NETEM=y\nCONFIG_SOUND=n\n")
    monkeypatch.setattr(recipe, "DATA", place)
    return place


@pytest.fixture
def store(tmp_path: Path) -> Store:
    """An empty store."""
    return Store(tmp_path / "cache/kernels")


NO_KERNEL = "no kernel with virtual time is in the cache: netemu kernels build 7.2"


@pytest.fixture
def built() -> Entry:
    """The newest kernel with virtual time."""
    kernels = virtual_kernels()
    if not kernels:
        pytest.skip(NO_KERNEL)
    return kernels[0]


@pytest.fixture
def virtual(built: Entry) -> Machine:
    """A machine of the newest kernel, in virtual time."""
    return machine_of(built)
