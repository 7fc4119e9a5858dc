"""What the disk refuses is an error that names the file."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from netemu.agents import files
from netemu.errors import VoidRun


def test_what_is_written_can_be_read(tmp_path: Path) -> None:
    path = str(tmp_path / "a")
    fd = files.create(path)
    files.write(fd, b"ab", path)
    files.write(fd, memoryview(b"cd"), path)
    os.close(fd)
    assert files.read(path) == "abcd"
    files.discard(path)
    files.discard(path)
    assert not Path(path).exists()


def test_a_full_disk_and_a_missing_directory_are_named(tmp_path: Path) -> None:
    fd = os.open("/dev/full", os.O_WRONLY)
    with pytest.raises(VoidRun, match="cannot write /dev/full: No space left"):
        files.write(fd, b"x", "/dev/full")
    os.close(fd)
    with pytest.raises(VoidRun, match="No such file"):
        files.create(str(tmp_path / "none" / "a"))
