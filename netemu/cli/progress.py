"""Progress of a run: one line that is rewritten on a terminal, plain lines elsewhere; always on standard error."""

from __future__ import annotations

import sys
import time
from typing import TextIO


class ProgressDisplay:
    """Shows one short text after the other with the time since it was made; ``quiet`` shows nothing."""

    def __init__(self, label: str, *, quiet: bool = False, stream: TextIO | None = None) -> None:
        self._label = label
        self._quiet = quiet
        self._stream = sys.stderr if stream is None else stream
        self._rewrite = self._stream.isatty()
        self._begun = time.monotonic()

    def __call__(self, text: str) -> None:
        """Show ``text`` as what is going on now."""
        if self._quiet:
            return
        line = f"[{time.monotonic() - self._begun:5.1f} s] {self._label}: {text}"
        self._stream.write(f"\r\x1b[K{line}" if self._rewrite else f"{line}\n")
        self._stream.flush()

    def done(self) -> None:
        """Clear the line on a terminal."""
        if self._rewrite and not self._quiet:
            self._stream.write("\r\x1b[K")
            self._stream.flush()
