"""``netemu doctor``: findings as text and JSON, the verdict and the exit code."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from netemu.cli import doctor, main
from netemu.lab import capabilities
from netemu.lab.capabilities import Finding

GOOD = Finding("veth", "ok", "works", "links", None, True)
OPTIONAL = Finding("qdisc netem", "missing", "unknown kind", "kernel wires", "sudo modprobe sch_netem")
FATAL = Finding("mnexec", "missing", "not found", "hosts", "sudo apt-get install mininet", True)
UNSEEN = Finding("namespaces", "unknown", "needs root", "hosts", "sudo .venv/bin/netemu doctor", True)


def pretend(monkeypatch: pytest.MonkeyPatch, *findings: Finding) -> None:
    monkeypatch.setattr(doctor, "examine", lambda results: list(findings))


def test_exit_code_is_0_when_only_options_are_missing(monkeypatch, capsys) -> None:
    pretend(monkeypatch, GOOD, OPTIONAL)
    assert main.main(["doctor"]) == 0
    out = capsys.readouterr().out
    assert "-> sudo modprobe sch_netem" in out
    assert out.splitlines()[-1] == "Experiments can run here."


@pytest.mark.parametrize("obstacle", [FATAL, UNSEEN])
def test_exit_code_is_3_when_something_required_is_missing_or_unseen(obstacle, monkeypatch, capsys) -> None:
    pretend(monkeypatch, GOOD, obstacle)
    assert main.main(["doctor"]) == 3
    out = capsys.readouterr().out
    assert f"Experiments cannot run here: {obstacle.name}." in out
    assert f"-> {obstacle.remedy}" in out


def test_what_runs_without_root_is_named_where_nothing_else_does(monkeypatch, capsys) -> None:
    there = [Finding(name, "ok", "", "") for name in ("guest memory", "ptrace")]
    none = Finding("guest kernels", "missing", "none", "", "netemu kernels build 7.2")
    pretend(monkeypatch, FATAL, *there, none)
    assert main.main(["doctor"]) == 3
    *_, models, guests = capsys.readouterr().out.splitlines()
    assert models.endswith("--kernel model:linux-7")
    assert guests.endswith(": guest kernels.")
    pretend(monkeypatch, FATAL, none, Finding("Python package polars", "missing", "", "", "make setup", True))
    assert main.main(["doctor"]) == 3
    assert capsys.readouterr().out.splitlines()[-1].endswith("Analysis, figures and topologies work.")


def test_where_only_guests_can_run_it_says_so(monkeypatch, capsys) -> None:
    guests = [Finding(name, "ok", "", "") for name in ("guest kernels", "guest memory", "ptrace")]
    pretend(monkeypatch, FATAL, *guests)
    assert main.main(["doctor"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[-2] == "Experiments cannot run on this machine's kernel: mnexec."
    assert lines[-1].startswith("They can run in guests, without root: netemu run")
    pretend(monkeypatch, FATAL, *guests, Finding("Python package polars", "missing", "", "", "make setup", True))
    assert main.main(["doctor", "--json"]) == 3
    assert json.loads(capsys.readouterr().out)["guests"] is False


def test_json_holds_every_field_of_every_finding(monkeypatch, capsys) -> None:
    pretend(monkeypatch, GOOD, FATAL)
    assert main.main(["doctor", "--json"]) == 3
    answer = json.loads(capsys.readouterr().out)
    assert (answer["lab"], answer["guests"]) == (False, False)
    assert answer["findings"][1] == {
        "name": "mnexec",
        "status": "missing",
        "detail": "not found",
        "purpose": "hosts",
        "remedy": "sudo apt-get install mininet",
        "required": True,
    }


def test_every_line_says_what_it_is_for_and_every_missing_thing_has_a_command(tmp_path: Path) -> None:
    findings = doctor.examine(tmp_path)
    assert all(finding.purpose and finding.detail for finding in findings)
    required = [finding for finding in doctor.obstacles(findings) if finding.remedy is None]
    assert required == []


AS_A_USER = """
import os, sys
from pathlib import Path
from netemu.cli import doctor, main
from netemu.lab import capabilities
doctor.examine(Path("/"))
if os.geteuid() == 0:
    os.setgroups([]); os.setgid(65534); os.setuid(65534)
sys.executable, capabilities.THROWAWAY = "/usr/bin/python3", Path(sys.argv[1])
sys.exit(main.main(["doctor", "--json", "--out", "/"]))
"""


def test_without_root_it_still_answers_and_says_what_it_could_not_see() -> None:
    """As nobody, who may not be able to read this checkout: all is imported before, the probe is a readable copy."""
    with tempfile.TemporaryDirectory(prefix="netemu-test-doctor-") as place:
        Path(place).chmod(0o755)
        copy = shutil.copy(capabilities.THROWAWAY, place)
        argv = [sys.executable, "-B", "-c", AS_A_USER, copy]
        bare = {**os.environ, "NETEMU_CACHE": place}  # whoever has a guest's kernel can run experiments without root
        done = subprocess.run(argv, capture_output=True, text=True, check=False, env=bare)
    assert done.returncode == 3, done.stderr
    findings = {finding["name"]: finding for finding in json.loads(done.stdout)["findings"]}
    assert findings["root"]["status"] == "missing"
    assert findings["root"]["remedy"].startswith("sudo ")


@pytest.mark.lab
def test_this_machine_can_run_experiments(capsys) -> None:
    assert main.main(["doctor"]) == 0
    assert "Experiments can run here." in capsys.readouterr().out
