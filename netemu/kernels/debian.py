"""Debian's packages of any suite, by an apt configuration of our own.

The machine's apt is not touched: sources, lists, cache and state lie in the cache directory, and apt is told by
``APT_CONFIG`` to use those alone. The mirror, its key ring and the proxy are those that the machine's own apt uses.
"""

from __future__ import annotations

import contextlib
import os
import re
import shutil
import subprocess
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from netemu.errors import BadInput, MissingCapability
from netemu.kernels.locking import waiting
from netemu.kernels.naming import series, version_key

Progress = Callable[[str], None]

SUITES = ("bullseye", "bookworm", "trixie", "trixie-backports", "forky", "sid")
"""Debian's suites, oldest first; one that the mirror does not carry is passed over."""

_TRUST = "[signed-by={keyring}]"
_KEYRING = Path("/usr/share/keyrings/debian-archive-keyring.gpg")
_LISTS_BYTES = 700_000_000
"""What the lists of all suites take, and what apt makes of them."""
_FRESH_S = 24 * 3600
_SETTINGS = re.compile(
    r'^Acquire::(http|https|Retries|ForceIPv4|ForceIPv6|Check-Valid-Until|Check-Date|(Min|Max)-ValidTime)\b.* ".+";$'
)
"""What our apt takes over from the machine's: how to reach a mirror, and how old its word may be."""


@dataclass(frozen=True, slots=True)
class Package:
    """One version of a package that can be downloaded. ``sha256`` and ``size_bytes`` as the signed index says.

    ``depends``: the names of the packages it needs, without alternatives and versions.
    """

    name: str
    version: str
    size_bytes: int
    sha256: str
    filename: str
    depends: tuple[str, ...] = ()


class PrivateApt:
    """apt-get on ``root``, a directory of ours."""

    def __init__(self, root: Path, mirror: str | None = None) -> None:
        for tool in ("apt-get", "apt-cache", "apt-config"):
            if shutil.which(tool) is None:
                raise MissingCapability(
                    f"{tool} is missing (this is no Debian system?): give the kernel's source with --source TARBALL"
                )
        if mirror is not None and not re.match(r"^[a-z][a-z0-9+-]*:/\S*$", mirror):
            raise BadInput(f"--mirror {mirror!r}: write a URL, such as http://HOST/debian or file:/DIRECTORY")
        self._root = root
        self._mirror, self._keyring = machine_mirror() if mirror is None else (mirror, _KEYRING)

    def packages(self, name: str, progress: Progress) -> list[Package]:
        """Every version of ``name`` in any suite, newest first; the lists are renewed when older than a day."""
        with self._alone(progress):
            self._configure()
            self._update(progress)
            text = self._run(["apt-cache", "show", "--all-versions", name], check=False)
        found = {package.version: package for package in _paragraphs(text)}
        return sorted(found.values(), key=lambda package: _sort_key(package.version), reverse=True)

    def names(self, pattern: str, progress: Progress) -> list[str]:
        """The names of packages that match ``pattern``."""
        with self._alone(progress):
            self._configure()
            self._update(progress)
            return sorted(self._run(["apt-cache", "pkgnames", pattern]).split())

    def download(self, package: Package, directory: Path, progress: Progress) -> Path:
        """The package's file in ``directory``, checked by apt against the signed index."""
        target = directory / Path(package.filename).name
        if target.exists() and target.stat().st_size == package.size_bytes:
            return target
        directory.mkdir(parents=True, exist_ok=True)
        if shutil.disk_usage(directory).free < 2 * package.size_bytes:
            raise MissingCapability(
                f"{directory}: {package.size_bytes / 1e6:.0f} MB are needed for {target.name}: free space, or set"
                " NETEMU_CACHE to a directory on another disk"
            )
        progress(f"downloading {target.name} ({package.size_bytes / 1e6:.0f} MB)")
        with self._alone(progress):
            self._run(["apt-get", "download", f"{package.name}={package.version}"], cwd=directory)
        written = _downloaded(directory, package)
        if written != target:
            written.rename(target)
        return target

    def _alone(self, progress: Progress) -> contextlib.AbstractContextManager[int]:
        """One apt at a time works on these lists."""
        return waiting(self._root / "lock", lambda: progress("waiting for another netemu that reads package lists"))

    def _configure(self) -> None:
        for part in ("lists/partial", "archives/partial", "parts"):
            (self._root / part).mkdir(parents=True, exist_ok=True)
        _write(self._root / "status", "")
        sources = "".join(
            f"deb {_TRUST.format(keyring=self._keyring)} {self._mirror} {suite} main\n" for suite in SUITES
        )
        settings = {
            "Dir::Etc::main": "/dev/null",
            "Dir::Etc::parts": self._root / "parts",
            "Dir::Etc::sourcelist": self._root / "sources.list",
            "Dir::Etc::sourceparts": self._root / "parts",
            "Dir::Etc::preferences": "/dev/null",
            "Dir::Etc::preferencesparts": self._root / "parts",
            "Dir::State": self._root,
            "Dir::State::lists": self._root / "lists",
            "Dir::State::status": self._root / "status",
            "Dir::Cache": self._root,
            "Dir::Cache::archives": self._root / "archives",
            "APT::Sandbox::User": "root",
            "APT::Get::List-Cleanup": "false",
            "Acquire::Languages": "none",
        }
        own = [f'{key} "{value}";' for key, value in settings.items()]
        dump = subprocess.run(["apt-config", "dump"], capture_output=True, text=True, check=True).stdout
        machines = [line for line in dump.splitlines() if _SETTINGS.match(line)]
        # apt reads all lists anew, for half a minute, when its sources have been written.
        _write(self._root / "sources.list", sources)
        _write(self._root / "apt.conf", "\n".join([*own, *machines]) + "\n")

    def _update(self, progress: Progress) -> None:
        """Renew the lists. A suite that the mirror lacks makes apt-get fail while the others have arrived."""
        stamp = self._root / "updated"
        wanted = (self._root / "sources.list").read_text()
        if stamp.exists() and stamp.read_text() == wanted and time.time() - stamp.stat().st_mtime < _FRESH_S:
            return
        free = shutil.disk_usage(self._root).free
        if free < _LISTS_BYTES:
            raise MissingCapability(
                f"{self._root}: Debian's package lists need {_LISTS_BYTES / 1e6:.0f} MB, and {free / 1e6:.0f} MB are"
                " free: free some, or set NETEMU_CACHE to a directory on another disk"
            )
        progress(f"reading the package lists of {len(SUITES)} Debian suites")
        output = self._run(["apt-get", "update", "-q"], check=False)
        read = self._suites_read()
        if not read:
            if "No space left" in output:
                raise MissingCapability(
                    f"{self._root}: the disk is full: free 3 GB, or set NETEMU_CACHE to another disk"
                )
            raise MissingCapability(
                f"no package list could be had from {self._mirror} ({_reason(output)}): check the network, name another"
                " mirror with --mirror URL, or give the source with --source TARBALL"
            )
        if read != set(SUITES):
            progress(f"without {', '.join(suite for suite in SUITES if suite not in read)}: {_reason(output)}")
        stamp.write_text(wanted)

    def _suites_read(self) -> set[str]:
        """The suites of this mirror whose lists are there; lists of other mirrors lie beside them."""
        targets = self._run(["apt-get", "indextargets", "--format", "$(FILENAME)|$(RELEASE)", "Created-By: Packages"])
        pairs = [line.split("|") for line in targets.splitlines()]
        return {suite for path, suite in pairs if any(Path(path).parent.glob(f"{Path(path).name}*"))}

    def _run(self, argv: Sequence[str], *, check: bool = True, cwd: Path | None = None) -> str:
        environment = {**os.environ, "APT_CONFIG": str(self._root / "apt.conf"), "LC_ALL": "C.UTF-8"}
        # A download ends when netemu is killed.
        tethered = ["setpriv", "--pdeathsig", "TERM", "--", *argv]
        done = subprocess.run(tethered, capture_output=True, text=True, check=False, env=environment, cwd=cwd)
        if check and done.returncode != 0:
            last = (done.stderr or done.stdout).strip().splitlines()[-1:] or [f"exit code {done.returncode}"]
            raise MissingCapability(
                f"{' '.join(argv[:2])}: {last[0]}: try again, name another mirror with --mirror URL, or give the source"
                " with --source TARBALL"
            )
        return done.stdout + ("" if check else done.stderr)


def _reason(output: str) -> str:
    """The first line in which apt-get says why: an error, else a warning that something could not be fetched."""
    lines = output.splitlines()
    found = (line for sign in ("E: ", "W: Failed") for line in lines if line.startswith(sign))
    return next(found, "apt-get said nothing")[3:].strip()


def _write(path: Path, text: str) -> None:
    """Write the file unless it holds the text already."""
    if not path.exists() or path.read_text() != text:
        path.write_text(text)


def machine_mirror() -> tuple[str, Path]:
    """The address of the Debian mirror that this machine's apt uses, and the key ring that it trusts for it."""
    fields = "$(REPO_URI)|$(RELEASE)|$(COMPONENT)|$(SIGNED_BY)"
    done = subprocess.run(
        ["apt-get", "indextargets", "--format", fields, "Created-By: Packages"],
        capture_output=True,
        text=True,
        check=False,
    )
    for line in done.stdout.splitlines():
        address, release, component, signed_by = line.split("|")
        if release in SUITES and component == "main":
            keyring = Path(signed_by) if signed_by.startswith("/") else _KEYRING
            return address.rstrip("/"), keyring
    raise MissingCapability(
        "this machine's apt has no source with Debian's main component: name a Debian mirror with --mirror URL, or give"
        " the kernel's source with --source TARBALL"
    )


def newest_source(apt: PrivateApt, version: str, progress: Progress) -> Package:
    """The newest ``linux-source`` package of ``version``; :class:`BadInput` lists what there is instead."""
    packages = apt.packages(f"linux-source-{series(version)}", progress)
    for package in packages:
        if package.version.startswith((f"{version}.", f"{version}-")):
            return package
    there = [package.version for package in packages] or available_series(apt, progress)
    raise BadInput(
        f"kernel {version!r}: Debian has no such source; it has {', '.join(there)} (others by --source TARBALL)"
    )


def available_series(apt: PrivateApt, progress: Progress) -> list[str]:
    """The series whose source Debian has now, oldest first."""
    prefix = "linux-source-"
    names = [name.removeprefix(prefix) for name in apt.names(prefix, progress)]
    return sorted((name for name in names if re.match(r"^\d+\.\d+$", name)), key=version_key)


def _paragraphs(text: str) -> list[Package]:
    found = []
    for paragraph in text.split("\n\n"):
        fields = dict(re.findall(r"^([A-Za-z0-9-]+): (.*)$", paragraph, re.MULTILINE))
        if "SHA256" in fields and "Filename" in fields:
            depends = tuple(re.findall(r"(?:^|, )([^ ,]+)", fields.get("Depends", "")))
            size_bytes = int(fields["Size"])
            found.append(
                Package(fields["Package"], fields["Version"], size_bytes, fields["SHA256"], fields["Filename"], depends)
            )
    return found


def _sort_key(version: str) -> tuple[object, ...]:
    """Sorts Debian versions of kernels: by their numbers; ``~bpo`` (a backport) before the version it comes from."""
    numbers = [(0, int(part)) if part.isdigit() else (-1, 0) for part in re.findall(r"\d+|~", version)]
    return (*numbers, (0, -1))


def _downloaded(directory: Path, package: Package) -> Path:
    """What apt-get wrote: it escapes the version's colon and tilde in its own way."""
    for path in directory.glob(f"{package.name}_*.deb"):
        if path.stat().st_size == package.size_bytes:
            return path
    raise MissingCapability(f"{directory}: apt-get download left no file of {package.name} {package.version}")
