"""Tracing instances of ours are found and removed; those in use and those of others stay."""

from __future__ import annotations

import os
import threading
from pathlib import Path

import pytest

from netemu.errors import MissingCapability
from netemu.lab import tracefs
from netemu.lab.tracefs import PREFIX, is_open, remove_instance, unused_instances, with_tracefs

NAME = f"{PREFIX}test-{os.getpid()}"


def test_a_name_that_is_not_ours_is_refused() -> None:
    with pytest.raises(ValueError, match="not an instance of netemu's"):
        remove_instance("somebody-else")


def test_an_instance_is_open_while_a_process_has_a_file_of_it(tmp_path: Path) -> None:
    descriptors = tmp_path / "123/fd"
    descriptors.mkdir(parents=True)
    assert not is_open("netemu-a", tmp_path)
    (descriptors / "7").symlink_to("/sys/kernel/tracing/instances/netemu-a/trace_pipe")
    assert is_open("netemu-a", tmp_path)
    assert not is_open("netemu-", tmp_path)


def test_failure_inside_the_thread_comes_out(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(tracefs, "MOUNT_POINT", tmp_path)

    def refuse(function: str, *_: object) -> None:
        raise MissingCapability(f"{function}: refused")

    monkeypatch.setattr(tracefs, "_call", refuse)
    with pytest.raises(MissingCapability, match="unshare: refused"):
        with_tracefs(lambda root: root)


@pytest.mark.lab
def test_an_unused_instance_is_found_and_removed(monkeypatch: pytest.MonkeyPatch) -> None:
    with_tracefs(lambda root: (root / "instances" / NAME).mkdir())
    try:
        assert NAME not in unused_instances(), "too young to be sure"
        monkeypatch.setattr(tracefs, "SETTLING_S", 0)
        assert NAME in unused_instances()
    finally:
        assert remove_instance(NAME)
    assert NAME not in unused_instances()
    assert not remove_instance(NAME)


@pytest.mark.lab
def test_an_instance_in_use_is_not_offered_and_cannot_be_removed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tracefs, "SETTLING_S", 0)

    def use(root: Path) -> tuple[list[str], bool]:
        instance = root / "instances" / f"{NAME}-used"
        instance.mkdir()
        results: list[tuple[list[str], bool]] = []
        try:
            with (instance / "trace_pipe").open("rb"):
                other = threading.Thread(
                    target=lambda: results.append((unused_instances(), remove_instance(instance.name)))
                )
                other.start()
                other.join()
        finally:
            instance.rmdir()
        return results[0]

    offered, removed = with_tracefs(use)
    assert f"{NAME}-used" not in offered
    assert not removed


@pytest.mark.lab
def test_looking_leaves_no_mount_behind() -> None:
    before = Path("/proc/self/mounts").read_text()
    unused_instances()
    assert Path("/proc/self/mounts").read_text() == before
