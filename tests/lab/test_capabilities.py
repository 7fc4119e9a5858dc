"""What the kernel allows: looked at in throw-away namespaces, judged without any machine."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import msgspec
import pytest

from netemu.errors import MissingCapability
from netemu.lab import capabilities
from netemu.lab.capabilities import Finding, KernelFacts, Rights, kernel_findings, probe_kernel, rights_findings

QDISCS = {"netem": None, "tbf": None, "htb": None, "ingress": None, "fq": None, "fq_codel": None}
ABLE = KernelFacts(
    as_user=False,
    namespaces=None,
    sock_diag=None,
    qdiscs=dict(QDISCS),
    tracepoints=capabilities.WANTED_TRACEPOINTS,
)
ROOT = Rights(0, (1 << 41) - 1, ("reno", "cubic"), "6.1.0-1-amd64", "x86_64", frozenset({"sch_netem"}))


def named(findings: list[Finding], name: str) -> Finding:
    return next(finding for finding in findings if finding.name == name)


def test_a_kernel_with_everything_has_only_ok() -> None:
    findings = kernel_findings(ABLE, ROOT) + rights_findings(ROOT)
    assert {finding.status for finding in findings} == {"ok"}
    assert all(finding.remedy is None for finding in findings)
    assert ABLE.has_qdisc("netem")


def test_a_missing_qdisc_that_is_a_module_is_loaded() -> None:
    facts = msgspec.structs.replace(ABLE, qdiscs=QDISCS | {"netem": "Specified qdisc kind is unknown."})
    finding = named(kernel_findings(facts, ROOT), "qdisc netem")
    assert (finding.status, finding.remedy, finding.required) == ("missing", "sudo modprobe sch_netem", False)
    assert not facts.has_qdisc("netem")


@pytest.mark.parametrize(("machine", "package"), [("x86_64", "amd64"), ("aarch64", "arm64")])
def test_a_missing_qdisc_without_a_module_needs_another_kernel(machine: str, package: str) -> None:
    facts = msgspec.structs.replace(ABLE, qdiscs=QDISCS | {"fq": "Specified qdisc kind is unknown."})
    rights = msgspec.structs.replace(ROOT, machine=machine)
    remedy = named(kernel_findings(facts, rights), "qdisc fq").remedy
    assert remedy is not None and f"apt-get install linux-image-{package}" in remedy


def test_a_qdisc_that_was_not_looked_at_is_not_taken_for_present() -> None:
    facts = msgspec.structs.replace(ABLE, qdiscs={})
    assert named(kernel_findings(facts, ROOT), "qdisc tbf").status == "missing"
    assert not facts.has_qdisc("tbf")


def test_each_missing_required_thing_is_required_in_its_finding() -> None:
    facts = msgspec.structs.replace(ABLE, veth="no", packet_socket="no", sock_diag="no", process_namespace="no")
    findings = kernel_findings(facts, ROOT)
    missing = {finding.name for finding in findings if finding.required and finding.status == "missing"}
    assert missing == {"veth", "AF_PACKET", "sock_diag", "process namespace"}


def test_refused_namespaces_are_missing_for_root_and_unknown_for_a_user() -> None:
    refused = KernelFacts(as_user=False, namespaces="Operation not permitted", sock_diag=None)
    assert named(kernel_findings(refused, ROOT), "namespaces").status == "missing"
    as_user = msgspec.structs.replace(refused, as_user=True)
    finding = named(kernel_findings(as_user, ROOT), "namespaces")
    assert finding.status == "unknown"
    assert "without root" in finding.detail
    assert not refused.has_qdisc("netem")


def test_tracefs_is_unknown_to_a_user_and_missing_tracepoints_are_named() -> None:
    hidden = msgspec.structs.replace(ABLE, as_user=True, tracefs="Operation not permitted", tracepoints=())
    assert named(kernel_findings(hidden, ROOT), "tracepoints").status == "unknown"
    poor = msgspec.structs.replace(ABLE, tracepoints=("tcp:tcp_probe",))
    finding = named(kernel_findings(poor, ROOT), "tracepoints")
    assert finding.status == "missing"
    assert "tcp:tcp_retransmit_skb" in finding.detail


def test_lacking_capabilities_are_named() -> None:
    rights = msgspec.structs.replace(ROOT, user_id=1000, capability_mask=1 << 13)
    finding = named(rights_findings(rights), "root")
    assert (finding.status, finding.required) == ("missing", True)
    assert finding.detail == "user 1000 lacks CAP_NET_ADMIN, CAP_SYS_ADMIN"


def test_cubic_is_missed() -> None:
    rights = msgspec.structs.replace(ROOT, congestion_controls=("reno",), modules=frozenset({"tcp_cubic"}))
    assert named(rights_findings(rights), "congestion controls").remedy == "sudo modprobe tcp_cubic"


def test_rights_are_read_from_proc_and_modules_from_their_list(tmp_path: Path) -> None:
    proc, modules = tmp_path / "proc", tmp_path / "modules"
    (proc / "self").mkdir(parents=True)
    (proc / "sys/net/ipv4").mkdir(parents=True)
    (proc / "sys/kernel").mkdir(parents=True)
    (modules / "5.10.0").mkdir(parents=True)
    (proc / "self/status").write_text("Name:\tx\nCapEff:\t0000000000201000\n")
    (proc / "sys/net/ipv4/tcp_available_congestion_control").write_text("reno cubic\n")
    (proc / "sys/kernel/osrelease").write_text("5.10.0\n")
    (modules / "5.10.0/modules.dep").write_text("kernel/net/sched/sch_netem.ko.xz:\nkernel/a-b.ko: kernel/c.ko\n")
    rights = capabilities.probe_rights(proc, modules)
    assert rights.missing_capabilities == ("CAP_NET_RAW",)
    assert rights.kernel_release == "5.10.0"
    assert rights.modules == {"sch_netem", "a_b"}


def test_this_kernel_can_be_probed_as_whoever_runs_the_tests() -> None:
    facts = probe_kernel()
    assert facts.as_user == (os.geteuid() != 0)
    assert facts.sock_diag is None


def test_a_probe_that_breaks_is_our_error(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    broken = tmp_path / "throwaway.py"
    broken.write_text("raise SystemExit('no luck')\n")
    monkeypatch.setattr(capabilities, "THROWAWAY", broken)
    with pytest.raises(MissingCapability, match="ended with 1: no luck"):
        probe_kernel()


@pytest.mark.lab
def test_root_sees_what_a_lab_stands_on_and_leaves_nothing() -> None:
    before = {path.name for path in Path("/sys/class/net").iterdir()}
    facts = probe_kernel()
    assert (facts.namespaces, facts.process_namespace) == (None, None)
    assert (facts.veth, facts.bridge, facts.packet_socket) == (None, None, None)
    assert set(facts.qdiscs) == set(QDISCS)
    assert "tcp:tcp_probe" in facts.tracepoints
    assert {path.name for path in Path("/sys/class/net").iterdir()} == before


@pytest.mark.lab
def test_netem_is_found_exactly_where_tc_can_set_it() -> None:
    """Ask the kernel in another way: tc in a namespace of its own."""
    argv = ["unshare", "--net", "tc", "qdisc", "add", "dev", "lo", "root", "netem", "delay", "1ms"]
    works = subprocess.run(argv, capture_output=True, check=False).returncode == 0
    assert probe_kernel().has_qdisc("netem") == works
