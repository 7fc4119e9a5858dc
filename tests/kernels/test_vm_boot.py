"""Virtual machines: the words that start one, what keeps one from starting, and how each end is told."""

from __future__ import annotations

import os
import subprocess
import tempfile
from pathlib import Path

import pytest

from netemu.errors import MissingCapability, VoidRun
from netemu.kernels import vm_boot
from netemu.kernels.guest import Guest
from netemu.kernels.store import Store
from netemu.kernels.vm_boot import VirtualMachine, available_bytes, control_place, run_vm
from tests.kernels.vm_images import NO_IMAGE, put_image, real_image


def after(words: list[str], option: str) -> list[str]:
    """What stands behind each ``option``."""
    return [words[number + 1] for number, word in enumerate(words) if word == option]


def test_an_emulated_machine_counts_instructions_and_boots_our_script(store: Store) -> None:
    image = put_image(store)
    words = VirtualMachine(image, memory_bytes=512 << 20, cpus=1).argv(Path("/tmp/c"))
    assert "--disable-kvm" in words
    assert after(words, "-icount") == ["shift=0,sleep=off"]
    assert after(words, "--kimg") == [str(image.kernel)]
    assert after(words, "--memory") == ["512M"]
    (line,) = after(words, "-append")
    assert line.split()[0] == "console=ttyS0" and line.endswith(" init=/tmp/c/boot")
    assert after(words, "-kernel") == []


def test_the_unpacked_kernel_is_booted_where_there_is_one(store: Store, tmp_path: Path) -> None:
    from dataclasses import replace

    image = replace(put_image(store), unpacked=tmp_path / "vmlinux")
    assert after(VirtualMachine(image).argv(tmp_path), "-kernel") == [str(tmp_path / "vmlinux")]
    assert after(VirtualMachine(image, "kvm").argv(tmp_path), "-kernel") == []


def test_a_machine_under_kvm_keeps_this_machines_time(store: Store) -> None:
    words = VirtualMachine(put_image(store), "kvm").argv(Path("/tmp/c"))
    assert "--disable-kvm" not in words and "-icount" not in words
    assert "mitigations=off" not in after(words, "-append")[0]


def test_only_the_recording_is_offered_for_writing(store: Store) -> None:
    words = VirtualMachine(put_image(store)).argv(Path("/tmp/c"))
    shares = after(words, "-fsdev")
    assert [share for share in shares if "readonly=on" not in share] == [
        "local,id=recording,path=/tmp/c/recording,security_model=none,multidevs=remap"
    ]
    assert "--rw" not in words


def test_the_control_directory_lies_where_a_guest_can_find_it(monkeypatch: pytest.MonkeyPatch) -> None:
    for unfit in ("/tmp/with space", "/run/user/0", "/dev/shm", "/tmp/ä"):
        monkeypatch.setattr(tempfile, "gettempdir", lambda place=unfit: place)
        assert control_place() == "/tmp"
    monkeypatch.setattr(os, "access", lambda *_: False)
    with pytest.raises(MissingCapability, match="set TMPDIR"):
        control_place()


def test_a_machine_without_memory_is_not_started(store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert available_bytes("MemTotal: 9 kB\nMemAvailable:    2048 kB\n") == 2 << 20
    monkeypatch.setattr(vm_boot, "require_programs", lambda: None)
    with pytest.raises(MissingCapability, match=r"67108864 MiB of memory are asked for, \d+ MiB are free.*\?memory="):
        run_vm(VirtualMachine(put_image(store), memory_bytes=1 << 46), ["x"], tmp_path, print)


@pytest.mark.parametrize(
    ("line", "error", "why"),
    [
        ("Failed to mount real root.  We are stuck.", MissingCapability, "no 9p over virtio"),
        ("qemu-system-x86_64: cannot allocate", MissingCapability, "did not start: qemu-system-x86_64: cannot"),
        ("virtme-run: initramfs is needed", MissingCapability, "did not start: virtme-run"),
        ("Kernel panic - not syncing: oops", VoidRun, "ended with 0 before its work was done.*Kernel panic"),
    ],
)
def test_what_the_console_said_tells_why_it_ended(line: str, error: type[Exception], why: str) -> None:
    guest = Guest(subprocess.Popen(["/bin/true"]))
    guest.process.wait()
    guest.take(line, print)
    with pytest.raises(error, match=why):
        raise vm_boot._early_end(guest)


def test_a_kernel_that_does_not_boot_is_void_and_leaves_nothing(store: Store, tmp_path: Path) -> None:
    """Its processor runs into nothing: QEMU stays silent, as it does under a KVM on which kernels do not boot."""
    if real_image() is None:
        pytest.skip(NO_IMAGE)
    machine = VirtualMachine(put_image(store), memory_bytes=128 << 20, up_s=6.0)
    (tmp_path / "out").mkdir()
    before = set(Path(control_place()).glob("netemu-vm-*"))
    with pytest.raises((VoidRun, MissingCapability), match=r"did not come up within 6 s|did not start|ended with"):
        run_vm(machine, ["platform"], tmp_path / "out", print)
    assert set(Path(control_place()).glob("netemu-vm-*")) <= before
    assert list((tmp_path / "out").iterdir()) == []
