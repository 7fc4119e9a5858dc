"""How kernels and the files that they are made of are named: versions, series, hashes."""

from __future__ import annotations

import hashlib
import re
from pathlib import Path

import msgspec

from netemu.errors import BadInput

NAME = re.compile(r"^\d+\.\d+(\.\d+)?(-rc\d+)?(-[0-9a-f]{12})?$")
"""How a kernel may be named: ``7.2``, ``7.2.13`` or ``7.2.13-3f0c94a1b2d4``."""


class File(msgspec.Struct, frozen=True):
    """A file that went into a kernel, by name and SHA-256."""

    name: str
    sha256: str


def check_name(name: str) -> None:
    """:class:`BadInput` unless ``name`` could be a kernel's."""
    if not NAME.fullmatch(name):
        raise BadInput(
            f"uml:{name}: {name!r} is no kernel version; write 6.12, 6.12.107 or a name of `netemu kernels list`"
        )


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
