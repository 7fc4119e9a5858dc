"""Build a User-Mode Linux kernel with virtual time, the same bytes every time, and resume where a build was cut off."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TextIO

from netemu.errors import BadInput, MissingCapability
from netemu.kernels import uml_guard
from netemu.kernels.debian import PrivateApt
from netemu.kernels.locking import refusing
from netemu.kernels.overview import size_of
from netemu.kernels.recipe import ENVIRONMENT, Recipe, compiler, missing_tools, recipe_for, require_tools
from netemu.kernels.sources import UNPACKED_BYTES, Source, debian_source, from_directory, from_tarball, unpack
from netemu.kernels.store import Entry, File, KernelManifest, Store, check_name, is_named, sha256_of, writing

Progress = Callable[[str], None]

_COMPILED = re.compile(r"^\s+(CC|AS|LD|AR|HOSTCC|USER)\b")
_PROGRESS_S = 5.0
_STEP_BACK = ("chrt", "--idle", "0", "nice", "-n", "19")
_LOG = "build.log"
_ARCH = ["ARCH=um", "SUBARCH=x86_64"]
_UNUSED_TOOLS = ["RUSTC=no-rustc", "PAHOLE=no-pahole"]
"""Kconfig writes the versions of those it finds into the configuration, which is part of the program
(``--showconfig``); nothing here is made by them, so that they are not looked for."""


@dataclass(frozen=True, slots=True)
class Effort:
    """How hard a build works: ``jobs`` compilers at once (default: one for each processor), ``idle``: when nobody else
    works."""

    jobs: int | None = None
    idle: bool = True

    @property
    def words(self) -> tuple[str, ...]:
        """What stands before the command."""
        return _STEP_BACK if self.idle else ("env",)


AT_LEISURE = Effort()


def build(source: Source, store: Store, progress: Progress, effort: Effort = AT_LEISURE) -> Entry:
    """The kernel made of ``source`` by this machine's compiler: found in the store, or built.

    What an interrupted build left is used again.

    :raises MissingCapability: a program, disk space or the lock is missing, a patch does not fit, or the build fails.
    """
    require_tools()
    recipe = recipe_for(source.version, source.file)
    there = [entry for entry in store.entries() if entry.manifest.key == recipe.key]
    if there:
        progress(f"{there[0].name} is there already")
        return there[0]
    name = f"{recipe.version}-{recipe.key}"
    shop = store.workshop / name
    busy = f"another netemu is building this kernel now (in {shop}): wait until it is done, then try again"
    with writing(store.own.parent), refusing(store.lock_of(name), busy) as lock:
        _require_space(shop)
        shop.mkdir(exist_ok=True)
        tree, output = shop / "source", shop / "output"
        try:
            unpack(source, tree, recipe.patches, progress)
        except BadInput:
            shutil.rmtree(shop)
            raise
        configure(recipe, tree, output, progress)
        make(shop, progress, effort, lock)
        entry = store.admit(*_stage(recipe, output, shop))
        shutil.rmtree(shop)
    progress(f"built {entry.name}")
    return entry


def build_named(
    version: str | None,
    path: Path | None,
    store: Store,
    progress: Progress,
    *,
    mirror: str | None = None,
    effort: Effort = AT_LEISURE,
) -> Entry:
    """The kernel of a version (``6.12``, ``6.12.107``: Debian's newest source of it) or of the source at ``path``.

    A kernel that is there and that this machine would build in the same way needs no network.
    """
    found = prepare(version, path, store, progress, mirror=mirror)
    return found if isinstance(found, Entry) else build(found, store, progress, effort)


def prepare(
    version: str | None, path: Path | None, store: Store, progress: Progress, *, mirror: str | None = None
) -> Entry | Source:
    """The kernel, where :func:`build_named` would build none; else its source, got, and known to be buildable here."""
    if path is not None:
        return from_directory(path, progress) if path.is_dir() else from_tarball(path, progress)
    assert version is not None
    check_name(version)
    there = _built_already(version, store)
    if there is not None:
        progress(f"{there.name} is there already")
        return there
    require_tools()
    with writing(store.own.parent):
        apt = PrivateApt(store.own.parent / "apt", mirror)
        source = debian_source(apt, version, store.downloads, progress)
        shop = store.workshop / f"{source.version}-{recipe_for(source.version, source.file).key}"
        _require_space(shop)
    return source


def _built_already(version: str, store: Store) -> Entry | None:
    """The kernel that this machine's compiler would make again; without a compiler, any by the recipe of today."""
    own = None if missing_tools() else compiler()
    for entry in store.entries():
        made = entry.manifest
        if made.origin == "built" and is_named(entry, version) and entry.up_to_date and own in (None, made.compiler):
            return entry
    return None


def configure(recipe: Recipe, tree: Path, output: Path, progress: Progress) -> None:
    """Write ``.config``: nothing but what ``data/uml.config`` asks for; the same text leaves the file untouched."""
    output.mkdir(exist_ok=True)
    final = output / ".config"
    before = final.read_bytes() if final.exists() else None
    if before is not None and (output / "configured").exists():
        return
    progress("configuring")
    _run_make(tree, output, ["allnoconfig"])
    with final.open("a") as file:
        file.write(recipe.config.read_text())
    _run_make(tree, output, ["olddefconfig"])
    (output / "configured").touch()


def unmet_options(asked: str, final: str) -> list[str]:
    """Options that the configuration file asks for and this version of Linux does not have (or not so)."""
    lines = set(final.splitlines())
    wanted = [line for line in asked.splitlines() if line.startswith("CONFIG_")]
    return [
        line for line in wanted if line not in lines and not (line.endswith("=n") and f"{line[:-2]}=y" not in lines)
    ]


def make(shop: Path, progress: Progress, effort: Effort, lock: int) -> None:
    """Compile; the log grows over all attempts.

    The guard ends make and its compilers with this process, however that ends; until then they hold ``lock``.
    """
    count = effort.jobs or len(os.sched_getaffinity(0))
    words = [*effort.words, *_make_argv(shop / "source", shop / "output", [f"-j{count}", "linux"])]
    spec = {"argv": [shutil.which(words[0]), *words[1:]], "trees": []}
    scratch = shop / "scratch"  # what a killed compiler leaves goes with the workshop
    scratch.mkdir(exist_ok=True)
    with (
        (shop / _LOG).open("a") as file,
        subprocess.Popen(
            [sys.executable, "-S", "-s", "-E", uml_guard.__file__, json.dumps(spec)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            env={**_environment(), "TMPDIR": str(scratch)},
            errors="replace",
            pass_fds=(lock,),
            start_new_session=True,
        ) as process,
    ):
        assert process.stdin is not None
        progress("compiling")
        try:
            tail = _follow(process, file, progress)
        finally:
            process.stdin.close()
    if process.returncode != 0:
        raise _failure(tail, shop / _LOG)


def _follow(process: subprocess.Popen[str], log: TextIO, progress: Progress) -> list[str]:
    """Write down what make says and count what it has done; its last lines."""
    assert process.stdout is not None
    compiled, shown, begun = 0, time.monotonic(), time.monotonic()
    tail: list[str] = []
    for line in process.stdout:
        log.write(line)
        tail = [*tail[-30:], line.rstrip()]
        compiled += bool(_COMPILED.match(line))
        if time.monotonic() - shown > _PROGRESS_S:
            shown = time.monotonic()
            progress(f"compiling: {compiled} files in {shown - begun:.0f} s")
    return tail


def _failure(tail: list[str], log: Path) -> MissingCapability:
    full = next((line for line in tail if "No space left on device" in line), None)
    if full is not None:
        return MissingCapability(
            f"the disk is full ({log.parent}): free {UNPACKED_BYTES / 1e9:g} GB, then build again: it goes on from here"
        )
    errors = [line for line in tail if re.search(r"\berror\b|\*\*\*", line)] or tail[-1:] or ["make said nothing"]
    return MissingCapability(f"the kernel does not compile: {errors[0].strip()} (the whole story: {log})")


def _stage(recipe: Recipe, output: Path, shop: Path) -> tuple[Path, KernelManifest]:
    """A directory with all that an entry holds but the manifest, and the manifest."""
    staged = shop / "entry"
    shutil.rmtree(staged, ignore_errors=True)
    staged.mkdir()
    shutil.copy2(output / "linux", staged / "linux")
    shutil.copy2(output / ".config", staged / "config")
    shutil.copy2(shop / _LOG, staged / _LOG)
    final = (staged / "config").read_text()
    manifest = KernelManifest(
        version=recipe.version,
        key=recipe.key,
        origin="built",
        source=File(recipe.source.name, recipe.source.sha256),
        binary_sha256=sha256_of(staged / "linux"),
        config_sha256=sha256_of(staged / "config"),
        virtual_time="CONFIG_UML_TIME_TRAVEL_SUPPORT=y" in final.splitlines(),
        modules=False,
        patches=recipe.files,
        compiler=recipe.compiler,
        environment=dict(ENVIRONMENT),
    )
    return staged, manifest


def _require_space(shop: Path) -> None:
    there = size_of(shop)
    free = shutil.disk_usage(next(place for place in (shop, *shop.parents) if place.is_dir())).free
    if free + there < UNPACKED_BYTES:
        raise MissingCapability(
            f"{shop}: a build needs {UNPACKED_BYTES / 1e9:g} GB, and {free / 1e9:.1f} GB are free: free some, or set"
            " NETEMU_CACHE to a directory on another disk"
        )


def _environment() -> dict[str, str]:
    kept = {name: os.environ[name] for name in ("PATH", "HOME", "TMPDIR") if name in os.environ}
    return {**kept, **ENVIRONMENT}


def _make_argv(tree: Path, output: Path, arguments: list[str]) -> list[str]:
    return ["make", "-C", str(tree), f"O={output}", *_ARCH, *_UNUSED_TOOLS, *arguments]


def _run_make(tree: Path, output: Path, arguments: list[str]) -> None:
    done = subprocess.run(
        _make_argv(tree, output, ["-s", *arguments]), capture_output=True, text=True, check=False, env=_environment()
    )
    if done.returncode != 0:
        raise _failure((done.stdout + done.stderr).splitlines(), output)
