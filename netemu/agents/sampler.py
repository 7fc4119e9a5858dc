"""``sampler``: one process samples the TCP sockets of many hosts at a fixed rate.

Ticks lie at ``t0 + k * interval_ns``. Raw answers go to a spool file and are decoded when the traffic is over.
"""

from __future__ import annotations

import json
import os
import struct
import time
from collections.abc import Iterator
from typing import Any

from netemu.agents import files
from netemu.agents.args import REQUIRED, Arg, read_args
from netemu.agents.libc import NetworkNamespace
from netemu.agents.protocol import say_summary
from netemu.agents.service import Service
from netemu.agents.sock_diag import UNSUPPORTED, SockDiag, sockets
from netemu.errors import BadInput, MissingCapability

SPEC = (
    Arg("program", str, REQUIRED, "sampler"),
    Arg("hosts", list, REQUIRED, "whose sockets: objects with node and namespace"),
    Arg("interval_ns", int, 5_000_000, "from one sample to the next", low=100_000),
    Arg("output", str, REQUIRED, "path of the JSON lines"),
)
HOST = (
    Arg("node", str, REQUIRED, "name of the host"),
    Arg("namespace", str, None, "path of its network namespace; this process's own when absent"),
)
_HEAD = struct.Struct("=qII")  # t_ns, host, length of what follows
_SPOOL_BYTES = 4 << 20


def main(spec: dict[str, Any]) -> int:
    """Sample from ``go`` to ``stop``, then decode; the exit status."""
    spec = read_args(spec, SPEC, "sampler")
    hosts = [read_args(host, HOST, f"sampler: host {index}") for index, host in enumerate(spec["hosts"])]
    diags = [_open(host) for host in hosts]
    spool = Spool(spec["output"] + ".spool")
    try:
        service = Service()
        service.ready()
        while service.t0_ns is None and not service.stopped:
            service.wait(None)
        counts = _sample(service, diags, spool, spec["interval_ns"])
        rows = _decode(spool, [host["node"] for host in hosts], spec["output"])
    finally:
        spool.close()
    say_summary({"program": "sampler", "output": spec["output"], "rows": rows, "void": [], **counts})
    return 0


class Spool:
    """Raw answers with their time and host, in memory and then in a file that is gone at the end."""

    def __init__(self, path: str) -> None:
        self._path = path
        self._parts: list[bytes] = []
        self._pending = 0
        self._fd = files.create(path)

    def add(self, t_ns: int, host: int, answer: list[bytes]) -> None:
        """Keep the raw parts of one dump."""
        for part in answer:
            self._parts += (_HEAD.pack(t_ns, host, len(part)), part)
            self._pending += len(part)
        if self._pending > _SPOOL_BYTES:
            self.flush()

    def flush(self) -> None:
        """Write what is in memory; :class:`VoidRun` when the disk does not take it."""
        parts, self._parts, self._pending = self._parts, [], 0
        files.write(self._fd, b"".join(parts), self._path)

    def read(self) -> Iterator[tuple[int, int, bytes]]:
        """(t_ns, host, raw part) in order."""
        self.flush()
        at = 0
        while head := os.pread(self._fd, _HEAD.size, at):
            t_ns, host, length = _HEAD.unpack(head)
            yield t_ns, host, os.pread(self._fd, length, at + _HEAD.size)
            at += _HEAD.size + length

    def close(self) -> None:
        """Close and remove the file."""
        os.close(self._fd)
        files.discard(self._path)


def _open(host: dict[str, Any]) -> SockDiag:
    try:
        with NetworkNamespace(host["namespace"]):
            diag = SockDiag()
    except OSError as error:
        raise BadInput(f"sampler: host {host['node']!r} in {host['namespace']}: {error.strerror}") from error
    try:
        diag.dump()
    except OSError as error:
        if error.errno in UNSUPPORTED:
            raise MissingCapability(
                "sampler: this kernel lacks sock_diag for TCP (CONFIG_INET_DIAG, CONFIG_INET_TCP_DIAG)"
            ) from error
        raise
    return diag


def _sample(service: Service, diags: list[SockDiag], spool: Spool, interval_ns: int) -> dict[str, Any]:
    """Dump at every tick until ``stop``; ticks that passed while one was late are counted as missed."""
    tick = samples = missed = 0
    t0_ns = service.t0_ns or 0
    first_ns = last_ns = latest_ns = 0
    while not service.stopped:
        due_ns = t0_ns + tick * interval_ns
        now = time.monotonic_ns()
        if now < due_ns:
            service.wait((due_ns - now) // 1_000_000)
            if service.stopped:
                break
            time.sleep(max(0, due_ns - time.monotonic_ns()) / 1e9)
        for index, diag in enumerate(diags):
            last_ns = time.monotonic_ns() - t0_ns
            spool.add(last_ns, index, diag.dump())
        first_ns = first_ns or last_ns
        samples += 1
        latest_ns = max(latest_ns, last_ns - tick * interval_ns)
        following = max(tick + 1, (time.monotonic_ns() - t0_ns) // interval_ns)
        missed += following - tick - 1
        tick = following
        service.wait(0)
    span = last_ns - first_ns
    rate = (samples - 1) * 1e9 / span if span > 0 else 0.0
    return {"samples": samples, "missed": missed, "achieved_hz": round(rate, 3), "latest_ns": latest_ns}


def _decode(spool: Spool, nodes: list[str], output: str) -> int:
    rows = 0
    fd = files.create(output)
    try:
        lines = []
        for t_ns, host, part in spool.read():
            for row in sockets(part):
                lines.append(json.dumps({"t_ns": t_ns, "host": nodes[host], **row}, separators=(",", ":")))
            if len(lines) > 4096:
                rows += len(lines)
                files.write(fd, ("\n".join(lines) + "\n").encode(), output)
                lines = []
        rows += len(lines)
        files.write(fd, "".join(line + "\n" for line in lines).encode(), output)
    finally:
        os.close(fd)
    return rows
