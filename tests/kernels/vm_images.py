"""Kernel images for tests: small files with the header of a bzImage, and the real ones of whoever runs the tests."""

from __future__ import annotations

import lzma
from pathlib import Path

from netemu.kernels.store import File, Store, open_store, sha256_of
from netemu.kernels.vm_image import VmImage, VmManifest, images
from netemu.kernels.vm_tools import missing_programs
from netemu.specs import to_json

RELEASE = "9.9.0-4-amd64"
BANNER = f"{RELEASE} (debian-kernel@lists) #1 SMP PREEMPT_DYNAMIC Debian 9.9.7-1 (2026-01-01)"
ELF = b"\x7fELF and the rest of a kernel"


def bzimage(banner: str = BANNER, payload: bytes | None = None) -> bytes:
    """A boot sector, one sector of set-up code that holds the banner, and the payload (Documentation/arch/x86/boot)."""
    packed = lzma.compress(ELF, format=lzma.FORMAT_XZ) if payload is None else payload
    sector = bytearray(0x400)
    sector[0x1F1] = 1  # sectors of set-up code
    sector[0x1FE:0x200] = b"\x55\xaa"
    sector[0x202:0x206] = b"HdrS"
    sector[0x20E:0x210] = (0x100).to_bytes(2, "little")  # where the version is, from 0x200
    sector[0x248:0x24C] = (16).to_bytes(4, "little")
    sector[0x24C:0x250] = len(packed).to_bytes(4, "little")
    sector[0x300 : 0x300 + len(banner) + 1] = banner.encode() + b"\0"
    return bytes(sector) + bytes(16) + packed + b"1234"


def put_image(store: Store, version: str = "9.9.7", key: str = "ab" * 6) -> VmImage:
    """An image in ``store`` that cannot boot."""
    directory = store.own / f"vm-{version}-{key}"
    modules = directory / "lib/modules" / RELEASE
    modules.mkdir(parents=True)
    (directory / "vmlinuz").write_bytes(bzimage())
    (directory / "config").write_text("CONFIG_HZ=250\nCONFIG_NET_SCH_NETEM=m\nCONFIG_TCP_CONG_BBR=m\n")
    table = "kernel/net/sched/sch_netem.ko:\nkernel/drivers/net/veth.ko: kernel/net/x.ko\nkernel/net/x.ko:\n"
    (modules / "modules.dep").write_text(table)
    manifest = VmManifest(version, RELEASE, key, (File("a.deb", "0" * 64),), sha256_of(directory / "vmlinuz"), "0" * 64)
    (directory / "manifest.json").write_text(to_json(manifest))
    return next(image for image in images(store) if image.manifest == manifest)


def real_image() -> VmImage | None:
    """The newest image in the cache of whoever runs the tests, where what it needs is there too."""
    found = images(open_store())
    return found[0] if found and not missing_programs() else None


NO_IMAGE = "no image or no QEMU is here: tools/setup --vm, then netemu kernels get vm:6.1"


def text_file(path: Path, text: str) -> Path:
    """A file with that text."""
    path.write_text(text)
    return path
