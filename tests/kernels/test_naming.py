"""Names of kernels: what is one, how versions sort, what a file is named by."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest

from netemu.errors import BadInput
from netemu.kernels.naming import check_name, series, sha256_of, version_key


def test_versions_sort_by_number() -> None:
    names = ["6.12", "5.10", "6.1.9", "6.1.10", "7.0-rc2", "7.0"]
    assert sorted(names, key=version_key) == ["5.10", "6.1.9", "6.1.10", "6.12", "7.0-rc2", "7.0"]


@pytest.mark.parametrize("name", ["7.2", "7.2.13", "7.0-rc3", "7.0.0-rc3-3f0c94a1b2d4", "7.2.13-3f0c94a1b2d4"])
def test_versions_and_full_names_are_names(name: str) -> None:
    check_name(name)
    assert series(name) in ("7.2", "7.0")


@pytest.mark.parametrize("name", ["", "7", "latest", "7.2.13-xyz", "../7.2", "7.2/..", "7.2\n"])
def test_anything_else_is_none(name: str) -> None:
    with pytest.raises(BadInput, match=r"no kernel version; write 6\.12"):
        check_name(name)


def test_a_file_is_named_by_its_content(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"content")
    assert sha256_of(tmp_path / "file") == hashlib.sha256(b"content").hexdigest()
