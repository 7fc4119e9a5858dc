"""Where kernels are kept: one directory per kernel, whole or not there at all.

::

    <cache>/kernels/uml-7.2.13-3f0c94a1b2d4/
        linux           the User-Mode Linux program
        config          the kernel's configuration
        build.log       what the compiler said (of built kernels)
        modules/        lib/modules of Debian's ready kernels
        manifest.json   what it was made of, and the program's SHA-256

``<cache>`` is ``$NETEMU_CACHE``, else ``$XDG_CACHE_HOME/netemu``, else ``~/.cache/netemu``. ``$NETEMU_KERNELS`` names
further directories of such entries, separated by colons, which are only read: a place shared by many users.
"""

from __future__ import annotations

import hashlib
import os
import re
import shutil
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import msgspec

from netemu.errors import BadInput, MissingCapability
from netemu.specs import from_json, to_json

_DIRECTORY = re.compile(r"^uml-(?P<version>\d+(\.\d+){1,2}(-rc\d+)?)-(?P<key>[0-9a-f]{12})$")
NAME = re.compile(r"^\d+\.\d+(\.\d+)?(-rc\d+)?(-[0-9a-f]{12})?$")
"""How a kernel may be named: ``7.2``, ``7.2.13`` or ``7.2.13-3f0c94a1b2d4``."""


class File(msgspec.Struct, frozen=True):
    """A file that went into a kernel, by name and SHA-256."""

    name: str
    sha256: str


class KernelManifest(msgspec.Struct, frozen=True):
    """What a kernel was made of. Nothing in it says when or where, so equal inputs give equal manifests.

    ``key``: twelve hexadecimal digits of the SHA-256 over all inputs. ``origin`` ``debian``: a ready binary.
    """

    version: str
    key: str
    origin: Literal["built", "debian"]
    source: File
    binary_sha256: str
    config_sha256: str
    virtual_time: bool
    modules: bool
    patches: tuple[File, ...] = ()
    compiler: str = ""
    environment: dict[str, str] = {}


@dataclass(frozen=True, slots=True)
class Entry:
    """One kernel in the store."""

    directory: Path
    manifest: KernelManifest

    @property
    def name(self) -> str:
        """The kernel's full name, which no other kernel has: ``7.2.13-3f0c94a1b2d4``."""
        return f"{self.manifest.version}-{self.manifest.key}"

    @property
    def binary(self) -> Path:
        """The program."""
        return self.directory / "linux"

    def verify(self) -> None:
        """:class:`MissingCapability` unless the program is the one that the manifest names."""
        if sha256_of(self.binary) != self.manifest.binary_sha256:
            raise MissingCapability(
                f"{self.binary}: its SHA-256 is not the one in manifest.json, so it was changed or damaged: remove the"
                f" directory, then netemu kernels {self.command}"
            )

    @property
    def command(self) -> str:
        """The words after ``netemu kernels`` that give this kernel again."""
        return f"{'build' if self.manifest.origin == 'built' else 'get'} {series(self.manifest.version)}"


@dataclass(frozen=True, slots=True)
class Store:
    """The kernels in ``own`` (written by us) and in the ``shared`` places (only read)."""

    own: Path
    shared: tuple[Path, ...] = ()

    @property
    def downloads(self) -> Path:
        """Where source packages are kept."""
        return self.own.parent / "sources"

    @property
    def workshop(self) -> Path:
        """Where kernels are being built; what is left of an interrupted build is gone on with."""
        return self.own.parent / "build"

    def entries(self) -> list[Entry]:
        """All kernels, the newest version first; of one kernel in several places, ours."""
        found: dict[str, Entry] = {}
        for place in (self.own, *self.shared):
            for entry in _entries_in(place):
                found.setdefault(entry.name, entry)
        return sorted(found.values(), key=lambda entry: (version_key(entry.manifest.version), entry.name), reverse=True)

    def find(self, name: str, *, virtual_time: bool = False) -> Entry:
        """The newest kernel that ``name`` means and that can do what is asked; built ones come first.

        :raises BadInput: ``name`` is not a kernel's name.
        :raises MissingCapability: there is none; the text holds the command that gives one.
        """
        check_name(name)
        named = [entry for entry in self.entries() if is_named(entry, name)]
        able = [entry for entry in named if entry.manifest.virtual_time or not virtual_time]
        if able:
            return min(able, key=lambda entry: entry.manifest.origin != "built")
        wanted = "a kernel with virtual time" if virtual_time else "a kernel"
        there = f" (there is {named[0].name}, Debian's, which knows real time only)" if named else ""
        raise MissingCapability(
            f"uml:{name}: {wanted} of that name is not in {self.own}{there}: netemu kernels build {series(name)}"
        )

    def admit(self, staged: Path, manifest: KernelManifest) -> Entry:
        """Move the finished directory ``staged`` into the store as a whole; it must be on the same file system."""
        (staged / "manifest.json").write_text(to_json(manifest))
        for path in staged.rglob("*"):
            if path.is_file():
                _flush(path)
        target = self.own / f"uml-{manifest.version}-{manifest.key}"
        self.own.mkdir(parents=True, exist_ok=True)
        if target.exists():
            shutil.rmtree(target)
        staged.rename(target)
        _flush(self.own)
        return Entry(target, manifest)


def open_store(environment: Mapping[str, str] | None = None) -> Store:
    """The store that the environment names; no directory is made by this."""
    env = os.environ if environment is None else environment
    if env.get("NETEMU_CACHE"):
        cache = Path(env["NETEMU_CACHE"])
    elif env.get("XDG_CACHE_HOME"):
        cache = Path(env["XDG_CACHE_HOME"]) / "netemu"
    else:
        cache = Path.home() / ".cache" / "netemu"
    if not cache.is_absolute():
        raise BadInput(f"the cache directory {str(cache)!r} must be an absolute path: set NETEMU_CACHE to one")
    shared = tuple(Path(place) for place in env.get("NETEMU_KERNELS", "").split(":") if place)
    return Store(cache / "kernels", shared)


def check_name(name: str) -> None:
    """:class:`BadInput` unless ``name`` could be a kernel's."""
    if not NAME.match(name):
        raise BadInput(
            f"uml:{name}: {name!r} is no kernel version; write 6.12, 6.12.107 or a name of `netemu kernels list`"
        )


def is_named(entry: Entry, name: str) -> bool:
    """Whether ``name`` means ``entry``: its series, its version or its full name."""
    version = entry.manifest.version
    return name in (series(version), version, entry.name)


def series(version: str) -> str:
    """``7.2`` of ``7.2.13``."""
    return ".".join(version.split("-", maxsplit=1)[0].split(".")[:2])


def version_key(version: str) -> tuple[int, ...]:
    """Sorts versions by number; a release candidate comes before its release."""
    numbers, _, candidate = version.partition("-rc")
    parts = [int(part) for part in numbers.split(".")]
    return (*parts, *[0] * (3 - len(parts)), int(candidate) if candidate else 1 << 16)


def sha256_of(path: Path) -> str:
    """The SHA-256 of a file's content."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _entries_in(place: Path) -> Iterator[Entry]:
    if not place.is_dir():
        return
    for directory in sorted(place.iterdir()):
        path = directory / "manifest.json"
        if _DIRECTORY.match(directory.name) and path.is_file():
            manifest = from_json(path.read_bytes(), KernelManifest, str(path))
            if directory.name != f"uml-{manifest.version}-{manifest.key}":
                raise BadInput(f"{path}: is the manifest of {manifest.version}-{manifest.key}: remove this directory")
            yield Entry(directory, manifest)


def _flush(path: Path) -> None:
    """Have the disk hold what was written, so that a whole entry is whole after a power cut too."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
