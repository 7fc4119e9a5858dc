"""Kernel images for virtual machines: one of the store, or any vmlinuz of this machine, with its modules.

::

    <cache>/kernels/vm-6.1.158-3f0c94a1b2d4/
        vmlinuz         Debian's kernel
        vmlinux         the same unpacked, where it can boot so: emulation takes five seconds to unpack it
        config          its configuration
        lib/modules/    what a guest and a lab need of its modules, unpacked
        manifest.json   the packages it came in, and the kernel's SHA-256

Where the store lies says :mod:`netemu.kernels.store`.
"""

from __future__ import annotations

import lzma
import re
import shutil
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import msgspec

from netemu.errors import BadInput, MissingCapability
from netemu.kernels.modules import load_order
from netemu.kernels.store import NAME, File, Store, series, sha256_of, version_key
from netemu.specs import from_json

_DIRECTORY = re.compile(r"^vm-\d+(\.\d+){1,2}(-rc\d+)?-[0-9a-f]{12}$")

WANTED = re.compile(
    r"/net/sched/(sch_(netem|tbf|htb|prio|ingress|fq|fq_codel|fq_pie|codel|cake|pie|red|sfq)|cls_(u32|matchall|flower|bpf)"
    r"|act_(mirred|gact|police))\.ko|/net/ipv4/tcp_|/(tcp|udp|inet|unix|raw)_diag\.ko"
    r"|/(af_packet|veth|ifb|dummy|tun|bridge|br_netfilter|8021q)\.ko"
)
"""The files of the modules that a lab may need; loaded at the guest's start, each after those that it needs.

Under emulation each costs about 50 ms, so these are all that an experiment can ask for, and no more.
"""


class VmManifest(msgspec.Struct, frozen=True):
    """What an image was made of. ``release``: as ``uname -r`` says; ``key``: 12 digits of a hash over the packages."""

    version: str
    release: str
    key: str
    packages: tuple[File, ...]
    kernel_sha256: str
    config_sha256: str
    unpacked_sha256: str | None = None


@dataclass(frozen=True, slots=True)
class VmImage:
    """A kernel that boots. ``name``: as ``vm:`` takes it; ``modules``: its ``lib/modules/<release>``, if any.

    ``unpacked``: the same kernel without its compression, if there is one.
    """

    name: str
    kernel: Path
    release: str
    sha256: str
    modules: Path | None = None
    config: Path | None = None
    manifest: VmManifest | None = None
    unpacked: Path | None = None

    @property
    def module_files(self) -> tuple[str, ...]:
        """The files of the modules that a guest loads, each after those that it needs."""
        if self.modules is None:
            return ()
        return tuple(str(self.modules / path) for path in load_order(self.modules / "modules.dep", WANTED))

    def verify(self) -> None:
        """:class:`MissingCapability` unless the kernel is the one that the manifest names."""
        if self.manifest is None:
            return
        wrong = [self.kernel] if sha256_of(self.kernel) != self.manifest.kernel_sha256 else []
        if self.unpacked is not None and sha256_of(self.unpacked) != self.manifest.unpacked_sha256:
            wrong.append(self.unpacked)
        if wrong:
            raise MissingCapability(
                f"{wrong[0]}: its SHA-256 is not the one in manifest.json, so it was changed or damaged: remove the"
                f" directory, then netemu kernels get vm:{series(self.manifest.version)}"
            )


def find_image(name: str, store: Store) -> VmImage:
    """The image that ``vm:<name>`` means: a path if it has a slash, else the newest of that version in the store.

    :raises BadInput: ``name`` is no version, or the file is no kernel.
    :raises MissingCapability: there is none of that version; the text holds the command that gives one.
    """
    if "/" in name:
        return image_at(Path(name))
    check_version(name)
    for image in images(store):
        assert image.manifest is not None
        if name in (series(image.manifest.version), image.manifest.version, image.name):
            return image
    raise MissingCapability(f"vm:{name}: no image of that name is in {store.own}: netemu kernels get vm:{series(name)}")


def remove_image(name: str, store: Store) -> str:
    """Remove the image that ``vm:<name>`` means from our own store; its full name."""
    image = find_image(name, store)
    if image.manifest is None or image.kernel.parent.parent != store.own:
        raise BadInput(f"vm:{name}: {image.kernel} is not in {store.own}, so it is not removed")
    shutil.rmtree(image.kernel.parent)
    return f"vm:{image.name}"


def check_version(name: str) -> None:
    """:class:`BadInput` unless ``name`` could be an image's."""
    if not NAME.match(name):
        raise BadInput(
            f"vm:{name}: {name!r} is neither a kernel version nor a path; write vm:6.1, vm:6.1.158 or"
            " vm:/boot/vmlinuz-6.1.0-41-amd64"
        )


def images(store: Store) -> list[VmImage]:
    """Every image in the store and in shared places, newest first."""
    found: dict[str, VmImage] = {}
    for place in (store.own, *store.shared):
        for image in _images_in(place):
            found.setdefault(image.name, image)

    def age(image: VmImage) -> tuple[tuple[int, ...], str]:
        assert image.manifest is not None
        return version_key(image.manifest.version), image.name

    return sorted(found.values(), key=age, reverse=True)


def image_at(path: Path) -> VmImage:
    """The kernel in the file ``path``; its modules are in ``lib/modules/<release>`` of a directory above it, if any."""
    path = path.absolute()
    release = release_of(path)
    above = next((place for place in path.parents if (place / "lib/modules" / release / "modules.dep").is_file()), None)
    modules = None if above is None else above / "lib/modules" / release
    config = path.with_name(f"config-{release}")
    return VmImage(str(path), path, release, sha256_of(path), modules, config if config.is_file() else None)


def release_of(path: Path) -> str:
    """``uname -r`` of a bootable kernel (bzImage), from its header (Documentation/arch/x86/boot.rst)."""
    try:
        with path.open("rb") as file:
            head = file.read(0x210)
            known = head[0x1FE:0x200] == b"\x55\xaa" and head[0x202:0x206] == b"HdrS"
            file.seek(0x200 + int.from_bytes(head[0x20E:0x210], "little"))
            text = file.read(256).partition(b"\0")[0].decode("ascii", errors="replace")
    except OSError as error:
        raise BadInput(
            f"vm:{path}: {error.strerror}: name a vmlinuz that can be read, such as those in /boot (or a version that"
            " netemu kernels get vm:VERSION fetched)"
        ) from error
    if not known or not re.match(r"\d+\.\d+", text):
        raise BadInput(
            f"vm:{path}: no bootable Linux kernel for x86 (it lacks the boot header): name a vmlinuz or bzImage; an"
            " uncompressed vmlinux does not boot"
        )
    return text.split()[0]


def unpack_kernel(image: bytes) -> bytes | None:
    """The kernel in a bzImage, as an ELF file; None when it is packed by what Python cannot unpack."""
    start = (image[0x1F1] + 1) * 512 + int.from_bytes(image[0x248:0x24C], "little")
    payload = image[start : start + int.from_bytes(image[0x24C:0x250], "little")]
    if payload.startswith(b"\xfd7zXZ\0"):
        unpacked = lzma.LZMADecompressor(format=lzma.FORMAT_XZ).decompress(payload)
    elif payload.startswith(b"\x1f\x8b"):
        unpacked = zlib.decompressobj(wbits=31).decompress(payload)
    else:
        return None
    return unpacked if unpacked.startswith(b"\x7fELF") else None


def _images_in(place: Path) -> Iterator[VmImage]:
    if not place.is_dir():
        return
    for directory in sorted(place.iterdir()):
        path = directory / "manifest.json"
        if _DIRECTORY.match(directory.name) and path.is_file():
            manifest = from_json(path.read_bytes(), VmManifest, str(path))
            yield image_in(directory, manifest)


def image_in(directory: Path, manifest: VmManifest) -> VmImage:
    """The image of one directory of the store."""
    return VmImage(
        f"{manifest.version}-{manifest.key}",
        directory / "vmlinuz",
        manifest.release,
        manifest.kernel_sha256,
        directory / "lib/modules" / manifest.release,
        directory / "config",
        manifest,
        directory / "vmlinux" if manifest.unpacked_sha256 else None,
    )
