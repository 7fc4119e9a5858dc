"""Ctrl-C where Polars has been loaded."""

from __future__ import annotations

import signal
import subprocess
import sys
import time

_WAITS = """
import subprocess, polars
from netemu.trace.interrupts import end_waits_at_interrupt
end_waits_at_interrupt()
with subprocess.Popen(["sleep", "60"], process_group=0) as other:
    print("waiting", flush=True)
    try:
        other.wait()
    except KeyboardInterrupt:
        other.kill()
        print("interrupted", flush=True)
"""


def test_a_wait_for_a_process_ends_at_once() -> None:
    with subprocess.Popen([sys.executable, "-c", _WAITS], stdout=subprocess.PIPE, text=True) as waiting:
        assert waiting.stdout is not None
        assert waiting.stdout.readline() == "waiting\n"
        time.sleep(0.2)
        waiting.send_signal(signal.SIGINT)
        sent = time.monotonic()
        assert waiting.stdout.readline() == "interrupted\n"
    assert time.monotonic() - sent < 30
