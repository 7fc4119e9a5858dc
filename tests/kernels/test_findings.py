"""What doctor says of guests: each thing that can be missing, with the command that adds it."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from netemu.kernels import findings as module
from netemu.kernels.build import build_named
from netemu.kernels.findings import (
    build_finding,
    can_be_traced,
    findings,
    guests_can_run,
    guests_lack,
    kernel_findings,
    landlock_finding,
    memory_finding,
    ptrace_finding,
)
from netemu.kernels.recipe import TOOLS
from netemu.kernels.store import Store
from netemu.lab.capabilities import Finding


def quiet(_: str) -> None:
    """Progress that nobody watches."""


def test_an_empty_store_names_the_command(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NETEMU_CACHE", str(tmp_path))
    monkeypatch.delenv("NETEMU_KERNELS", raising=False)
    found = findings()
    assert not guests_can_run(found)
    assert (found[0].status, (found[0].remedy or "")[:24]) == ("missing", "netemu kernels build 7.2")
    assert str(tmp_path) in found[0].detail


def test_kernels_are_named_and_older_recipes_have_their_command(linux: Path, data: Path, store: Store) -> None:
    entry = build_named(None, linux, store, quiet)
    (found,) = kernel_findings(store.entries(), "here")
    assert (found.status, found.detail) == ("ok", entry.name)
    (data / "uml.config").write_text("CONFIG_TUN=y\n")
    _, older = kernel_findings(store.entries(), "here")
    assert (older.name, older.remedy) == (entry.name, "netemu kernels build --source .../linux-9.9.1")


def test_a_store_that_cannot_be_read_is_unknown(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NETEMU_CACHE", "relative")
    assert findings()[0].status == "unknown"


def test_guests_need_room_for_their_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    assert memory_finding().status == "ok"
    monkeypatch.setattr(shutil, "disk_usage", lambda place: shutil._ntuple_diskusage(1, 1, 100))  # type: ignore[attr-defined]
    found = memory_finding()
    assert (found.status, found.remedy is not None) == ("missing", True)


def test_tracing_is_tried_and_its_refusal_has_a_remedy() -> None:
    assert can_be_traced()
    assert "ptrace_scope" in (ptrace_finding(False).remedy or "")


def test_a_kernel_without_landlock_is_told_of_and_does_not_stop_guests() -> None:
    assert landlock_finding(7).status == "ok"
    missing = landlock_finding(0)
    assert (missing.status, missing.required) == ("missing", False)
    assert "5.13" in (missing.remedy or "")


def test_what_a_build_lacks_is_one_command() -> None:
    found = build_finding({"gcc": TOOLS["gcc"], "ld": TOOLS["ld"], "flex": TOOLS["flex"]})
    assert found.detail == "without gcc, ld, flex"
    assert found.remedy == "sudo apt-get install --no-install-recommends binutils flex gcc"
    assert build_finding({}).status == "ok"


@pytest.mark.parametrize("lacking", [module.KERNELS, module.MEMORY, module.PTRACE])
def test_guests_run_where_all_of_it_is_there(lacking: str) -> None:
    there = [Finding(name, "ok", "", "") for name in (module.KERNELS, module.MEMORY, module.PTRACE)]
    assert guests_can_run(there)
    fewer = [one for one in there if one.name != lacking]
    assert not guests_can_run(fewer)
    assert guests_lack(fewer) == [lacking]
