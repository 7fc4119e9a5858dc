"""Compiling ahead of the first capture."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from netemu.errors import MissingCapability
from netemu.trace import warm
from netemu.trace.compiled import cache_directory, is_compiled
from tests.trace.build import Talk, write_pcap


def test_the_machine_code_is_there_afterwards(capsys: pytest.CaptureFixture[str]) -> None:
    assert warm.main([]) == 0
    assert str(cache_directory()) in capsys.readouterr().out
    assert (cache_directory() / "netemu.trace.track.run.o").exists() and is_compiled()


def test_a_process_that_fails_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(warm, "is_compiled", lambda: False)
    monkeypatch.setattr(sys, "executable", "/bin/false")
    with pytest.raises(MissingCapability, match=r"could not be compiled \(exit codes \[1, 1\]\)"):
        warm.warm_apart()


def children(process: int) -> list[int]:
    return [int(word) for word in Path(f"/proc/{process}/task/{process}/children").read_text().split()]


@pytest.mark.parametrize(("number", "code", "says"), [(signal.SIGINT, 130, "interrupted"), (signal.SIGTERM, 143, "")])
def test_compiling_ends_at_once_with_the_command(number: int, code: int, says: str, tmp_path: Path) -> None:
    talk = Talk()
    talk.handshake()
    words = [sys.executable, "-m", "netemu", "analyze", str(write_pcap(tmp_path / "a.pcap", talk.records))]
    scratch = tmp_path / "scratch"
    scratch.mkdir()
    environment = os.environ | {"NETEMU_COMPILED": str(tmp_path), "TMPDIR": str(scratch)}
    with subprocess.Popen(words, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as command:
        assert command.stderr is not None
        assert "compiling" in command.stderr.readline()
        deadline = time.monotonic() + 30
        while len(compilers := children(command.pid)) < 2 and time.monotonic() < deadline:
            time.sleep(0.01)
        time.sleep(1.5)  # Numba is at work by now
        command.send_signal(number)
        sent = time.monotonic()
        _, told = command.communicate(timeout=30)
    assert time.monotonic() - sent < 10
    assert command.returncode == code
    assert says in told and len(told.splitlines()) <= 1
    assert len(compilers) == 2 and not any(Path(f"/proc/{process}").exists() for process in compilers)
    assert list(scratch.iterdir()) == []
