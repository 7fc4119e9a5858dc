"""Images: what a name means, what a file is, and that nothing changed or half-made boots."""

from __future__ import annotations

import gzip
from pathlib import Path

import pytest

from netemu.errors import BadInput, MissingCapability
from netemu.kernels.store import Store
from netemu.kernels.vm_image import find_image, image_at, images, release_of, remove_image, unpack_kernel
from tests.kernels.vm_images import ELF, RELEASE, bzimage, put_image, text_file


def test_a_version_means_the_newest_image_of_it(store: Store) -> None:
    put_image(store, "9.9.7")
    put_image(store, "9.9.10", "cd" * 6)
    put_image(store, "9.10.1", "ef" * 6)
    assert find_image("9.9", store).name == f"9.9.10-{'cd' * 6}"
    assert find_image("9.9.7", store).release == RELEASE
    assert find_image(f"9.9.7-{'ab' * 6}", store).name == f"9.9.7-{'ab' * 6}"
    assert [image.name[:4] for image in images(store)] == ["9.10", "9.9.", "9.9."]


def test_an_image_that_is_not_there_names_the_command(store: Store) -> None:
    with pytest.raises(MissingCapability, match=r"vm:6\.1\.3: no image .*: netemu kernels get vm:6\.1$"):
        find_image("6.1.3", store)


@pytest.mark.parametrize("name", ["", "six", "6", "6.1-xyz", "latest"])
def test_what_is_neither_version_nor_path_is_refused(store: Store, name: str) -> None:
    with pytest.raises(BadInput, match="neither a kernel version nor a path"):
        find_image(name, store)


def test_a_path_means_that_kernel_with_the_modules_above_it(tmp_path: Path, store: Store) -> None:
    (tmp_path / "boot").mkdir()
    kernel = tmp_path / "boot/vmlinuz"
    kernel.write_bytes(bzimage())
    image = find_image(str(kernel), store)
    assert (image.release, image.modules, image.module_files) == (RELEASE, None, ())
    modules = tmp_path / "lib/modules" / RELEASE
    modules.mkdir(parents=True)
    (modules / "modules.dep").write_text("kernel/drivers/net/veth.ko:\n")
    assert image_at(kernel).module_files == (f"{modules}/kernel/drivers/net/veth.ko",)
    image.verify()


@pytest.mark.parametrize("content", [b"", b"MZ" * 600, b"\x7fELF" + bytes(2000), bzimage("no version")])
def test_a_file_that_is_no_kernel_is_refused(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "vmlinuz"
    path.write_bytes(content)
    with pytest.raises(BadInput, match=r"no bootable Linux kernel for x86.*vmlinuz or bzImage"):
        release_of(path)


def test_a_file_that_cannot_be_read_is_refused(tmp_path: Path) -> None:
    for path in (tmp_path, tmp_path / "none"):
        with pytest.raises(BadInput, match="name a vmlinuz that can be read"):
            release_of(path)


def test_a_kernel_is_unpacked_where_python_can() -> None:
    assert unpack_kernel(bzimage()) == ELF
    assert unpack_kernel(bzimage(payload=gzip.compress(ELF))) == ELF
    assert unpack_kernel(bzimage(payload=gzip.compress(b"no ELF"))) is None
    assert unpack_kernel(bzimage(payload=b"\x28\xb5\x2f\xfd")) is None


def test_modules_of_the_store_come_in_their_order(store: Store) -> None:
    assert [Path(path).stem for path in put_image(store).module_files] == ["sch_netem", "x", "veth"]


def test_a_changed_image_is_found_out(store: Store) -> None:
    image = put_image(store)
    image.verify()
    text_file(image.kernel, "something else")
    with pytest.raises(MissingCapability, match=r"SHA-256.*netemu kernels get vm:9\.9"):
        image.verify()


def test_a_directory_without_its_manifest_is_no_image(store: Store) -> None:
    image = put_image(store)
    (image.kernel.parent / "manifest.json").unlink()
    assert images(store) == []


def test_an_image_is_removed_from_our_own_store_alone(store: Store, tmp_path: Path) -> None:
    image = put_image(store)
    with pytest.raises(BadInput, match="so it is not removed"):
        remove_image("9.9", Store(tmp_path / "mine/kernels", (store.own,)))
    assert remove_image("9.9", store) == f"vm:{image.name}"
    assert images(store) == []
