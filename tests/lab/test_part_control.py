"""Commands from outside, on a terminal or anything else that can be read."""

from __future__ import annotations

import json
import os
import pty
import threading
from pathlib import Path

import pytest

from netemu.errors import VoidRun
from netemu.lab.part_control import Control, say


@pytest.fixture
def fifo(tmp_path: Path) -> Path:
    path = tmp_path / "control"
    os.mkfifo(path)
    return path


def feed(path: Path, *pieces: bytes) -> threading.Thread:
    def write() -> None:
        with path.open("wb", buffering=0) as file:
            for piece in pieces:
                file.write(piece)

    thread = threading.Thread(target=write)
    thread.start()
    return thread


def test_commands_come_line_by_line_however_they_are_cut(fifo: Path) -> None:
    thread = feed(fifo, b'{"do": "clo', b'ck"}\n{"do": "go", "t0_ns": 5}\n')
    with Control(fifo) as control:
        assert control.read() == {"do": "clock"}
        assert control.expect("go")["t0_ns"] == 5
        thread.join()
        with pytest.raises(VoidRun, match="ended from outside"):
            control.read()


def test_a_command_out_of_turn_is_a_mistake(fifo: Path) -> None:
    thread = feed(fifo, b'{"do": "finish"}\n')
    with Control(fifo) as control, pytest.raises(ValueError, match="'go' was its turn"):
        control.expect("go")
    thread.join()


def test_a_terminal_neither_echoes_nor_edits() -> None:
    ours, theirs = pty.openpty()
    with Control(Path(os.ttyname(theirs))) as control:
        os.write(ours, b'{"do": "x\x7fy"}\n'.replace(b"\x7f", b"\\u007f"))
        assert control.read() == {"do": "x\x7fy"}
        os.set_blocking(ours, False)
        with pytest.raises(BlockingIOError):
            os.read(ours, 100)
    os.close(ours)
    os.close(theirs)


def test_what_is_said_is_one_line(capfd: pytest.CaptureFixture[str]) -> None:
    say({"part": "built", "clock": [1, 2, 3]})
    out = capfd.readouterr().out
    assert json.loads(out) == {"part": "built", "clock": [1, 2, 3]}
    assert out.count("\n") == 1
