"""``samples/sockets.jsonl`` and ``samples/counters.jsonl`` of models, by the keys that the lab's sampler writes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from netemu.agents.counters import differences, to_lines
from netemu.agents.sock_rows import line, row_of
from netemu.sim.engine import RECORDER

if TYPE_CHECKING:
    from netemu.sim.engine import Engine
    from netemu.sim.host import Host

_FLUSH_LINES = 4096


class Sampler:
    """Looks at every socket of ``hosts`` at ``t0_ns + k * interval_ns``, when all else of that instant has happened."""

    def __init__(self, engine: Engine, hosts: Sequence[Host], interval_ns: int, path: Path, t0_ns: int) -> None:
        self._engine, self._hosts, self._interval_ns, self._t0_ns = engine, hosts, interval_ns, t0_ns
        self._file = path.open("w", encoding="ascii")
        self._lines: list[str] = []
        self._stopped = False
        self.samples = self.rows = 0

    def start(self) -> None:
        """From t0 on."""
        self._engine.at(self._t0_ns, RECORDER, self._sample)

    def finish(self) -> dict[str, Any]:
        """Write the rest; the sampler's summary."""
        self._stopped = True
        self._flush()
        self._file.close()
        hz = 1e9 / self._interval_ns if self.samples > 1 else 0.0
        counts = {"samples": self.samples, "missed": 0, "achieved_hz": round(hz, 3), "latest_ns": 0}
        return {"program": "sampler", "rows": self.rows, "void": [], **counts}

    def _sample(self, _: object) -> None:
        now_ns = self._engine.now_ns
        for host in self._hosts:
            for entry in host.stack.sockets():
                self._lines.append(line(now_ns - self._t0_ns, host.name, row_of(*entry)))
        self.samples += 1
        if len(self._lines) >= _FLUSH_LINES:
            self._flush()
        if not self._stopped:
            self._engine.at(now_ns + self._interval_ns, RECORDER, self._sample)

    def _flush(self) -> None:
        self.rows += len(self._lines)
        self._file.write("".join(self._lines))
        self._lines.clear()


def read_counters(hosts: Mapping[str, Host]) -> dict[str, dict[str, int]]:
    """Node -> counter by nstat's name -> value."""
    return {name: dict(host.stack.counters()) for name, host in hosts.items()}


def write_counters(before: Mapping[str, dict[str, int]], after: Mapping[str, dict[str, int]], path: Path) -> None:
    """One line per host and counter."""
    with path.open("w", encoding="ascii") as file:
        for host, values in before.items():
            file.write(to_lines(differences(host, values, after[host])))
