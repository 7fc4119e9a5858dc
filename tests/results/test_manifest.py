"""The manifest: validity from the kernel's account, and what it says of tools and tree."""

from pathlib import Path

import pytest

from netemu.results.manifest import git_state, tool_versions, validity_of


@pytest.mark.parametrize(
    ("void", "degraded", "verdict", "reasons"),
    [
        ([], [], "valid", []),
        ([], ["busy"], "degraded", ["busy"]),
        (["drops"], ["busy"], "void", ["drops", "busy"]),
    ],
)
def test_the_worst_reason_decides(void: list[str], degraded: list[str], verdict: str, reasons: list[str]) -> None:
    assert validity_of({"void": void, "degraded": degraded}) == (verdict, reasons)


def test_versions_name_python_and_the_libraries_that_shape_a_result() -> None:
    versions = tool_versions()
    assert versions["polars"][0].isdigit()
    assert {"netemu", "python", "scapy", "numba", "mininet"} <= set(versions)


def test_a_directory_outside_a_checkout_has_no_commit(tmp_path: Path) -> None:
    assert git_state(tmp_path) is None
