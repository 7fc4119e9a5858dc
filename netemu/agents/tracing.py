"""``tracing``: TCP tracepoints of the run, through a private tracing instance with the monotonic clock.

The caller mounts tracefs in its own mount namespace and names the instance, so that whoever outlives a killed run
can remove it (``disable events, then rmdir instances/<name>``). Text of ``trace_pipe`` is spooled and becomes JSON
lines after the traffic; see :mod:`netemu.agents.trace_events` for what belongs to the run.
"""

from __future__ import annotations

import json
import os
import select
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from netemu.agents import files
from netemu.agents.args import REQUIRED, Arg, read_args
from netemu.agents.protocol import say_summary
from netemu.agents.service import Service
from netemu.agents.trace_events import Ownership, known_cookies, own_events
from netemu.errors import BadInput, MissingCapability

EVENTS = (
    "tcp/tcp_probe",
    "tcp/tcp_retransmit_skb",
    "tcp/tcp_retransmit_synack",
    "tcp/tcp_cong_state_set",
    "tcp/tcp_receive_reset",
    "tcp/tcp_send_reset",
    "sock/inet_sock_set_state",
)

SPEC = (
    Arg("program", str, REQUIRED, "tracing"),
    Arg("tracefs", str, "/sys/kernel/tracing", "where tracefs is mounted"),
    Arg("instance", str, REQUIRED, "name of the tracing instance; made here, removed at the end"),
    Arg("output", str, REQUIRED, "path of the JSON lines"),
    Arg("addresses", dict, {}, "address -> node, of every host of the run"),
    Arg("cookies_from", list, [], "paths read at the end: samples/sockets.jsonl and agents' logs"),
    Arg("buffer_kb", int, 4096, "kernel memory per processor", low=64, high=1 << 20),
)


def main(spec: dict[str, Any]) -> int:
    """Trace from start-up to ``stop``, then decode what came since ``go``; the exit status."""
    spec = read_args(spec, SPEC, "tracing")
    spool_path = spec["output"] + ".spool"
    instance = Instance(Path(spec["tracefs"]), spec["instance"])
    spool = files.create(spool_path)
    try:
        enabled = instance.start(spec["buffer_kb"])
        service = Service()
        service.poll.register(instance.pipe, select.POLLIN)
        service.ready()
        while not service.stopped:
            service.wait(None)
            instance.drain(spool, spool_path)
        instance.disable()
        instance.drain(spool, spool_path)
        overrun = instance.overrun()
        instance.remove()
        result = _decode(spec, spool_path, service.t0_ns)
    finally:
        instance.remove()
        os.close(spool)
        files.discard(spool_path)
    say_summary({"program": "tracing", "enabled": enabled, "overrun": overrun, "void": [], **result})
    return 0


class Instance:
    """A private tracing instance; :meth:`remove` may be called twice."""

    def __init__(self, tracefs: Path, name: str) -> None:
        self._root = tracefs / "instances" / name
        self._made = False
        self.pipe = -1
        if not (tracefs / "instances").is_dir():
            raise MissingCapability(f"tracing: no tracefs at {tracefs}: 'mount -t tracefs nodev {tracefs}' provides it")

    def start(self, buffer_kb: int) -> list[str]:
        """Make the instance and enable those of :data:`EVENTS` that this kernel has; their names."""
        try:
            self._root.mkdir()
        except OSError as error:
            raise BadInput(f"tracing: cannot make instance {self._root.name!r}: {error.strerror}") from error
        self._made = True
        self._set("trace_clock", "mono")
        self._set("buffer_size_kb", str(buffer_kb))
        if (self._root / "buffer_percent").exists():
            self._set("buffer_percent", "25")  # poll() then wakes at a quarter full, not at every event
        present = [event for event in EVENTS if (self._root / "events" / event).is_dir()]
        for event in present:
            self._set(f"events/{event}/enable", "1")
        self.pipe = os.open(self._root / "trace_pipe", os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
        return present

    def drain(self, spool: int, spool_path: str) -> None:
        """Copy the text that is there."""
        while True:
            try:
                text = os.read(self.pipe, 1 << 16)
            except BlockingIOError:
                return
            if not text:
                return
            files.write(spool, text, spool_path)

    def disable(self) -> None:
        """Stop recording; what is in the buffer stays."""
        self._set("tracing_on", "0")

    def overrun(self) -> int:
        """Events lost because the buffer was full, over all processors."""
        total = 0
        for stats in self._root.glob("per_cpu/cpu*/stats"):
            for line in stats.read_text().splitlines():
                name, _, value = line.partition(": ")
                if name in ("overrun", "dropped events"):
                    total += int(value)
        return total

    def remove(self) -> None:
        """Disable the events and remove the instance."""
        if self.pipe >= 0:
            os.close(self.pipe)
            self.pipe = -1
        if self._made:
            self._set("events/enable", "0")
            self._root.rmdir()
            self._made = False

    def _set(self, name: str, value: str) -> None:
        try:
            (self._root / name).write_text(value)
        except OSError as error:
            raise MissingCapability(f"tracing: cannot set {name} to {value}: {error.strerror}") from error


def _decode(spec: dict[str, Any], spool_path: str, t0_ns: int | None) -> dict[str, int]:
    cookies: dict[int, str] = {}
    for path in spec["cookies_from"]:
        cookies.update(known_cookies(json.loads(line) for line in _lines(path)))
    ownership = Ownership(cookies, spec["addresses"])
    output = files.create(spec["output"])
    try:
        if t0_ns is not None:
            pending = []
            for event in own_events(_lines(spool_path), _lines(spool_path), t0_ns, ownership):
                pending.append(json.dumps(event, separators=(",", ":")) + "\n")
                if len(pending) >= 4096:
                    files.write(output, "".join(pending).encode(), spec["output"])
                    pending = []
            files.write(output, "".join(pending).encode(), spec["output"])
    finally:
        os.close(output)
    return {"by_cookie": ownership.by_cookie, "by_address": ownership.by_address, "foreign": ownership.foreign}


def _lines(path: str) -> Iterator[str]:
    try:
        with Path(path).open(encoding="utf-8", errors="replace") as file:
            yield from file
    except OSError as error:
        raise BadInput(f"tracing: cannot read {path}: {error.strerror}") from error
