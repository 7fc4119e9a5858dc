"""A tc that stays: one process per namespace that takes lines and answers, so that a change costs no start-up.

``tc -s -j -batch -`` works line by line, ends with an error at the first line that fails, and flushes its output after
each answer in JSON (``do_batch`` and ``jsonw_destroy``, iproute2 6.1): asking for something shows that all lines before
it were carried out.
"""

from __future__ import annotations

import contextlib
import json
import os
import select
import subprocess
import time
from collections.abc import Sequence
from typing import Any

from netemu.errors import VoidRun
from netemu.lab.namespace import Namespace

_TIMEOUT_S = 20.0


class TcSession:
    """The tc of one namespace."""

    def __init__(self, namespace: Namespace) -> None:
        self._label = namespace.label
        self._buffer = b""
        self._process = namespace.popen(
            ["tc", "-s", "-j", "-batch", "-"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            bufsize=0,
        )

    def run(self, lines: Sequence[str]) -> None:
        """Carry out ``lines``; :class:`VoidRun` with tc's words when one fails, though not before a later answer."""
        assert self._process.stdin is not None
        try:
            self._process.stdin.write("".join(f"{line}\n" for line in lines).encode())
        except BrokenPipeError:
            raise self._failure() from None

    def show(self, interface: str) -> list[dict[str, Any]]:
        """The qdiscs of ``interface`` with their statistics, after every line before this was carried out."""
        self.run([f"qdisc show dev {interface}"])
        assert self._process.stdout is not None
        end = time.monotonic() + _TIMEOUT_S
        while b"\n" not in self._buffer:
            if not select.select([self._process.stdout], (), (), max(0.0, end - time.monotonic()))[0]:
                raise VoidRun(f"{self._label}: tc gave no answer within {_TIMEOUT_S:g} s")
            chunk = os.read(self._process.stdout.fileno(), 1 << 16)
            if not chunk:
                raise self._failure()
            self._buffer += chunk
        line, _, self._buffer = self._buffer.partition(b"\n")
        shown: list[dict[str, Any]] = json.loads(line)
        return shown

    def _failure(self) -> VoidRun:
        assert self._process.stderr is not None
        words = self._process.stderr.read().decode(errors="replace").split()
        return VoidRun(f"{self._label}: tc: {' '.join(words) or 'it ended without a word'}")

    def close(self) -> None:
        """End it; calling it again does nothing."""
        self._process.kill()
        self._process.wait()
        for stream in (self._process.stdin, self._process.stdout, self._process.stderr):
            if stream is not None:
                with contextlib.suppress(BrokenPipeError):
                    stream.close()
