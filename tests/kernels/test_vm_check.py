"""Checking an image: a real one proves what it can do; one that does not boot is reported."""

from __future__ import annotations

from pathlib import Path

import pytest

from netemu.errors import VoidRun
from netemu.kernels import vm_check
from netemu.kernels.guest import Guest
from netemu.kernels.store import Store
from netemu.kernels.vm_check import check_image
from tests.kernels.vm_images import put_image


def quiet(_: str) -> None:
    """Progress that nobody watches."""


@pytest.fixture(autouse=True)
def _no_probe(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(vm_check, "require_programs", lambda: None)
    monkeypatch.setattr(vm_check, "choose_accel", lambda *_: ("tcg", "asked for"))


def test_an_image_that_does_not_boot_is_reported(store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object) -> Guest:
        raise VoidRun("it hung")

    monkeypatch.setattr(vm_check, "run_vm", fail)
    report = check_image(put_image(store), tmp_path / "cache.json", quiet)
    assert not report.passed
    assert report.to_text().startswith("vm:9.9.7-abababababab  sha256 ")
    assert "it hung" in report.to_text()


def test_what_the_guest_finds_is_reported_with_the_accelerator(
    store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def boot(machine: object, argv: list[str], recording: Path, on_message: object) -> Guest:
        assert argv == ["netemu.kernels.check_guest"]
        on_message({"check": "rtt_ns", "measured": 40, "ok": True})  # type: ignore[operator]
        guest = Guest(None)  # type: ignore[arg-type]
        guest.release, guest.exit_code = "9.9.0-4-amd64", 0
        return guest

    monkeypatch.setattr(vm_check, "run_vm", boot)
    report = check_image(put_image(store), tmp_path / "cache.json", quiet)
    assert report.passed
    found = {one["check"]: one["measured"] for one in report.findings["real"]}
    assert (found["rtt_ns"], found["accel"], found["release"]) == (40, "tcg: asked for", "9.9.0-4-amd64")
