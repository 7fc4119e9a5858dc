"""Tracing instances that outlived their run are found; those in use are not."""

from __future__ import annotations

import os
import threading
from pathlib import Path

import pytest

from netemu.errors import MissingCapability
from netemu.lab import registry, tracefs
from netemu.lab.registry import INSTANCE_PREFIX
from netemu.lab.tracefs import is_open, orphaned_instances, with_tracefs

NAME = f"{INSTANCE_PREFIX}test-{os.getpid()}"


def test_an_instance_is_open_while_a_process_has_a_file_of_it(tmp_path: Path) -> None:
    descriptors = tmp_path / "123/fd"
    descriptors.mkdir(parents=True)
    assert not is_open("netemu-a", tmp_path)
    (descriptors / "7").symlink_to("/sys/kernel/tracing/instances/netemu-a/trace_pipe")
    assert is_open("netemu-a", tmp_path)
    assert not is_open("netemu-", tmp_path)


def test_failure_inside_the_thread_comes_out(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(tracefs, "TRACING", tmp_path)

    def refuse(function: str, *_: object) -> None:
        raise MissingCapability(f"{function}: refused")

    monkeypatch.setattr(tracefs, "_call", refuse)
    with pytest.raises(MissingCapability, match="unshare: refused"):
        with_tracefs(lambda root: root)


@pytest.mark.lab
def test_an_instance_without_a_registry_is_found_and_one_with_a_registry_is_not(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(registry, "RUNTIME_DIRECTORY", tmp_path)
    with_tracefs(lambda root: (root / "instances" / NAME).mkdir())
    try:
        assert NAME not in orphaned_instances(), "too young to be sure"
        monkeypatch.setattr(tracefs, "SETTLING_S", 0)
        assert NAME in orphaned_instances()
        registry.registry_path(NAME.removeprefix(INSTANCE_PREFIX)).touch()
        assert NAME not in orphaned_instances()
    finally:
        with_tracefs(lambda root: (root / "instances" / NAME).rmdir())


@pytest.mark.lab
def test_an_instance_in_use_is_no_orphan(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tracefs, "SETTLING_S", 0)

    def use(root: Path) -> list[str]:
        instance = root / "instances" / f"{NAME}-used"
        instance.mkdir()
        found: list[str] = []
        try:
            with (instance / "trace_pipe").open("rb"):
                other = threading.Thread(target=lambda: found.extend(orphaned_instances()))
                other.start()
                other.join()
        finally:
            instance.rmdir()
        return found

    assert f"{NAME}-used" not in with_tracefs(use)


@pytest.mark.lab
def test_looking_leaves_no_mount_behind() -> None:
    before = Path("/proc/self/mounts").read_text()
    orphaned_instances()
    assert Path("/proc/self/mounts").read_text() == before
