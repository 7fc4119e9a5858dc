"""``samples/trace.jsonl`` of models: what passes the stack's tracepoints, with the keys of the lab's tracer."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

from netemu.agents.tracing import EVENTS

if TYPE_CHECKING:
    from netemu.sim.engine import Engine
    from netemu.stack.events import Trace

_NAMES = frozenset(event.partition("/")[2] for event in EVENTS)
_FLUSH_LINES = 4096
_STEP_NS = 1000  # the kernel prints microseconds, rounded (ns2usecs)


class Tracer:
    """Keeps the events that the lab's tracer enables, since ``t0_ns``."""

    def __init__(self, engine: Engine, path: Path, t0_ns: int) -> None:
        self._engine, self._t0_ns = engine, t0_ns
        self._file = path.open("w", encoding="ascii")
        self._lines: list[str] = []
        self.events = 0

    def note(self, host: str, trace: Trace) -> None:
        """A tracepoint was passed on ``host``."""
        t_ns = self._engine.now_ns - self._t0_ns
        if t_ns < 0 or trace.event not in _NAMES:
            return
        event: dict[str, Any] = {
            "t_ns": (t_ns + _STEP_NS // 2) // _STEP_NS * _STEP_NS,
            "event": trace.event,
            "host": host,
            **trace.fields,
        }
        event.setdefault("attribution", "cookie")
        self._lines.append(json.dumps(event, separators=(",", ":")) + "\n")
        self.events += 1
        if len(self._lines) >= _FLUSH_LINES:
            self._flush()

    def finish(self) -> dict[str, Any]:
        """Write the rest; the tracer's summary."""
        self._flush()
        self._file.close()
        return {"program": "tracing", "enabled": list(EVENTS), "overrun": 0, "by_cookie": self.events, "void": []}

    def _flush(self) -> None:
        self._file.write("".join(self._lines))
        self._lines.clear()
