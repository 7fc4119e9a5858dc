"""How a part of a run hears from outside: one JSON object a line, on a terminal that is a socket at its other end."""

from __future__ import annotations

import json
import os
import sys
import tty
from pathlib import Path
from types import TracebackType
from typing import Any

from netemu.errors import VoidRun

CONTROL_TERMINAL = Path("/dev/tty1")
"""The second console of a User-Mode Linux guest (``con1=`` on its command line)."""


def say(message: dict[str, Any]) -> None:
    """One line for whoever watches the console, as a whole: other processes print too."""
    os.write(sys.stdout.fileno(), json.dumps(message, separators=(",", ":")).encode() + b"\n")


class Control:
    """The commands: each ``{"do": word, ...}``."""

    def __init__(self, path: Path = CONTROL_TERMINAL) -> None:
        self._file = os.open(path, os.O_RDONLY | os.O_NOCTTY | os.O_CLOEXEC)
        if os.isatty(self._file):
            tty.setraw(self._file)
        self._pending = b""

    def read(self) -> dict[str, Any]:
        """Wait for the next command; :class:`VoidRun` when nobody will send one any more."""
        while b"\n" not in self._pending:
            chunk = os.read(self._file, 4096)
            if not chunk:
                raise VoidRun("the run was ended from outside")
            self._pending += chunk
        line, _, self._pending = self._pending.partition(b"\n")
        command: dict[str, Any] = json.loads(line)
        return command

    def expect(self, word: str) -> dict[str, Any]:
        """Wait for the command ``word``; ValueError if another one comes."""
        command = self.read()
        if command["do"] != word:
            raise ValueError(f"the command is {command!r}, and {word!r} was its turn")
        return command

    def close(self) -> None:
        """Hear nothing more."""
        os.close(self._file)

    def __enter__(self) -> Control:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()
