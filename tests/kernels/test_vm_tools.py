"""What virtual machines need: all of it named at once, with the one command that adds it."""

from __future__ import annotations

from pathlib import Path

import pytest

from netemu.errors import MissingCapability
from netemu.kernels import vm_tools
from netemu.kernels.vm_tools import PROGRAMS, REMEDY, find_program, findings, missing_programs, require_programs

ROOT = Path(__file__).resolve().parents[2]


def test_all_that_is_missing_is_named_with_one_command(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(vm_tools, "find_program", lambda name: None)
    with pytest.raises(MissingCapability) as error:
        require_programs()
    for name in ("qemu-system-x86_64 (qemu-system-x86)", "busybox (busybox-static)", "virtme-run (virtme-ng)"):
        assert name in str(error.value)
    assert str(error.value).endswith(f": {REMEDY}")
    (finding,) = findings()
    assert (finding.status, finding.required, finding.remedy) == ("missing", False, REMEDY)


def test_what_is_there_is_not_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(vm_tools, "find_program", lambda name: f"/usr/bin/{name}")
    assert missing_programs() == {}
    require_programs()
    assert [finding.status for finding in findings()] == ["ok"]


def test_the_command_installs_every_package() -> None:
    lists = [(ROOT / "tools" / name).read_text() for name in ("debian-packages", "debian-packages-vm")]
    offered = {line.split()[0] for text in lists for line in text.splitlines() if line and not line.startswith("#")}
    assert set(PROGRAMS.values()) <= offered
    assert "virtme-ng >=1.42, <1.43" in (ROOT / "setup.cfg").read_text()
    assert "--vm) vm=yes" in (ROOT / "tools/setup").read_text()


def test_the_version_of_a_program_is_the_number_it_gives(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    program = tmp_path / "program"
    program.write_text("#!/bin/sh\necho emulator version 7.2.22 of Debian 12.1\n")
    program.chmod(0o755)
    monkeypatch.setattr(vm_tools, "find_program", lambda name: str(program))
    assert vm_tools._version("program") == "7.2.22"
    monkeypatch.setattr(vm_tools, "find_program", lambda name: None)
    assert vm_tools._version("program") == "unknown"


def test_programs_are_found_beside_the_interpreter_and_on_the_path(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert find_program("sh") is not None
    monkeypatch.setattr(vm_tools.sys, "executable", str(tmp_path / "python"))
    assert find_program("virtme-nothing") is None
    (tmp_path / "virtme-nothing").write_text("#!/bin/sh\n")
    (tmp_path / "virtme-nothing").chmod(0o755)
    assert find_program("virtme-nothing") == str(tmp_path / "virtme-nothing")
