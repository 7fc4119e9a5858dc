"""Builds: whole or not there, resumed, alone, and the same bytes for the same inputs."""

from __future__ import annotations

import fcntl
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from netemu.errors import BadInput, MissingCapability
from netemu.kernels.build import build_named, unmet_options
from netemu.kernels.store import Store

ROOT = Path(__file__).resolve().parents[2]


def quiet(_: str) -> None:
    """Progress that nobody watches."""


def test_a_build_is_patched_pinned_and_recorded(tarball: Path, data: Path, store: Store) -> None:
    entry = build_named(None, tarball, store, quiet)
    assert entry.binary.read_text() == "patched\nnetemu\n"
    entry.verify()
    made = entry.manifest
    assert (made.version, made.origin, made.virtual_time) == ("9.9.1", "built", True)
    assert made.source.name == tarball.name
    assert [patch.name for patch in made.patches] == ["9.9/0001-change.patch"]
    assert "gcc" in made.compiler
    assert not any(store.workshop.glob("9.9.1*/"))
    assert store.find("9.9", virtual_time=True).name == entry.name


def test_tarball_and_directory_give_the_same_program(linux: Path, tarball: Path, data: Path, store: Store) -> None:
    one = build_named(None, tarball, store, quiet)
    other = build_named(None, linux, store, quiet)
    assert one.manifest.binary_sha256 == other.manifest.binary_sha256
    assert one.name != other.name


def test_a_kernel_that_is_there_is_not_built_again(tarball: Path, data: Path, store: Store) -> None:
    first = build_named(None, tarball, store, quiet)
    said: list[str] = []
    assert build_named("9.9", None, store, said.append, mirror="file:/nowhere").name == first.name
    assert said == [f"{first.name} is there already"]


def test_another_configuration_is_another_kernel(tarball: Path, data: Path, store: Store) -> None:
    first = build_named(None, tarball, store, quiet)
    with (data / "uml.config").open("a") as file:
        file.write("CONFIG_TUN=y\n")
    second = build_named(None, tarball, store, quiet)
    assert first.name != second.name
    assert len(store.entries()) == 2


def test_a_compiler_error_leaves_no_kernel_and_is_named(linux: Path, data: Path, store: Store) -> None:
    (linux / "compile.sh").write_text("echo 'main.c:1: error: no such thing' >&2; exit 1\n")
    with pytest.raises(MissingCapability, match=r"main\.c:1: error: no such thing"):
        build_named(None, linux, store, quiet)
    assert store.entries() == []


def test_a_full_disk_is_called_so(linux: Path, data: Path, store: Store) -> None:
    (linux / "compile.sh").write_text("echo 'as: out.o: No space left on device' >&2; exit 1\n")
    with pytest.raises(MissingCapability, match="disk is full"):
        build_named(None, linux, store, quiet)
    assert store.entries() == []


def test_a_build_that_was_killed_goes_on_where_it_was(linux: Path, data: Path, store: Store, tmp_path: Path) -> None:
    """SIGKILL in the middle of make: no entry, make ends too, and the second build neither unpacks nor configures."""
    (linux / "compile.sh").write_text(
        "ps -o ppid= -p $PPID >$1/make.pid; [ -e $1/again ] || exec sleep 20; echo done >$1/linux\n"
    )
    program = (
        "import sys; from pathlib import Path; from netemu.kernels import recipe;"
        "from netemu.kernels.build import build_named; from netemu.kernels.store import Store;"
        "recipe.DATA = Path(sys.argv[1]);"
        "build_named(None, Path(sys.argv[2]), Store(Path(sys.argv[3])), lambda text: None)"
    )
    process = subprocess.Popen([sys.executable, "-c", program, data, linux, store.own], cwd=ROOT)
    deadline = time.monotonic() + 30
    while not (pids := [path.read_text() for path in store.workshop.glob("*/output/make.pid")]) or not pids[0]:
        assert time.monotonic() < deadline
        time.sleep(0.01)
    process.send_signal(signal.SIGKILL)
    process.wait()
    while Path(f"/proc/{pids[0].strip()}").exists():
        assert time.monotonic() < deadline
        time.sleep(0.01)
    assert store.entries() == []
    (next(store.workshop.glob("*/output")) / "again").touch()
    said: list[str] = []
    entry = build_named(None, linux, store, said.append)
    assert entry.binary.read_text() == "done\n"
    assert not any("unpacking" in text or "configuring" in text for text in said)


def test_two_builds_of_one_kernel_at_once_are_refused(linux: Path, data: Path, store: Store) -> None:
    (linux / "compile.sh").write_text("exit 1\n")
    with pytest.raises(MissingCapability, match="does not compile"):
        build_named(None, linux, store, quiet)
    with next(store.workshop.glob("*.lock")).open() as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        with pytest.raises(MissingCapability, match="another netemu is building"):
            build_named(None, linux, store, quiet)


def test_a_patch_that_does_not_fit_stops_the_build(linux: Path, data: Path, store: Store) -> None:
    (linux / "secret.txt").write_text("something else\n")
    with pytest.raises(MissingCapability, match=r"9\.9/0001-change\.patch does not fit"):
        build_named(None, linux, store, quiet)
    assert store.entries() == []


def test_missing_tools_are_named_with_their_packages(
    linux: Path, data: Path, store: Store, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(MissingCapability, match=r"flex.*apt-get install .*bison.*flex"):
        build_named(None, linux, store, quiet)


def test_a_version_that_is_none_is_refused(store: Store) -> None:
    with pytest.raises(BadInput, match="newest"):
        build_named("newest", None, store, quiet)


def test_unmet_options_are_those_that_the_kernel_lacks() -> None:
    asked = "# words\nCONFIG_A=y\nCONFIG_B=y\nCONFIG_C=n\nCONFIG_D=n\n"
    assert unmet_options(asked, "CONFIG_A=y\n# CONFIG_C is not set\nCONFIG_D=y\n") == ["CONFIG_B=y", "CONFIG_D=n"]


def test_the_build_ends_at_idle_priority(linux: Path, data: Path, store: Store) -> None:
    (linux / "compile.sh").write_text("ps -o cls= -p $$ >$1/linux\n")
    entry = build_named(None, linux, store, quiet)
    assert entry.binary.read_text().split() == ["IDL"]
    assert os.sched_getscheduler(0) != os.SCHED_IDLE
