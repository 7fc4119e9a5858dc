"""Programs, packages and resources of a machine, judged with machines that are made up."""

from __future__ import annotations

from pathlib import Path

import pytest

from netemu.lab import installed
from netemu.lab.installed import TOOLS, requirement_findings, requirements, resource_findings, tool_findings

REPOSITORY = Path(__file__).parents[2]
LATER_VERSION = {"user-mode-linux"}


def test_a_missing_program_names_its_package_and_whether_a_lab_needs_it() -> None:
    paths = dict.fromkeys(TOOLS, "/usr/bin/x") | {"tc": None, "tshark": None}
    missing = {finding.name: finding for finding in tool_findings(paths) if finding.status == "missing"}
    assert missing["tc"].remedy == "sudo apt-get install --no-install-recommends iproute2"
    assert missing["tc"].required
    assert not missing["tshark"].required
    assert missing.keys() == {"tc", "tshark"}


def test_make_setup_installs_every_package_that_doctor_asks_for() -> None:
    lines = (REPOSITORY / "tools/debian-packages").read_text().splitlines()
    listed = {line.split()[0] for line in lines if line and not line.startswith("#")}
    assert {package for package, _, _ in TOOLS.values()} - LATER_VERSION <= listed


def test_root_programs_are_found_without_root_path(monkeypatch) -> None:
    monkeypatch.setenv("PATH", "/usr/bin:/bin")
    assert installed.find_tool("modprobe") in ("/usr/sbin/modprobe", "/sbin/modprobe")
    assert installed.find_tool("netemu-no-such-program") is None


def test_requirements_are_those_of_setup_cfg_without_the_development_tools() -> None:
    bounds = requirements()
    assert {"scapy", "networkx", "polars", "numpy", "numba", "matplotlib"} <= bounds.keys()
    assert not {"pytest", "ruff", "mypy"} & bounds.keys()
    assert all("<" in bound and ">=" in bound for bound in bounds.values())


def test_a_package_that_is_too_new_too_old_or_absent_is_missing() -> None:
    versions = dict.fromkeys(requirements(), "0.0.1") | {"numpy": "99.0", "scapy": None}
    findings = {finding.name: finding for finding in requirement_findings(versions)}
    assert {finding.status for finding in findings.values()} == {"missing"}
    assert findings["Python package scapy"].detail == "not installed"
    assert findings["Python package numpy"].detail == "99.0"
    assert findings["Python package numpy"].remedy == "make setup"


def test_this_environment_fits() -> None:
    """All but Mininet, which only Debian's own interpreter sees."""
    findings = {finding.name: finding.status for finding in installed.python_findings()}
    assert findings.pop("mininet") in ("ok", "missing")
    assert set(findings.values()) == {"ok"}


def test_a_netemu_that_is_not_installed_is_a_finding_and_no_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(installed, "_version", lambda name: None)
    last = installed.python_findings()[-1]
    assert (last.name, last.status, last.remedy, last.required) == ("Python packages", "missing", "make setup", True)


@pytest.mark.lab
def test_mininet_is_there_for_a_lab() -> None:
    assert {finding.name: finding.status for finding in installed.python_findings()}["mininet"] == "ok"


def test_disk_space_is_looked_at_where_results_will_lie(tmp_path: Path, monkeypatch) -> None:
    findings = {finding.name: finding for finding in resource_findings(tmp_path / "not/yet/there")}
    assert findings["disk space"].status == "ok"
    assert str(tmp_path) in findings["disk space"].detail
    monkeypatch.setattr(installed, "MINIMUM_FREE_BYTES", 1 << 62)
    findings = {finding.name: finding for finding in resource_findings(tmp_path)}
    assert findings["disk space"].status == "missing"
    assert findings["disk space"].remedy is not None
