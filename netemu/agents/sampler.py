"""``sampler``: one process samples the TCP sockets of many hosts at a fixed rate.

Ticks lie at ``t0 + k * interval_ns``. At each, the sockets known so far are looked up one by one; new ones are found
by a dump of one host after the other, as often as that costs no more than a share of a processor (a dump walks the
whole table of connections). Raw answers go to a spool file and are decoded when the traffic is over.
"""

from __future__ import annotations

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
from netemu.agents.sock_diag import UNSUPPORTED, SockDiag
from netemu.agents.sock_rows import Rows
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
_PARTS_PER_WRITE = 1024
_DUMP_SPACING = 20  # a dump that takes 1 ms is followed by 19 ms without one: 5 % of a processor


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
        os.lseek(self._fd, 0, os.SEEK_SET)
        with os.fdopen(self._fd, "rb", closefd=False) as file:
            while head := file.read(_HEAD.size):
                t_ns, host, length = _HEAD.unpack(head)
                yield t_ns, host, file.read(length)

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


class Discovery:
    """Which host is dumped when: in turn, so that dumps take at most one part in ``_DUMP_SPACING`` of the time."""

    def __init__(self, diags: list[SockDiag]) -> None:
        self._diags = diags
        self._turn = 0
        self._next_ns = 0
        self.dumps = 0

    def answer(self, index: int, now_ns: int) -> list[bytes]:
        """The sockets of host ``index``: by a dump when it is its turn and time, by look-ups otherwise."""
        diag = self._diags[index]
        if index != self._turn or now_ns < self._next_ns:
            return diag.look_up()
        parts = diag.dump()
        cost_ns = time.monotonic_ns() - now_ns
        self._next_ns = now_ns + cost_ns * _DUMP_SPACING
        self._turn = (index + 1) % len(self._diags)
        self.dumps += 1
        return parts


def _sample(service: Service, diags: list[SockDiag], spool: Spool, interval_ns: int) -> dict[str, Any]:
    """Ask at every tick until ``stop``; ticks that passed while one was late are counted as missed."""
    tick = samples = missed = now = latest_ns = 0
    t0_ns = service.t0_ns or 0
    first_ns = None
    discovery = Discovery(diags)
    while not service.stopped:
        due_ns = tick * interval_ns
        service.wait_until(t0_ns + due_ns)
        if service.stopped:
            break
        for index in range(len(diags)):
            now = time.monotonic_ns()
            spool.add(now - t0_ns, index, discovery.answer(index, now))
        now = time.monotonic_ns() - t0_ns
        first_ns = now if first_ns is None else first_ns
        samples += 1
        latest_ns = max(latest_ns, now - due_ns)
        following = max(tick + 1, now // interval_ns)
        missed += following - tick - 1
        tick = following
    span_ns = now - (first_ns or 0)
    return {
        "samples": samples,
        "missed": missed,
        "achieved_hz": round((samples - 1) * 1e9 / span_ns, 3) if samples > 1 else 0.0,
        "latest_ns": latest_ns,
        "dumps_per_host": round(discovery.dumps / len(diags), 1) if diags else 0,
    }


def _decode(spool: Spool, nodes: list[str], output: str) -> int:
    """Write a line per socket and sample; how many."""
    count = 0
    rows = Rows()
    fd = files.create(output)
    try:
        texts: list[str] = []
        for t_ns, host, part in spool.read():
            texts.append(rows.lines(t_ns, nodes[host], part))
            if len(texts) >= _PARTS_PER_WRITE:
                count += _write_texts(fd, texts, output)
        count += _write_texts(fd, texts, output)
    finally:
        os.close(fd)
    return count


def _write_texts(fd: int, texts: list[str], output: str) -> int:
    text = "".join(texts)
    texts.clear()
    files.write(fd, text.encode(), output)
    return text.count("\n")
