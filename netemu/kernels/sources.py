"""Sources of a kernel: a Debian package, a tarball, or a directory; named by version and SHA-256, unpacked, patched."""

from __future__ import annotations

import errno
import hashlib
import os
import re
import shutil
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from netemu.errors import BadInput, MissingCapability
from netemu.kernels.debian import PrivateApt, Progress, newest_source
from netemu.kernels.locking import waiting
from netemu.kernels.naming import File, sha256_of

_UNUSED = (
    "drivers/gpu",
    "drivers/media",
    "drivers/staging",
    "drivers/infiniband",
    "sound",
    "Documentation",
    "tools/testing",
)
"""Directories of which an architecture without devices compiles nothing; their Kconfig files are needed."""

UNPACKED_BYTES = 2_500_000_000
"""What a source tree and its build need at most."""


@dataclass(frozen=True, slots=True)
class Source:
    """A tarball or a directory at ``path`` that holds Linux ``version``."""

    version: str
    file: File
    path: Path


def debian_source(apt: PrivateApt, version: str, downloads: Path, progress: Progress) -> Source:
    """The newest source of ``version`` in Debian: its tarball, taken out of the package."""
    package = newest_source(apt, version, progress)
    label = f"{package.name}_{package.version}.tar.xz".replace(":", "_")
    tarball = downloads / label
    with waiting(downloads / "lock", lambda: progress("waiting for another netemu that downloads a source")):
        if not tarball.exists():
            deb = apt.download(package, downloads, progress)
            progress(f"taking the source out of {deb.name}")
            _extract_from_deb(deb, f"./usr/src/{package.name}.tar.xz", tarball)
            deb.unlink()
    try:
        return from_tarball(tarball, progress)
    except BadInput as error:
        raise MissingCapability(f"{tarball} is damaged ({error}): remove this file, then try again") from error


def from_tarball(path: Path, progress: Progress) -> Source:
    """A tarball of Linux as kernel.org and Debian make them: one directory, its Makefile at its top."""
    if not path.is_file():
        raise BadInput(f"--source {path}: no such file")
    progress(f"reading {path.name}")
    makefile = _run_tar(
        path, ["-xOf", str(path), "--wildcards", "--occurrence=1", "--no-wildcards-match-slash", "*/Makefile"]
    )
    return Source(version_in(makefile, str(path)), File(path.name, sha256_of(path)), path)


def from_directory(path: Path, progress: Progress) -> Source:
    """A source tree that is there already; its hash is over the names and contents of all its files."""
    makefile = path / "Makefile"
    if not makefile.is_file():
        raise BadInput(f"--source {path}: no source tree of Linux (it has no Makefile)")
    if (path / ".config").exists() or (path / "vmlinux").exists():
        raise BadInput(
            f"--source {path}: somebody has built in this tree: run `make mrproper` in it, or name a clean one"
        )
    version = version_in(makefile.read_text(), str(path))
    progress(f"hashing {path}")
    digest = hashlib.sha256()
    for file in sorted(one for one in path.rglob("*") if one.is_file() and ".git" not in one.relative_to(path).parts):
        digest.update(f"{file.relative_to(path).as_posix()}\0{sha256_of(file)}\n".encode())
    return Source(version, File(path.resolve().name, digest.hexdigest()), path.resolve())


def version_in(makefile: str, place: str) -> str:
    """``7.2.13`` from the top of Linux's Makefile; :class:`BadInput` names ``place`` if it is none."""
    fields = dict(re.findall(r"^(VERSION|PATCHLEVEL|SUBLEVEL|EXTRAVERSION) *= *(\S*)$", makefile, re.MULTILINE))
    try:
        numbers = f"{int(fields['VERSION'])}.{int(fields['PATCHLEVEL'])}.{int(fields['SUBLEVEL'])}"
    except (KeyError, ValueError) as error:
        raise BadInput(f"{place}: no source of Linux (its Makefile names no version)") from error
    extra = fields.get("EXTRAVERSION", "")
    return numbers + (extra if re.match(r"^-rc\d+$", extra) else "")


def unpack(source: Source, tree: Path, patches: Sequence[Path], progress: Progress) -> None:
    """Make ``tree`` the patched source; what an interrupted attempt left is thrown away first."""
    stamp = tree.parent / "unpacked"
    if stamp.exists():
        return
    shutil.rmtree(tree, ignore_errors=True)
    tree.mkdir(parents=True)
    progress(f"unpacking Linux {source.version}")
    if source.path.is_dir():
        shutil.copytree(source.path, tree, symlinks=True, dirs_exist_ok=True, ignore=shutil.ignore_patterns(".git"))
    else:
        excludes = [f"--exclude=*/{directory}/*.[ch]" for directory in _UNUSED]
        _run_tar(source.path, ["-xf", str(source.path), "-C", str(tree), "--strip-components=1", *excludes])
    for patch in patches:
        progress(f"applying {patch.name}")
        apply_patch(patch, tree, source.version)
    stamp.touch()


def apply_patch(patch: Path, tree: Path, version: str) -> None:
    """Apply one of our patches exactly: no fuzz, for a patch in the wrong place would change results in silence."""
    done = subprocess.run(
        ["patch", "--strip=1", "--fuzz=0", "--batch", "--no-backup-if-mismatch", f"--input={patch}"],
        cwd=tree,
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode != 0:
        raise MissingCapability(
            f"Linux {version}: the patch {patch.parent.name}/{patch.name} does not fit this source"
            f" ({done.stdout.strip().splitlines()[-1]}): build a version that netemu lists"
        )


def _extract_from_deb(deb: Path, member: str, target: Path) -> None:
    partial = target.with_suffix(".part")
    with partial.open("wb") as output:
        archive = subprocess.Popen(["dpkg-deb", "--fsys-tarfile", str(deb)], stdout=subprocess.PIPE)
        taken = subprocess.run(["tar", "-xO", member], stdin=archive.stdout, stdout=output, check=False)
        assert archive.stdout is not None
        archive.stdout.close()
        archive.wait()
    if taken.returncode != 0 or archive.returncode != 0:
        partial.unlink()
        raise MissingCapability(
            f"{deb}: {member} could not be taken out: is the disk full? Remove the file and try again"
        )
    partial.rename(target)


def _run_tar(tarball: Path, arguments: list[str]) -> str:
    done = subprocess.run(["tar", *arguments], capture_output=True, text=True, check=False, errors="replace")
    if done.returncode != 0:
        why = (done.stderr.strip().splitlines() or [f"exit code {done.returncode}"])[0]
        if "No space left" in done.stderr:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        raise BadInput(f"{tarball}: no whole tarball of Linux's source ({why}): download it again")
    return done.stdout
