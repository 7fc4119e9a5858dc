"""Compile the models: the sources of :func:`netemu.compiled.module_names` by mypyc and this machine's C compiler.

::

    <cache>/models/<key>/
        netemu_models__mypyc.cpython-311-x86_64-linux-gnu.so      all modules
        manifest.json       what it was made by, and its SHA-256
        build.log           what mypyc and the compiler said

It is whole or not there at all; what an interrupted build left is gone on with. Needs no root and no network.
"""

from __future__ import annotations

import importlib.metadata
import importlib.util
import json
import os
import shutil
import subprocess
import sys
import sysconfig
import time
from collections.abc import Callable, Sequence
from concurrent.futures import FIRST_EXCEPTION, ThreadPoolExecutor, wait
from pathlib import Path

from netemu.compiled import LIBRARY, MANIFEST, ROOT, library_of, models_directory, module_names, sources_key
from netemu.errors import MissingCapability
from netemu.kernels.build import AT_LEISURE, Effort
from netemu.kernels.locking import refusing
from netemu.kernels.naming import sha256_of
from netemu.kernels.store import writing

Progress = Callable[[str], None]

FLAGS = ("-O1", "-g0", "-w", "-fPIC", "-fwrapv", "-fno-strict-aliasing", "-fvisibility=hidden", "-DNDEBUG")
KEPT = 4
"""Forms of other sources that stay: those of other checkouts and of the last edits, by the time of their building."""

NEEDED_BYTES = 300_000_000
_LOG = "build.log"
_TOOLS = "on Debian: apt-get install gcc libc6-dev python3-dev"


def build_model(progress: Progress, effort: Effort = AT_LEISURE) -> Path:
    """The directory of the compiled form of the sources as they are: found, or made.

    :raises MissingCapability: mypyc, a compiler, headers, disk space or the lock is missing, or the build fails.
    """
    key = sources_key()
    place = models_directory()
    target = place / key
    if (target / MANIFEST).is_file():
        progress("the compiled form of these sources is there already")
        return target
    compiler = require_tools()
    busy = f"another netemu is compiling the models now (in {place}): wait until it is done, then try again"
    with writing(place.parent), refusing(place / f"{key}.lock", busy):
        shop = _shop(place, key, compiler)
        log = shop / _LOG
        write_c(shop, log, progress, effort)
        library = compile_c(shop, log, compiler, progress, effort)
        _admit(shop, library, target, key, compiler)
        prune(place, target)
    progress(f"compiled the models: {key}")
    return target


def require_tools() -> tuple[str, ...]:
    """The C compiler's command; :class:`MissingCapability` where it, Python's headers or mypyc is missing."""
    if importlib.util.find_spec("mypyc") is None or importlib.util.find_spec("setuptools") is None:
        raise MissingCapability("mypyc is not installed, which compiles the models: pip install 'netemu[dev]'")
    words = tuple((os.environ.get("CC") or sysconfig.get_config_var("CC") or "cc").split())
    if shutil.which(words[0]) is None:
        raise MissingCapability(f"no C compiler ({words[0]}), which the compiled models need: {_TOOLS}")
    headers = Path(sysconfig.get_paths()["include"])
    if not (headers / "Python.h").is_file():
        raise MissingCapability(f"no {headers}/Python.h, which the compiled models need: {_TOOLS}")
    return words


def _shop(place: Path, key: str, compiler: Sequence[str]) -> Path:
    """Where the form is made: what an earlier attempt with the same tools left, or an empty directory."""
    free = shutil.disk_usage(place).free
    if free < NEEDED_BYTES:
        raise MissingCapability(
            f"{place}: compiling the models needs {NEEDED_BYTES / 1e6:.0f} MB, and {free / 1e6:.0f} MB are free: free"
            " some, or set NETEMU_CACHE to a directory on another disk"
        )
    shop, tools = place / f"{key}.build", json.dumps(_tools(compiler))
    marker = shop / "tools.json"
    if not marker.is_file() or marker.read_text() != tools:
        shutil.rmtree(shop, ignore_errors=True)
        shop.mkdir()
        marker.write_text(tools)
    return shop


def _tools(compiler: Sequence[str]) -> dict[str, object]:
    """What the same sources are made by, for manifest and resumption."""
    version = subprocess.run([*compiler, "--version"], capture_output=True, text=True, check=True).stdout
    return {
        "compiler": version.splitlines()[0],
        "flags": list(FLAGS),
        "mypy": importlib.metadata.version("mypy"),
        "python": sys.version.split()[0],
    }


def write_c(shop: Path, log: Path, progress: Progress, effort: Effort) -> None:
    """Have mypyc write the C files, unless an earlier attempt has."""
    if (shop / "c.json").is_file():
        return
    progress("translating to C")
    _run([*effort.words, sys.executable, "-m", "netemu.kernels.model_c", str(shop)], log, ROOT.parent)


def compile_c(shop: Path, log: Path, compiler: Sequence[str], progress: Progress, effort: Effort) -> Path:
    """Compile and link; the library. Every file sees the same headers, so these are compiled once, before."""
    made = json.loads((shop / "c.json").read_text())
    headers = [shop / "c", *map(Path, made["include_dirs"]), Path(sysconfig.get_paths()["include"])]
    flags = [*compiler, *FLAGS, *(f"-I{path}" for path in dict.fromkeys(headers))]
    common = next(path for path in (shop / "c").glob("__native_internal_*.h"))
    sources = [Path(path) for path in made["sources"]]

    def compile_one(source: Path, output: Path, *options: str) -> None:
        if not output.is_file():
            part = output.with_name(f"{output.name}.part")
            _run([*effort.words, *flags, *options, "-o", str(part), str(source)], log, shop)
            part.rename(output)

    compile_one(common, common.with_name(f"{common.name}.gch"), "-x", "c-header")
    begun, done = time.monotonic(), 0
    with ThreadPoolExecutor(effort.jobs or len(os.sched_getaffinity(0))) as pool:
        # The longest first: the last of them then ends when the others do.
        tasks = []
        for source in sorted(sources, key=lambda path: -path.stat().st_size):
            ours = ("-include", str(common)) if source.name.startswith("__native") else ()
            tasks.append(pool.submit(compile_one, source, source.with_suffix(".o"), *ours, "-c"))
        left = set(tasks)
        while left:
            finished, left = wait(left, timeout=5.0, return_when=FIRST_EXCEPTION)
            done += len(finished)
            if any(task.exception() for task in finished):
                pool.shutdown(cancel_futures=True)
            for task in finished:
                task.result()
            progress(f"compiling: {done} of {len(tasks)} files in {time.monotonic() - begun:.0f} s")
    library = library_of(shop)
    objects = [str(source.with_suffix(".o")) for source in sources]
    _run([*effort.words, *compiler, "-shared", "-o", str(library), *objects], log, shop)
    return library


def _run(argv: Sequence[str], log: Path, directory: Path) -> None:
    """Run a tool; what it says goes to the log, and its first error into ours."""
    done = subprocess.run(argv, cwd=directory, capture_output=True, text=True, check=False, errors="replace")
    said = done.stdout + done.stderr
    with log.open("a") as file:
        file.write(f"{' '.join(argv)}\n{said}")
    if done.returncode == 0:
        return
    if "No space left on device" in said:
        raise MissingCapability(
            f"the disk is full ({log.parent}): free {NEEDED_BYTES / 1e6:.0f} MB, then build again: it goes on from here"
        )
    lines = [line for line in said.splitlines() if "error" in line] or said.splitlines()[-1:] or ["it said nothing"]
    raise MissingCapability(f"the models do not compile: {lines[0].strip()} (the whole story: {log})")


def _admit(shop: Path, library: Path, target: Path, key: str, compiler: Sequence[str]) -> None:
    """Move the finished form to its place as a whole."""
    staged = shop / "form"
    shutil.rmtree(staged, ignore_errors=True)
    staged.mkdir()
    shutil.copy2(library, staged / library.name)
    shutil.copy2(shop / _LOG, staged / _LOG)
    manifest = {"key": key, "library_sha256": sha256_of(library), "modules": module_names(), **_tools(compiler)}
    (staged / MANIFEST).write_text(json.dumps(manifest, indent=1) + "\n")
    shutil.rmtree(target, ignore_errors=True)
    staged.rename(target)
    shutil.rmtree(shop)


def forms() -> list[Path]:
    """Every compiled form in the cache, the one built last first."""
    found = models_directory().glob(f"*/{MANIFEST}")
    return [path.parent for path in sorted(found, key=lambda path: -path.stat().st_mtime_ns)]


def prune(place: Path, current: Path) -> None:
    """Remove what is older than the last :data:`KEPT` other forms, and what interrupted builds of those left."""
    others = [form for form in forms() if form != current]
    for form in others[KEPT:]:
        shutil.rmtree(form)
    for shop in place.glob("*.build"):
        if time.time() - shop.stat().st_mtime > 24 * 3600:
            shutil.rmtree(shop)


def remove_models() -> list[Path]:
    """Remove every compiled form; the directories that are gone."""
    gone = forms()
    for form in gone:
        shutil.rmtree(form)
    return gone


__all__ = ["KEPT", "LIBRARY", "build_model", "forms", "prune", "remove_models", "require_tools"]
