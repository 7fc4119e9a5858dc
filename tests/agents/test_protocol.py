"""The words between the lab and its processes."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from netemu.agents.protocol import parse_go
from netemu.errors import BadInput
from tests.agents.harness import ROOT

READER = """
import json
from netemu.agents.protocol import Commands, say_ready, say_summary
say_ready()
commands = Commands()
heard = []
while not commands.closed:
    heard += commands.read()
say_summary({"heard": heard})
"""


def test_lines_are_read_whole_however_they_arrive() -> None:
    process = subprocess.Popen(
        [sys.executable, "-c", READER],
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )
    assert process.stdin is not None
    assert process.stdout is not None
    assert process.stdout.readline() == b"ready\n"
    for piece in (b"go 1", b"2\nst", b"op\nhal"):
        process.stdin.write(piece)
        process.stdin.flush()
    output, _ = process.communicate(timeout=10)
    assert output == b'{"heard":["go 12","stop"]}\n'


def test_go_carries_t0() -> None:
    assert parse_go("go 123456789012345") == 123456789012345


@pytest.mark.parametrize("line", ["go", "go x", "go -1", "halt", "", "go 1 2"])
def test_any_other_line_is_an_error(line: str) -> None:
    with pytest.raises(BadInput, match="is not 'go <t0"):
        parse_go(line)
