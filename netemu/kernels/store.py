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

Several kernels may have one version: of those, a version means the one that was built, not got, then the one whose
recipe (configuration, patches, pinned environment) is netemu's of today, then the one that was stored last.
"""

from __future__ import annotations

import contextlib
import errno
import os
import re
import shutil
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import msgspec

from netemu.cache import cache_directory
from netemu.errors import BadInput, MissingCapability
from netemu.kernels.locking import refusing
from netemu.kernels.naming import NAME, File, check_name, series, sha256_of, version_key
from netemu.kernels.recipe import key_today
from netemu.specs import from_json, to_json

__all__ = [
    "NAME",
    "Entry",
    "File",
    "KernelManifest",
    "Store",
    "check_name",
    "is_named",
    "open_store",
    "series",
    "sha256_of",
    "version_key",
    "writing",
]

_KERNEL = r"(?P<version>\d+(\.\d+){1,2}(-rc\d+)?)-(?P<key>[0-9a-f]{12})"
_DIRECTORY = re.compile(f"^uml-{_KERNEL}$")
_UNFINISHED = re.compile(f"^{_KERNEL}$")
_MANIFEST = "manifest.json"


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
    """One kernel in the store. ``stored_ns``: when its manifest was written there, in ns since 1970."""

    directory: Path
    manifest: KernelManifest
    stored_ns: int = 0

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
        if not self.binary.is_file() or sha256_of(self.binary) != self.manifest.binary_sha256:
            raise MissingCapability(
                f"{self.binary}: its SHA-256 is not the one in manifest.json, so it was changed or damaged: netemu"
                f" kernels remove {self.name}, then netemu kernels {self.command}"
            )

    @property
    def command(self) -> str:
        """The words after ``netemu kernels`` that give this kernel again."""
        made = self.manifest
        if made.origin != "built":
            return f"get {series(made.version)}"
        ours = made.source.name.startswith("linux-source-")
        return f"build {series(made.version)}" if ours else f"build --source .../{made.source.name}"

    @property
    def up_to_date(self) -> bool:
        """Whether its compiler would make the same of its source by netemu's recipe of today."""
        made = self.manifest
        return made.origin != "built" or made.key == key_today(made.version, made.source, made.compiler)


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
        """All kernels, the newest version first, of one version in the order in which it means them.

        Of one kernel in several places, ours.
        """
        found: dict[str, Entry] = {}
        for place in (self.own, *self.shared):
            for entry in _entries_in(place):
                found.setdefault(entry.name, entry)
        return sorted(found.values(), key=_rank, reverse=True)

    def unfinished(self) -> list[Path]:
        """The directories of builds that were interrupted, or that are going on."""
        if not self.workshop.is_dir():
            return []
        return sorted(path for path in self.workshop.iterdir() if _UNFINISHED.match(path.name) and path.is_dir())

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
        places = ", ".join(map(str, (self.own, *self.shared)))
        raise MissingCapability(
            f"uml:{name}: {wanted} of that name is not in {places}{there}: netemu kernels build {series(name)} (netemu"
            " kernels list names the versions that Debian has; another is built from --source TARBALL)"
        )

    def remove(self, name: str) -> Path:
        """Remove the one kernel, or the one unfinished build, that ``name`` means; the directory that is gone.

        :raises BadInput: ``name`` means none or several, or one in a place that is only read.
        :raises MissingCapability: it is being built, or this user may not remove it.
        """
        check_name(name)
        found = {path.name: path for path in self.unfinished() if name in _names(*path.name.rsplit("-", maxsplit=1))}
        found |= {entry.name: entry.directory for entry in _entries_in(self.own) if is_named(entry, name)}
        if len(found) > 1:
            raise BadInput(f"{name!r} means {len(found)} kernels: name one of {', '.join(found)}")
        if not found:
            shared = [entry.directory for entry in self.entries() if is_named(entry, name)]
            where = f"{shared[0]} is in a place that is only read: remove that directory" if shared else "see the list"
            raise BadInput(f"{name!r}: no such kernel in {self.own}: {where} (netemu kernels list)")
        ((full, directory),) = found.items()
        busy = f"{full} is being built now: stop that build (Ctrl-C), then remove it"
        try:
            with refusing(self.lock_of(full), busy):
                # Without its manifest it is no kernel any more, should this be interrupted.
                (directory / _MANIFEST).unlink(missing_ok=True)
                shutil.rmtree(directory)
        except PermissionError as error:
            raise MissingCapability(f"{error.filename}: this user may not remove it: ask its owner") from error
        return directory

    def lock_of(self, name: str) -> Path:
        """The lock that whoever builds or removes the kernel of that full name holds."""
        return self.workshop / f"{name}.lock"

    def admit(self, staged: Path, manifest: KernelManifest) -> Entry:
        """Move the finished directory ``staged`` into the store as a whole; it must be on the same file system."""
        (staged / _MANIFEST).write_text(to_json(manifest))
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


@contextlib.contextmanager
def writing(place: Path) -> Iterator[None]:
    """What the system says of a disk that is full or not to be written, as an error with its remedy.

    ``place``, the cache, is made if need be.
    """
    try:
        place.mkdir(parents=True, exist_ok=True)
        yield
    except OSError as error:
        other = "set NETEMU_CACHE to a directory"
        if error.errno in (errno.ENOSPC, errno.EDQUOT) or os.strerror(errno.ENOSPC) in str(error):
            raise MissingCapability(
                f"{place}: the disk is full: free 3 GB, or {other} on another disk; what is there is used again"
            ) from error
        if error.errno in (errno.EACCES, errno.EPERM, errno.EROFS):
            raise MissingCapability(f"{error.filename}: {error.strerror}: {other} that this user may write") from error
        if not place.is_dir():
            raise BadInput(f"the cache directory {place} cannot be made: {error.strerror}: set NETEMU_CACHE") from error
        raise


def open_store(environment: Mapping[str, str] | None = None) -> Store:
    """The store that the environment names; no directory is made by this."""
    env = os.environ if environment is None else environment
    shared = tuple(Path(place) for place in env.get("NETEMU_KERNELS", "").split(":") if place)
    return Store(cache_directory(env) / "kernels", shared)


def is_named(entry: Entry, name: str) -> bool:
    """Whether ``name`` means ``entry``: its series, its version or its full name."""
    return name in _names(entry.manifest.version, entry.manifest.key)


def _names(version: str, key: str) -> tuple[str, str, str]:
    return series(version), version, f"{version}-{key}"


def _rank(entry: Entry) -> tuple[object, ...]:
    made = entry.manifest
    return version_key(made.version), made.origin == "built", entry.up_to_date, entry.stored_ns, entry.name


def _entries_in(place: Path) -> Iterator[Entry]:
    try:
        directories = [one for one in sorted(place.iterdir()) if _DIRECTORY.match(one.name)]
        found = [entry for one in directories if (entry := _entry_at(one)) is not None]
    except (FileNotFoundError, NotADirectoryError):
        return
    except PermissionError as error:
        raise BadInput(
            f"{error.filename}: this user may not read it: make the kernels there readable for all (chmod -R a+rX), or"
            " name other places by NETEMU_CACHE and NETEMU_KERNELS"
        ) from error
    yield from found


def _entry_at(directory: Path) -> Entry | None:
    """The kernel in ``directory``; None where there is no manifest: nothing yet, or no longer."""
    path = directory / _MANIFEST
    try:
        text, stored_ns = path.read_bytes(), path.stat().st_mtime_ns
    except (FileNotFoundError, NotADirectoryError):
        return None
    manifest = from_json(text, KernelManifest, str(path))
    if directory.name != f"uml-{manifest.version}-{manifest.key}":
        raise BadInput(f"{path}: is the manifest of {manifest.version}-{manifest.key}: remove this directory")
    return Entry(directory, manifest, stored_ns)


def _flush(path: Path) -> None:
    """Have the disk hold what was written, so that a whole entry is whole after a power cut too."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
