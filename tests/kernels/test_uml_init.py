"""Process 1 of a guest, its parts that need no guest: the work's exit code, its environment, the heartbeat."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

DRIVER = """
import json, sys
from netemu.kernels import uml_init
work = json.loads(sys.argv[1])
sys.exit(uml_init.attend(uml_init.start(work), work["heartbeat_s"]))
"""


def run_work(directory: Path, body: str, heartbeat_s: float = 10.0) -> subprocess.CompletedProcess[str]:
    (directory / "work_module.py").write_text(body)
    work = {
        "argv": ["work_module", "argument"],
        "path": [str(directory)],
        "environment": {"ONLY": "this"},
        "heartbeat_s": heartbeat_s,
    }
    return subprocess.run(
        [sys.executable, "-c", DRIVER, json.dumps(work)], capture_output=True, text=True, check=False, timeout=30
    )


@pytest.mark.parametrize(
    ("body", "code"),
    [
        ("", 0),
        ("import sys; sys.exit(3)", 3),
        ("import sys; sys.exit('a reason')", 1),
        ("1 / 0", 1),
        ("import os, signal; os.kill(os.getpid(), signal.SIGKILL)", 137),
    ],
)
def test_the_exit_code_of_the_work_is_the_guests(tmp_path: Path, body: str, code: int) -> None:
    assert run_work(tmp_path, body).returncode == code


def test_the_work_has_its_arguments_and_no_environment_but_its_own(tmp_path: Path) -> None:
    done = run_work(tmp_path, "import json, os, sys; print(json.dumps([sys.argv[1:], dict(os.environ)]))")
    assert json.loads(done.stdout) == [["argument"], {"ONLY": "this"}]


def test_an_error_of_the_work_is_printed_for_the_console(tmp_path: Path) -> None:
    assert "ZeroDivisionError" in run_work(tmp_path, "1 / 0").stderr


def test_the_heart_beats_while_the_work_goes_on(tmp_path: Path) -> None:
    done = run_work(tmp_path, "import time; time.sleep(0.5)", heartbeat_s=0.05)
    beats = [json.loads(line)["beat"] for line in done.stdout.splitlines()]
    assert len(beats) >= 3
    assert beats == sorted(beats)
