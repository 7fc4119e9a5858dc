"""KVM or emulation: found out by a probe, kept by kernel and machine, never guessed."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from netemu.errors import MissingCapability, VoidRun
from netemu.kernels import vm_accel
from netemu.kernels.guest import Guest
from netemu.kernels.store import Store
from netemu.kernels.vm_accel import choose_accel, kvm_obstacle, machine_key, probe
from netemu.kernels.vm_boot import VirtualMachine
from tests.kernels.vm_images import put_image


def quiet(_: str) -> None:
    """Progress that nobody watches."""


@pytest.fixture
def machine(store: Store, monkeypatch: pytest.MonkeyPatch) -> VirtualMachine:
    """A machine on a computer that has /dev/kvm."""
    monkeypatch.setattr(vm_accel, "kvm_obstacle", lambda: None)
    monkeypatch.setattr(vm_accel, "versions", lambda: {"qemu": "7.2"})
    return VirtualMachine(put_image(store))


def test_emulation_that_is_asked_for_needs_no_probe(machine: VirtualMachine, tmp_path: Path) -> None:
    assert choose_accel(machine, "tcg", tmp_path / "cache.json", quiet) == ("tcg", "asked for")
    assert not (tmp_path / "cache.json").exists()


@pytest.mark.parametrize(("answer", "expected"), [(None, "kvm"), ("it hung", "tcg")])
def test_a_probe_is_booted_once(
    answer: str | None, expected: str, machine: VirtualMachine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    booted = []
    monkeypatch.setattr(vm_accel, "probe", lambda one: booted.append(one) or answer)
    cache = tmp_path / "new/cache.json"
    first = choose_accel(machine, "auto", cache, quiet)
    assert first == choose_accel(machine, "auto", cache, quiet)
    assert first == (expected, answer or "a probe booted")
    assert len(booted) == 1
    (kept,) = json.loads(cache.read_text()).values()
    assert kept == {"kernel": machine.image.name, "obstacle": answer}


def test_kvm_that_is_asked_for_and_does_not_work_is_refused(
    machine: VirtualMachine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(vm_accel, "probe", lambda one: "it hung")
    with pytest.raises(MissingCapability, match=r"accel=kvm: it hung: leave accel= out"):
        choose_accel(machine, "kvm", tmp_path / "cache.json", quiet)


def test_without_a_device_nothing_is_probed(tmp_path: Path, store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    assert kvm_obstacle(tmp_path / "kvm") == f"{tmp_path}/kvm is not there"
    monkeypatch.setattr(vm_accel, "kvm_obstacle", lambda: "it is not there")
    found = choose_accel(VirtualMachine(put_image(store)), "auto", tmp_path / "cache.json", quiet)
    assert found == ("tcg", "it is not there")


def test_another_kernel_processor_or_host_is_asked_anew(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(vm_accel, "versions", lambda: {"qemu": "7.2"})
    ask = ("a" * 64, "model name : x\n", "6.1.0")
    others = [("b" * 64, *ask[1:]), (ask[0], "model name : y\n", ask[2]), (*ask[:2], "6.2.0")]
    assert machine_key(*ask) == machine_key(ask[0], "flags : z\nmodel name : x\n", ask[2])
    assert len({machine_key(*one) for one in [ask, *others]}) == 4


def test_what_goes_wrong_in_a_probe_is_the_answer(machine: VirtualMachine, monkeypatch: pytest.MonkeyPatch) -> None:
    def hang(trial: VirtualMachine, *_: object) -> Guest:
        assert trial.accel == "kvm"
        raise VoidRun("the guest did not come up within 30 s")

    monkeypatch.setattr(vm_accel, "run_vm", hang)
    assert probe(machine) == "a probe under KVM failed: the guest did not come up within 30 s"


def test_a_damaged_cache_is_made_anew(machine: VirtualMachine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(vm_accel, "probe", lambda one: None)
    cache = tmp_path / "cache.json"
    cache.write_text("{broken")
    assert choose_accel(machine, "auto", cache, quiet)[0] == "kvm"
    assert len(json.loads(cache.read_text())) == 1
