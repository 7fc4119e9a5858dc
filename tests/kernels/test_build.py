"""Builds: whole or not there, resumed, alone, and the same bytes for the same inputs."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from netemu.errors import BadInput, MissingCapability
from netemu.kernels import locking, recipe
from netemu.kernels.build import AT_LEISURE, Effort, build_named, unmet_options
from netemu.kernels.locking import refusing
from netemu.kernels.recipe import recipe_for
from netemu.kernels.sources import from_directory
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
    assert list(store.workshop.iterdir()) == []
    assert store.find("9.9", virtual_time=True).name == entry.name


def test_tarball_and_directory_give_the_same_program(linux: Path, tarball: Path, data: Path, store: Store) -> None:
    one = build_named(None, tarball, store, quiet)
    other = build_named(None, linux, store, quiet)
    assert one.manifest.binary_sha256 == other.manifest.binary_sha256
    assert one.name != other.name


def test_programs_that_a_kernel_is_not_made_by_leave_no_trace_in_it(
    tarball: Path, data: Path, store: Store, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    for name in ("rustc", "pahole"):
        tool = tmp_path / "tools" / name
        tool.parent.mkdir(exist_ok=True)
        tool.write_text(f"#!/bin/sh\necho {name} 1.95.0\n")
        tool.chmod(0o755)
    monkeypatch.setenv("PATH", str(tool.parent), prepend=os.pathsep)
    assert subprocess.run(["rustc"], capture_output=True, check=True).stdout == b"rustc 1.95.0\n"
    config = (build_named(None, tarball, store, quiet).directory / "config").read_text()
    assert "CONFIG_HZ=250" in config
    assert "1.95.0" not in config


def test_a_kernel_that_is_there_is_not_built_again(tarball: Path, data: Path, store: Store) -> None:
    first = build_named(None, tarball, store, quiet)
    said: list[str] = []
    assert build_named("9.9", None, store, said.append, mirror="file:/nowhere").name == first.name
    assert said == [f"{first.name} is there already"]


def test_without_a_compiler_a_kernel_that_is_there_is_enough(
    tarball: Path, data: Path, store: Store, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    first = build_named(None, tarball, store, quiet)
    monkeypatch.setenv("PATH", str(tmp_path))
    assert build_named("9.9", None, store, quiet).name == first.name
    (data / "uml.config").write_text("CONFIG_TUN=y\n")
    with pytest.raises(MissingCapability, match="apt-get install"):
        build_named("9.9", None, store, quiet)


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


def test_a_disk_without_room_is_named_before_anything_is_made(
    linux: Path, data: Path, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(shutil, "disk_usage", lambda place: shutil._ntuple_diskusage(1, 1, 700_000_000))  # type: ignore[attr-defined]
    with pytest.raises(MissingCapability, match=r"a build needs 2\.5 GB, and 0\.7 GB are free: .*NETEMU_CACHE"):
        build_named(None, linux, store, quiet)
    assert list(store.workshop.iterdir()) == []


def test_a_damaged_tarball_leaves_nothing(linux: Path, data: Path, store: Store, tmp_path: Path) -> None:
    """Cut off behind its Makefile, so that its version can still be read."""
    (linux / "noise").write_bytes(os.urandom(200_000))
    names = sorted(path.name for path in linux.iterdir())
    whole = tmp_path / "whole.tar.gz"
    subprocess.run(
        ["tar", "-czf", whole, "--no-recursion", "-C", tmp_path, *(f"{linux.name}/{n}" for n in names)], check=True
    )
    cut = tmp_path / "cut.tar.gz"
    cut.write_bytes(whole.read_bytes()[:100_000])
    with pytest.raises(BadInput, match=r"cut\.tar\.gz: no whole tarball.*download it again"):
        build_named(None, cut, store, quiet)
    assert store.unfinished() == []


def test_a_full_disk_is_called_so(linux: Path, data: Path, store: Store) -> None:
    (linux / "compile.sh").write_text("echo 'as: out.o: No space left on device' >&2; exit 1\n")
    with pytest.raises(MissingCapability, match="disk is full"):
        build_named(None, linux, store, quiet)
    assert store.entries() == []


def test_what_a_compiler_leaves_lies_in_the_workshop(linux: Path, data: Path, store: Store) -> None:
    (linux / "compile.sh").write_text('echo part >"$TMPDIR/cc1.s"; echo "main.c:1: error: killed" >&2; exit 1\n')
    with pytest.raises(MissingCapability, match="error: killed"):
        build_named(None, linux, store, quiet)
    (left,) = store.workshop.glob("*/scratch/cc1.s")
    assert left.read_text() == "part\n"


PROGRAM = (
    "import sys; from pathlib import Path; from netemu.kernels import recipe;"
    "from netemu.kernels.build import build_named; from netemu.kernels.store import Store;"
    "recipe.DATA = Path(sys.argv[1]);"
    "build_named(None, Path(sys.argv[2]), Store(Path(sys.argv[3])), lambda text: None)"
)


@contextlib.contextmanager
def background(linux: Path, store: Store) -> Iterator[subprocess.Popen[bytes]]:
    """A build in a process of its own."""
    process = subprocess.Popen([sys.executable, "-c", PROGRAM, recipe.DATA, linux, store.own], cwd=ROOT)
    try:
        yield process
    finally:
        process.kill()
        process.wait()


def wait_for(look: Callable[[], list[str]]) -> list[str]:
    """What ``look`` finds, once it finds text."""
    deadline = time.monotonic() + 30
    while not (found := look()) or not found[0]:
        assert time.monotonic() < deadline
        time.sleep(0.01)
    return found


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGINT, signal.SIGTERM])
def test_a_build_that_was_ended_goes_on_where_it_was(
    number: signal.Signals, linux: Path, data: Path, store: Store
) -> None:
    """In the middle of make: no entry, make ends too, and the second build neither unpacks nor configures."""
    (linux / "compile.sh").write_text(
        "ps -o ppid= -p $PPID >$1/make.pid; [ -e $1/again ] || exec sleep 20; echo done >$1/linux\n"
    )
    with background(linux, store) as process:
        pid = wait_for(lambda: [path.read_text() for path in store.workshop.glob("*/output/make.pid")])[0].strip()
        process.send_signal(number)
        process.wait()
    wait_for(lambda: [] if Path(f"/proc/{pid}").exists() else ["ended"])
    assert store.entries() == []
    (next(store.workshop.glob("*/output")) / "again").touch()
    said: list[str] = []
    entry = build_named(None, linux, store, said.append)
    assert entry.binary.read_text() == "done\n"
    assert not any("unpacking" in text or "configuring" in text for text in said)
    assert list(store.workshop.iterdir()) == []


def test_two_builds_of_one_kernel_at_once_are_refused(
    linux: Path, data: Path, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(locking, "_DYING_S", 0.0)
    source = from_directory(linux, quiet)
    name = f"9.9.1-{recipe_for(source.version, source.file).key}"
    with refusing(store.lock_of(name), "busy"), pytest.raises(MissingCapability, match="another netemu is building"):
        build_named(None, linux, store, quiet)
    assert store.entries() == []


def test_the_compilers_of_a_killed_build_end_before_its_lock_is_free(linux: Path, data: Path, store: Store) -> None:
    """They ignore what a terminal sends and have no parent any more: the second build would work beside them."""
    (linux / "compile.sh").write_text("trap '' TERM INT HUP; echo $$ >$1/pid; sleep 20 & wait; echo done >$1/linux\n")
    with background(linux, store) as process:
        pid = wait_for(lambda: [path.read_text() for path in store.workshop.glob("*/output/pid")])[0].strip()
        process.send_signal(signal.SIGKILL)
        process.wait()
        with refusing(next(store.workshop.glob("*.lock")), "busy"):
            assert not Path(f"/proc/{pid}").exists()


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


@pytest.mark.parametrize(("effort", "shown"), [(AT_LEISURE, "IDL"), (Effort(idle=False), "TS")])
def test_compilers_step_back_unless_told_otherwise(
    effort: Effort, shown: str, linux: Path, data: Path, store: Store
) -> None:
    (linux / "compile.sh").write_text("ps -o cls= -p $$ >$1/linux\n")
    entry = build_named(None, linux, store, quiet, effort=effort)
    assert entry.binary.read_text().split() == [shown]
    assert os.sched_getscheduler(0) != os.SCHED_IDLE
