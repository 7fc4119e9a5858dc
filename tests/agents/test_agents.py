"""The command line of the package: one argument, one line on error, a quick start."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from netemu.agents.__main__ import main
from netemu.agents.programs import SERVICES, TRAFFIC
from tests.agents.harness import ROOT

HEAVY = {"dataclasses", "inspect", "argparse", "asyncio", "pathlib", "subprocess", "threading", "logging", "urllib"}


def test_it_takes_one_argument(capsys: pytest.CaptureFixture[str]) -> None:
    assert main([]) == 2
    assert capsys.readouterr().err == "usage: python -S -s -m netemu.agents SPEC.json\n"


def test_an_error_is_one_line_and_its_exit_code(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "spec.json"
    path.write_text(json.dumps({"program": "nothing", "name": "a"}))
    assert main([str(path)]) == 2
    assert capsys.readouterr().err.startswith("netemu agent: error: agent 'a': key 'host' is None")


@pytest.mark.parametrize("program", [*TRAFFIC, *(name for name in SERVICES if name != "tracing")])
def test_no_program_imports_what_makes_it_slow_or_needs_a_venv(program: str) -> None:
    code = f"import sys; before = set(sys.modules); import netemu.agents.{program}, netemu.agents.session; " + (
        "print(' '.join(set(sys.modules) - before))"
    )
    command = [sys.executable, "-S", "-s", "-c", code]
    done = subprocess.run(
        command, capture_output=True, text=True, check=True, env={**os.environ, "PYTHONPATH": str(ROOT)}
    )
    loaded = {name.partition(".")[0] for name in done.stdout.split()}
    assert not loaded & HEAVY
    assert all(name in sys.stdlib_module_names or name == "netemu" for name in loaded)
