"""``netemu kernels check``: what it proves of a kernel, and how it says that something failed."""

from __future__ import annotations

import json
from dataclasses import replace

import msgspec

from netemu.kernels.check import Report, check
from netemu.kernels.store import Entry, sha256_of


def quiet(_: str) -> None:
    """Progress that nobody watches."""


def test_a_kernel_proves_what_it_can(built: Entry) -> None:
    report = check(built, quiet)
    assert report.passed, report.to_text()
    for mode in ("real", "virtual"):
        found = {one["check"]: one["measured"] for one in report.findings[mode]}
        assert found["writable"] == []
        assert {"cubic", "reno", "bbr"} <= set(found["congestion"])
        assert "tcp/tcp_probe" in found["tracepoints"]
        assert found["release"] == built.manifest.version
    virtual = {one["check"]: one["measured"] for one in report.findings["virtual"]}
    assert abs(virtual["rtt_ns"] - 40_000_000) <= 10_000
    assert virtual["slept_ns"] >= 100 * 10**9
    assert json.loads(report.to_json())["passed"] is True


def test_a_kernel_that_does_not_boot_fails_with_its_reason(built: Entry, tmp_path: object) -> None:
    false = replace(built, directory=built.directory)
    broken = tmp_path / "broken"  # type: ignore[operator]
    broken.mkdir()
    (broken / "linux").write_text("#!/bin/false\n")
    (broken / "linux").chmod(0o755)
    (broken / "config").write_text("")
    manifest = msgspec.structs.replace(built.manifest, binary_sha256=sha256_of(broken / "linux"))
    report = check(replace(false, directory=broken, manifest=manifest), quiet)
    assert not report.passed
    assert "before its work was done" in report.errors["real"]


def test_a_failed_finding_fails_the_report() -> None:
    report = Report("7.2.13-x", "ff", {"real": [{"check": "rtt_ns", "measured": 1, "ok": False}]})
    assert not report.passed
    assert report.to_text().splitlines()[1].split() == ["FAILED", "real", "rtt_ns", "1"]
