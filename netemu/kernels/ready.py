"""Debian's ready ``user-mode-linux``: nothing to compile, real time only, features as modules."""

from __future__ import annotations

import errno
import re
import shutil
import subprocess
from pathlib import Path

from netemu.errors import BadInput, MissingCapability
from netemu.kernels.debian import PrivateApt, Progress
from netemu.kernels.locking import refusing
from netemu.kernels.store import Entry, File, KernelManifest, Store, check_name, series, sha256_of, version_key, writing

_PACKAGE = "user-mode-linux"
_WANTED = re.compile(
    r"/net/(sched|packet|bridge|8021q)/[^/]*$|/net/ipv4/tcp_|_diag\.ko$|/(veth|ifb|dummy|tun|br_netfilter|nf_tables|nft_\w+)\.ko$"
)
"""The files of the modules that a lab may need."""


def get_ready(version: str, store: Store, progress: Progress, mirror: str | None = None) -> Entry:
    """Debian's newest ``user-mode-linux`` of ``version``, from whatever suite has it."""
    check_name(version)
    with writing(store.own.parent):
        apt = PrivateApt(store.own.parent / "apt", mirror)
        packages = apt.packages(_PACKAGE, progress)
    package = next((one for one in packages if one.version.startswith(f"{version}um")), None)
    if package is None:
        there = ", ".join(one.version.partition("um")[0] for one in packages)
        raise BadInput(
            f"kernel {version!r}: Debian has no ready user-mode-linux of it; it has {there} (netemu kernels build makes"
            " others)"
        )
    key = package.sha256[:12]
    for entry in store.entries():
        if entry.manifest.key == key:
            progress(f"{entry.name} is there already")
            return entry
    shop = store.workshop / f"{version}-{key}"
    busy = f"another netemu is getting this kernel now (in {shop}): wait until it is done"
    with writing(store.own.parent), refusing(store.lock_of(shop.name), busy):
        deb = apt.download(package, store.downloads, progress)
        shutil.rmtree(shop, ignore_errors=True)
        shop.mkdir(parents=True)
        entry = store.admit(*_stage(deb, key, shop))
        shutil.rmtree(shop)
        deb.unlink()
    progress(f"got {entry.name}")
    return entry


def warning(entry: Entry, processor: str | None = None) -> str | None:
    """Why a ready kernel will not run on this machine, which ``/proc/cpuinfo`` describes, and what to do; or None.

    Before 6.14 (arch/um/os-Linux/registers.c, arch/x86/um) a guest's registers are saved in a buffer without room for
    AMX's tiles, and the host's kernel refuses to restore less than it has (xstateregs_set, EFAULT). That size is the
    host's, not the process's, so that nothing which a process may set avoids it.
    """
    text = Path("/proc/cpuinfo").read_text() if processor is None else processor
    made = entry.manifest
    if made.origin == "built" or "amx_tile" not in text or version_key(made.version) >= version_key("6.14"):
        return None
    return (
        "Debian's ready kernels before 6.14 cannot save the registers of this machine's processor (AMX), so that every"
        f" process in a guest of it dies: netemu kernels build {series(made.version)} makes one that can"
    )


def module_files(entry: Entry) -> tuple[str, ...]:
    """The files of the modules that a guest loads, each after those that it needs; none for a built kernel."""
    if not entry.manifest.modules:
        return ()
    table = next(entry.directory.glob("modules/*/modules.dep"), None)
    if table is None:
        raise MissingCapability(f"{entry.directory}: modules.dep is missing: remove the directory, then get it again")
    needs = {}
    for line in table.read_text().splitlines():
        path, _, rest = line.partition(":")
        needs[path] = rest.split()
    order: list[str] = []
    for path in filter(_WANTED.search, needs):
        # depmod lists what a module needs with the innermost last.
        order += [*reversed(needs[path]), path]
    return tuple(str(table.parent / path) for path in dict.fromkeys(order))


def _stage(deb: Path, key: str, made: Path) -> tuple[Path, KernelManifest]:
    content = made / "content"
    done = subprocess.run(["dpkg-deb", "-x", str(deb), str(content)], capture_output=True, text=True, check=False)
    if "No space left" in done.stderr:
        raise OSError(errno.ENOSPC, "No space left on device", str(content))
    if done.returncode != 0:
        raise MissingCapability(f"{deb}: {done.stderr.strip().splitlines()[-1]}: remove it and try again")
    staged = made / "entry"
    staged.mkdir()
    shutil.move(content / "usr/bin/linux.uml", staged / "linux")
    shutil.move(content / "usr/lib/uml/modules", staged / "modules")
    release = _ask(staged / "linux", "--version").strip()
    (staged / "config").write_text(_ask(staged / "linux", "--showconfig"))
    return staged, KernelManifest(
        version=release,
        key=key,
        origin="debian",
        source=File(deb.name, sha256_of(deb)),
        binary_sha256=sha256_of(staged / "linux"),
        config_sha256=sha256_of(staged / "config"),
        virtual_time=False,
        modules=True,
    )


def _ask(binary: Path, option: str) -> str:
    done = subprocess.run([str(binary), option], capture_output=True, text=True, check=False)
    if done.returncode != 0:
        why = (done.stderr.strip().splitlines() or [f"exit code {done.returncode}"])[-1]
        raise MissingCapability(
            f"Debian's ready kernel does not run on this system ({why}): build it instead, with netemu kernels build"
        )
    return done.stdout
