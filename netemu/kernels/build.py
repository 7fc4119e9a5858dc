"""Build a User-Mode Linux kernel with virtual time, the same bytes every time, and resume where a build was cut off."""

from __future__ import annotations

import contextlib
import fcntl
import os
import re
import shutil
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from netemu.errors import MissingCapability
from netemu.kernels.debian import PrivateApt
from netemu.kernels.recipe import ENVIRONMENT, Recipe, recipe_for, require_tools
from netemu.kernels.sources import UNPACKED_BYTES, Source, debian_source, from_directory, from_tarball, unpack
from netemu.kernels.store import Entry, File, KernelManifest, Store, check_name, is_named, sha256_of

Progress = Callable[[str], None]

_COMPILED = re.compile(r"^\s+(CC|AS|LD|AR|HOSTCC|USER)\b")
_PROGRESS_S = 5.0
_ARCH = ["ARCH=um", "SUBARCH=x86_64"]


def build(source: Source, store: Store, progress: Progress, jobs: int | None = None) -> Entry:
    """The kernel made of ``source`` by this machine's compiler: found in the store, or built.

    A build runs at idle priority. What an interrupted one left is used again.

    :raises MissingCapability: a program, disk space or the lock is missing, a patch does not fit, or the build fails.
    """
    require_tools()
    recipe = recipe_for(source.version, source.file)
    there = [entry for entry in store.entries() if entry.manifest.key == recipe.key]
    if there:
        progress(f"{there[0].name} is there already")
        return there[0]
    shop = store.workshop / f"{recipe.version}-{recipe.key}"
    with _alone(shop):
        _require_space(shop)
        tree, output = shop / "source", shop / "output"
        unpack(source, tree, recipe.patches, progress)
        configure(recipe, tree, output, progress)
        make(tree, output, shop / "build.log", progress, jobs)
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
    jobs: int | None = None,
) -> Entry:
    """The kernel of a version (``6.12``, ``6.12.107``: Debian's newest source of it) or of the source at ``path``.

    A kernel that is there and that this machine would build in the same way needs no network.
    """
    if path is not None:
        return build(
            from_directory(path, progress) if path.is_dir() else from_tarball(path, progress), store, progress, jobs
        )
    assert version is not None
    check_name(version)
    require_tools()
    for entry in store.entries():
        made = entry.manifest
        if (
            made.origin == "built"
            and is_named(entry, version)
            and recipe_for(made.version, made.source).key == made.key
        ):
            progress(f"{entry.name} is there already")
            return entry
    apt = PrivateApt(store.own.parent / "apt", mirror)
    return build(debian_source(apt, version, store.downloads, progress), store, progress, jobs)


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


def make(tree: Path, output: Path, log: Path, progress: Progress, jobs: int | None = None) -> None:
    """Compile at idle priority; ``log`` grows over all attempts. Ends with the compiler when this process dies."""
    count = jobs or len(os.sched_getaffinity(0))
    command = ["setpriv", "--pdeathsig", "TERM", "--", "chrt", "--idle", "0", "nice", "-n", "19"]
    command += _make_argv(tree, output, [f"-j{count}", "linux"])
    compiled, shown, begun = 0, time.monotonic(), time.monotonic()
    tail: list[str] = []
    with (
        log.open("a") as file,
        subprocess.Popen(
            command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, env=_environment(), errors="replace"
        ) as process,
    ):
        assert process.stdout is not None
        progress("compiling")
        try:
            for line in process.stdout:
                file.write(line)
                tail = [*tail[-30:], line.rstrip()]
                compiled += bool(_COMPILED.match(line))
                if time.monotonic() - shown > _PROGRESS_S:
                    shown = time.monotonic()
                    progress(f"compiling: {compiled} files in {shown - begun:.0f} s")
        except BaseException:
            process.terminate()
            raise
    if process.returncode != 0:
        raise _failure(tail, log)


def _failure(tail: list[str], log: Path) -> MissingCapability:
    full = next((line for line in tail if "No space left on device" in line), None)
    if full is not None:
        return MissingCapability(f"the disk is full ({log.parent}): free {UNPACKED_BYTES / 1e9:g} GB, then build again")
    errors = [line for line in tail if re.search(r"\berror\b|\*\*\*", line)] or tail[-1:] or ["make said nothing"]
    return MissingCapability(f"the kernel does not compile: {errors[0].strip()} (the whole story: {log})")


def _stage(recipe: Recipe, output: Path, shop: Path) -> tuple[Path, KernelManifest]:
    """A directory with all that an entry holds but the manifest, and the manifest."""
    staged = shop / "entry"
    shutil.rmtree(staged, ignore_errors=True)
    staged.mkdir()
    shutil.copy2(output / "linux", staged / "linux")
    shutil.copy2(output / ".config", staged / "config")
    shutil.copy2(shop / "build.log", staged / "build.log")
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


@contextlib.contextmanager
def _alone(shop: Path) -> Iterator[None]:
    """Hold the workshop's lock; it goes with the process, however that ends."""
    shop.mkdir(parents=True, exist_ok=True)
    with (shop.parent / f"{shop.name}.lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise MissingCapability(
                f"another netemu is building this kernel now (in {shop}): wait until it is done, then try again"
            ) from error
        yield


def _require_space(shop: Path) -> None:
    there = sum(file.stat().st_blocks * 512 for file in shop.rglob("*") if file.is_file() and not file.is_symlink())
    free = shutil.disk_usage(shop).free
    if free + there < UNPACKED_BYTES:
        raise MissingCapability(
            f"{shop}: a build needs {UNPACKED_BYTES / 1e9:g} GB, and {free / 1e9:.1f} GB are free: free some, or set"
            " NETEMU_CACHE to a directory on another disk"
        )


def _environment() -> dict[str, str]:
    kept = {name: os.environ[name] for name in ("PATH", "HOME", "TMPDIR") if name in os.environ}
    return {**kept, **ENVIRONMENT}


def _make_argv(tree: Path, output: Path, arguments: list[str]) -> list[str]:
    return ["make", "-C", str(tree), f"O={output}", *_ARCH, *arguments]


def _run_make(tree: Path, output: Path, arguments: list[str]) -> None:
    done = subprocess.run(
        _make_argv(tree, output, ["-s", *arguments]), capture_output=True, text=True, check=False, env=_environment()
    )
    if done.returncode != 0:
        raise _failure((done.stdout + done.stderr).splitlines(), output)
