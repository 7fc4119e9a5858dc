"""``netemu kernels get vm:VERSION``: Debian's stock kernel image into the store, unpacked and not installed.

Of its modules only those are kept that a guest needs to see this machine's files, and those that a lab may need: a
tenth of the package. They are unpacked, as some kernels cannot load compressed ones.
"""

from __future__ import annotations

import hashlib
import lzma
import os
import re
import shutil
import subprocess
import tempfile
from collections.abc import Iterable, Sequence
from pathlib import Path

from netemu.errors import BadInput, MissingCapability
from netemu.kernels import Progress
from netemu.kernels.debian import Package, PrivateApt
from netemu.kernels.modules import load_order
from netemu.kernels.store import File, Store, series, sha256_of, version_key
from netemu.kernels.vm_image import (
    WANTED,
    VmImage,
    VmManifest,
    check_version,
    image_in,
    images,
    release_of,
    unpack_kernel,
)
from netemu.kernels.vm_tools import REMEDY, find_program
from netemu.specs import to_json

_NAME = re.compile(r"^linux-image-\d+\.\d+[a-z0-9.+~-]*-amd64(-unsigned)?$")
_OTHER_FLAVOURS = re.compile(r"-(cloud|rt)-")
"""Cloud kernels have no 9p; real-time ones are another kernel."""
_NEEDED_TO_BOOT = re.compile(r"/(9p|9pnet|9pnet_virtio|virtio\w*|virtiofs|af_unix|unix|i8042|atkbd|overlay)\.ko")
_UNPACKED_BYTES = 1_200_000_000
_KEPT = ("modules.builtin", "modules.builtin.modinfo", "modules.order")


def get_image(version: str, store: Store, progress: Progress, mirror: str | None = None) -> VmImage:
    """Debian's newest ``linux-image`` of ``version`` (``6.1`` or ``6.1.158``), from whatever suite has it.

    :raises BadInput: Debian has no image of it; the text lists those that it has.
    :raises MissingCapability: no network, no space, no depmod, or an image without 9p.
    """
    check_version(version)
    if find_program("depmod") is None:
        raise MissingCapability(f"vm:{version}: to unpack an image, depmod (kmod) is missing: {REMEDY}")
    apt = PrivateApt(store.own.parent / "apt", mirror)
    packages = packages_of(apt, version, progress)
    key = key_of(packages)
    for image in images(store):
        if image.manifest is not None and image.manifest.key == key:
            progress(f"{image.name} is there already")
            return image
    store.own.mkdir(parents=True, exist_ok=True)
    _require_space(store.own)
    debs = [apt.download(package, store.downloads, progress) for package in packages]
    with tempfile.TemporaryDirectory(dir=store.own.parent, prefix="get-") as made:
        progress(f"unpacking {debs[0].name}")
        manifest = stage(debs, key, Path(made))
        directory = store.own / f"vm-{manifest.version}-{key}"
        if not directory.exists():
            (Path(made) / "entry").rename(directory)
    for deb in debs:
        deb.unlink(missing_ok=True)
    progress(f"got {manifest.version}-{key}")
    return image_in(directory, manifest)


def packages_of(apt: PrivateApt, version: str, progress: Progress) -> list[Package]:
    """The newest image of ``version``, signed if there is a choice, and the packages that hold the parts of it."""
    found = []
    for name in apt.names(f"linux-image-{series(version)}", progress):
        ours = series(name.removeprefix("linux-image-")) == series(version)
        if ours and _NAME.match(name) and not _OTHER_FLAVOURS.search(name):
            found += apt.packages(name, progress)
    fitting = [one for one in found if re.match(rf"{re.escape(version)}([.~+-]|$)", one.version)]
    if not fitting:
        there = sorted({one.version for one in found}) or available_series(apt, progress)
        raise BadInput(f"vm:{version}: Debian has no such image; it has {', '.join(there)}")
    best = max(fitting, key=lambda one: (version_key(upstream(one.version)), not one.name.endswith("-unsigned")))
    parts = [name for name in best.depends if re.match(r"linux-(base|binary|modules)-\d", name)]
    return [best, *(part for name in parts for part in apt.packages(name, progress) if part.version == best.version)]


def available_series(apt: PrivateApt, progress: Progress) -> list[str]:
    """The series of which Debian has images now, oldest first."""
    names = [name for name in apt.names("linux-image-", progress) if _NAME.match(name)]
    return sorted({series(name.removeprefix("linux-image-")) for name in names}, key=version_key)


def upstream(version: str) -> str:
    """``6.1.158`` of Debian's ``6.1.158-1``, ``7.0-rc2`` of ``7.0~rc2-1~exp1``."""
    match = re.match(r"(\d+(?:\.\d+)+)(?:~(rc\d+))?", version)
    if match is None:
        raise MissingCapability(f"the package version {version!r} holds no kernel version")
    return f"{match[1]}-{match[2]}" if match[2] else match[1]


def key_of(packages: Sequence[Package]) -> str:
    """Twelve digits that name what is made of these packages by these choices of modules."""
    inputs = [*(package.sha256 for package in packages), WANTED.pattern, _NEEDED_TO_BOOT.pattern]
    return hashlib.sha256("\n".join(inputs).encode()).hexdigest()[:12]


def stage(debs: Sequence[Path], key: str, made: Path) -> VmManifest:
    """Lay out ``made/entry`` as it will be in the store; its manifest."""
    content = made / "content"
    for deb in debs:
        _run(["dpkg-deb", "-x", str(deb), str(content)], deb)
    kernel = _only(content, ("boot/vmlinuz-*", "usr/lib/modules/*/vmlinuz"), debs[0])
    config = _only(content, ("boot/config-*", "usr/lib/modules/*/config"), debs[0])
    release = release_of(kernel)
    entry = made / "entry"
    entry.mkdir()
    shutil.copyfile(kernel, entry / "vmlinuz")
    shutil.copyfile(config, entry / "config")
    _keep_modules(content, release, entry, debs[0])
    unpacked = unpack_kernel(kernel.read_bytes()) if "CONFIG_PVH=y" in config.read_text().splitlines() else None
    if unpacked is not None:
        (entry / "vmlinux").write_bytes(unpacked)
    manifest = VmManifest(
        version=_upstream_of(kernel, release),
        release=release,
        key=key,
        packages=tuple(File(deb.name, sha256_of(deb)) for deb in debs),
        kernel_sha256=sha256_of(kernel),
        config_sha256=sha256_of(config),
        unpacked_sha256=None if unpacked is None else sha256_of(entry / "vmlinux"),
    )
    (entry / "manifest.json").write_text(to_json(manifest))
    os.sync()
    return manifest


def _keep_modules(content: Path, release: str, entry: Path, deb: Path) -> None:
    """The modules that are needed, and those that they need, unpacked and with tables of their own."""
    if not (content / "lib").exists():
        (content / "lib").symlink_to("usr/lib")
    whole = content / "lib/modules" / release
    depmod = find_program("depmod") or "depmod"
    _run([depmod, "-b", str(content), release], deb)
    table = whole / "modules.dep"
    wanted = dict.fromkeys([*load_order(table, _NEEDED_TO_BOOT), *load_order(table, WANTED)])
    if not any(Path(path).name.startswith("9p.ko") for path in wanted):
        raise MissingCapability(f"{deb.name}: this kernel has no 9p, so its guests could not see this machine's files")
    kept = entry / "lib/modules" / release
    for path in wanted:
        unpack_module(whole / path, kept / path)
    for name in _KEPT:
        if (whole / name).exists():
            shutil.copyfile(whole / name, kept / name)
    _run([depmod, "-b", str(entry), release], deb)


def unpack_module(source: Path, target: Path) -> None:
    """Copy a module, without its compression."""
    target.parent.mkdir(parents=True, exist_ok=True)
    if source.suffix == ".xz":
        target.with_suffix("").write_bytes(lzma.decompress(source.read_bytes()))
    elif source.suffix == ".ko":
        shutil.copyfile(source, target)
    else:
        raise MissingCapability(f"{source.name}: modules that are packed as {source.suffix} are not known")


def _upstream_of(kernel: Path, release: str) -> str:
    """``6.1.158`` as the kernel itself says it; a release such as ``6.1.0-41-amd64`` is Debian's name for the ABI."""
    with kernel.open("rb") as file:
        head = file.read(1 << 16)
    match = re.search(rb" Debian (\d+[0-9.]*(?:~rc\d+)?)", head)
    return upstream(match[1].decode() if match else release)


def _only(content: Path, patterns: Iterable[str], deb: Path) -> Path:
    found = [path for pattern in patterns for path in content.glob(pattern)]
    if len(found) != 1:
        raise MissingCapability(f"{deb.name}: {len(found)} files {' or '.join(patterns)} in it instead of one")
    return found[0]


def _run(argv: Sequence[str], deb: Path) -> None:
    done = subprocess.run(argv, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        last = (done.stderr.strip().splitlines() or [f"exit code {done.returncode}"])[-1]
        full = "No space left" in done.stderr
        remedy = "free 1.2 GB or set NETEMU_CACHE" if full else f"remove {deb} and try again"
        raise MissingCapability(f"{Path(argv[0]).name}: {last}: {remedy}")


def _require_space(place: Path) -> None:
    free = shutil.disk_usage(place).free
    if free < _UNPACKED_BYTES:
        raise MissingCapability(
            f"{place}: to unpack an image {_UNPACKED_BYTES / 1e9:g} GB are needed, and {free / 1e9:.1f} GB are free:"
            " free some, or set NETEMU_CACHE to a directory on another disk"
        )
