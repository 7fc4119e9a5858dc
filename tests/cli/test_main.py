"""The command's frame: subcommands loaded when named, errors as one line, exit codes as documented."""

import re
import subprocess
import sys

import pytest

from netemu.cli import main as frame
from netemu.errors import BadInput, FailedClaim, MissingCapability, NetemuError, VoidRun


def netemu(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, "-m", "netemu", *arguments], capture_output=True, text=True, check=False)


def test_help_lists_every_command_and_the_exit_codes() -> None:
    done = netemu("--help")
    assert done.returncode == 0
    for name in frame.COMMANDS:
        assert re.search(rf"^    {name}\s", done.stdout, re.MULTILINE)
    assert "exit codes:" in done.stdout


@pytest.mark.parametrize("command", list(frame.COMMANDS))
def test_every_command_has_a_help_of_its_own(command: str) -> None:
    done = netemu(command, "--help")
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith(f"usage: netemu {command}")


@pytest.mark.parametrize(
    ("error", "code"), [(BadInput, 2), (MissingCapability, 3), (VoidRun, 4), (FailedClaim, 1), (NetemuError, 1)]
)
def test_an_error_of_ours_is_one_line_and_its_exit_code(
    error: type[NetemuError], code: int, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def fail(args: object) -> int:
        raise error("what is wrong, where, and the remedy")

    monkeypatch.setattr("netemu.cli.run.run", fail)
    assert frame.main(["run", "x.py"]) == code
    assert capsys.readouterr().err == "netemu: error: what is wrong, where, and the remedy\n"


def test_an_unknown_command_is_bad_input() -> None:
    done = netemu("fly")
    assert done.returncode == 2
    assert "invalid choice: 'fly'" in done.stderr
