"""What a User-Mode Linux kernel is made of besides its source, and the key that names the sum of it all."""

from __future__ import annotations

import hashlib
import re
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

from netemu.errors import MissingCapability
from netemu.kernels.naming import File, series, sha256_of, version_key
from netemu.specs import to_json

DATA = Path(__file__).parent / "data"

ENVIRONMENT = {
    "KBUILD_BUILD_TIMESTAMP": "Thu Jan  1 00:00:00 UTC 2026",
    "KBUILD_BUILD_USER": "netemu",
    "KBUILD_BUILD_HOST": "netemu",
    "KBUILD_BUILD_VERSION": "1",
    "LC_ALL": "C",
    "TZ": "UTC",
}
"""What the build mixes into the program; pinned, so that equal inputs give equal bytes."""

TOOLS = {
    "gcc": "gcc",
    "ld": "binutils",
    "make": "make",
    "flex": "flex",
    "bison": "bison",
    "bc": "bc",
    "xz": "xz-utils",
    "tar": "tar",
    "patch": "patch",
    "chrt": "util-linux",
    "setpriv": "util-linux",
}
"""Program -> the Debian package that holds it."""


@dataclass(frozen=True, slots=True)
class Recipe:
    """Everything that decides the program's bytes: the source and what is done to it."""

    version: str
    source: File
    config: Path
    patches: tuple[Path, ...]
    compiler: str

    @property
    def files(self) -> tuple[File, ...]:
        """The patches by name and hash, in their order."""
        return _named(self.patches)

    @property
    def key(self) -> str:
        """Twelve hexadecimal digits that name this recipe."""
        inputs = (
            self.version,
            self.source.sha256,
            sha256_of(self.config),
            self.files,
            self.compiler,
            ENVIRONMENT,
        )
        return hashlib.sha256(to_json(inputs).encode()).hexdigest()[:12]


def recipe_for(version: str, source: File) -> Recipe:
    """How this machine would build ``version`` from ``source`` today."""
    return Recipe(version, source, DATA / "uml.config", patches_for(version), compiler())


def key_today(version: str, source: File, by_compiler: str) -> str | None:
    """The key that this recipe gives where ``by_compiler`` is the compiler; None for a version it cannot build."""
    try:
        return Recipe(version, source, DATA / "uml.config", patches_for(version), by_compiler).key
    except MissingCapability:
        return None


def series_key(version: str) -> str:
    """Names what this machine makes of any source of a series: known before the source is, for a cache of kernels.

    A kernel that is built from another source of the series by the same recipe still serves.
    """
    inputs = (sha256_of(DATA / "uml.config"), *_named(patches_for(version)), compiler(), ENVIRONMENT)
    return f"uml-{series(version)}-{hashlib.sha256(to_json(inputs).encode()).hexdigest()[:12]}"


def patches_for(version: str) -> tuple[Path, ...]:
    """The patches of the newest series that is not newer than ``version``: those of 6.12 serve 6.18 too.

    Whether they fit is seen when they are applied: one that does not stops the build.
    """
    known = sorted((path for path in (DATA / "patches").iterdir() if path.is_dir()), key=lambda p: version_key(p.name))
    fitting = [path for path in known if version_key(path.name) <= version_key(series(version))]
    if not fitting:
        raise MissingCapability(
            f"Linux {version} is older than {known[0].name}, the oldest that netemu has patches for: build a newer one"
        )
    return tuple(sorted(fitting[-1].glob("*.patch")))


def _named(patches: tuple[Path, ...]) -> tuple[File, ...]:
    return tuple(File(f"{path.parent.name}/{path.name}", sha256_of(path)) for path in patches)


def compiler() -> str:
    """Compiler and linker by name and version, on which the program's bytes depend."""
    lines = []
    for tool in ("gcc", "ld"):
        output = subprocess.run([tool, "--version"], capture_output=True, text=True, check=True).stdout
        lines.append(re.sub(r"\s+", " ", output.splitlines()[0]).strip())
    return "; ".join(lines)


def missing_tools() -> dict[str, str]:
    """Every program that a build needs and this machine lacks, with its package."""
    return {tool: package for tool, package in TOOLS.items() if shutil.which(tool) is None}


def require_tools() -> None:
    """:class:`MissingCapability` names every program that a build needs and this machine lacks."""
    missing = missing_tools()
    if missing:
        packages = " ".join(sorted(set(missing.values())))
        raise MissingCapability(f"to build a kernel, {', '.join(missing)} is missing: apt-get install {packages}")
    probe = subprocess.run(
        ["gcc", "-static", "-x", "c", "-", "-o", "/dev/null"],
        input='#include <stdio.h>\nint main(void) { return puts("") < 0; }\n',
        capture_output=True,
        text=True,
        check=False,
    )
    if probe.returncode != 0:
        raise MissingCapability("to build a kernel, gcc must link static programs: apt-get install libc6-dev")
