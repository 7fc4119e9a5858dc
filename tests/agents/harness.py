"""Agents in network namespaces of their own: started, spoken to, and their logs read."""

from __future__ import annotations

import itertools
import json
import os
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from netemu.agents.libc import NetworkNamespace

ROOT = Path(__file__).parents[2]
S = 1_000_000_000
MS = 1_000_000


class Namespace:
    """A network namespace held open by a process of ours; gone with it."""

    def __init__(self) -> None:
        held = ["unshare", "-n", "sh", "-c", "ip link set lo up && echo up && exec cat"]
        self.process = subprocess.Popen(held, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        assert self.process.stdout is not None
        assert self.process.stdout.readline() == b"up\n"
        self.path = f"/proc/{self.process.pid}/ns/net"

    def run(self, *command: str) -> str:
        """Run a command inside; its output."""
        with self.entered():
            return subprocess.run(command, check=True, capture_output=True, text=True).stdout

    def entered(self) -> NetworkNamespace:
        """``with namespace.entered():`` sockets and processes made in the body belong to it."""
        return NetworkNamespace(self.path)

    def close(self) -> None:
        self.process.communicate(timeout=10)


@contextmanager
def namespaces(count: int) -> Iterator[list[Namespace]]:
    """So many namespaces, each with ``lo`` up."""
    made = [Namespace() for _ in range(count)]
    try:
        yield made
    finally:
        for namespace in made:
            namespace.close()


@contextmanager
def pair() -> Iterator[tuple[Namespace, Namespace]]:
    """h1 (10.0.0.1, fd00::1) and h2 (10.0.0.2, fd00::2) joined by h1-eth0 and h2-eth0."""
    with namespaces(2) as (first, second):
        peer = str(second.process.pid)
        first.run("ip", "link", "add", "h1-eth0", "type", "veth", "peer", "name", "h2-eth0", "netns", peer)
        for number, namespace in ((1, first), (2, second)):
            name = f"h{number}-eth0"
            namespace.run("sysctl", "-qw", f"net.ipv6.conf.{name}.accept_dad=0")
            namespace.run("ip", "addr", "add", f"10.0.0.{number}/24", "dev", name)
            namespace.run("ip", "addr", "add", f"fd00::{number}/64", "dev", name, "nodad")
            namespace.run("ip", "link", "set", name, "up")
        yield first, second


class Process:
    """One agent process, behind a ``wrapper`` command; ``ready`` has been read unless ``wait`` is False."""

    def __init__(
        self,
        spec: dict[str, Any],
        path: Path,
        namespace: Namespace | None = None,
        wait: bool = True,
        wrapper: Sequence[str] = (),
    ) -> None:
        path.write_text(json.dumps(spec))
        command = [*wrapper, sys.executable, "-S", "-s", "-m", "netemu.agents", str(path)]
        with NetworkNamespace(namespace.path if namespace else None):
            self.popen = subprocess.Popen(
                command,
                env={**os.environ, "PYTHONPATH": str(ROOT)},
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                text=True,
            )
        assert self.popen.stdout is not None
        if wait and self.popen.stdout.readline() != "ready\n":
            raise AssertionError(self.popen.communicate(timeout=10)[1])

    def say(self, line: str) -> None:
        """Write a command."""
        assert self.popen.stdin is not None
        self.popen.stdin.write(line + "\n")
        self.popen.stdin.flush()

    def go(self, t0_ns: int | None = None) -> int:
        """Say ``go``; t0."""
        t0_ns = time.monotonic_ns() if t0_ns is None else t0_ns
        self.say(f"go {t0_ns}")
        return t0_ns

    def result(self, status: int = 0, *, eof: bool = False, timeout: float = 20) -> dict[str, Any]:
        """The summary after the process has ended with ``status``, by itself or by the end of its input."""
        assert self.popen.stdin is not None
        assert self.popen.stdout is not None
        assert self.popen.stderr is not None
        if eof:
            self.popen.stdin.close()
        watchdog = threading.Timer(timeout, self.popen.kill)
        watchdog.start()
        output, errors = self.popen.stdout.read(), self.popen.stderr.read()
        returned = self.popen.wait()
        watchdog.cancel()
        assert returned == status, (returned, errors)
        assert errors == "" or status, errors
        summary = json.loads(output.splitlines()[-1])
        assert isinstance(summary, dict)
        return summary

    def failure(self, status: int) -> str:
        """The one line of error of a process that failed."""
        _, errors = self.popen.communicate(timeout=20)
        assert self.popen.returncode == status, errors
        assert len(errors.splitlines()) == 1, errors
        return errors


class Bench:
    """Starts agents whose files lie in one directory; what still runs at the end is killed."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self._number = itertools.count()
        self.started: list[Process] = []

    def agent(
        self, program: str, namespace: Namespace | None = None, *, start_ns: int = 0, stop_ns: int = 10 * S, **args: Any
    ) -> Process:
        """A traffic agent named by its program and number, which has said ``ready``."""
        return self.start(self.spec(program, start_ns=start_ns, stop_ns=stop_ns, **args), namespace)

    def spec(self, program: str, *, start_ns: int = 0, stop_ns: int = 10 * S, **args: Any) -> dict[str, Any]:
        """The spec of a traffic agent."""
        name = f"{program}{next(self._number)}"
        log = str(self.directory / f"{name}.jsonl")
        head = {"name": name, "host": "h1", "program": program, "start_ns": start_ns, "stop_ns": stop_ns}
        return {**head, "log": log, "args": args}

    def start(self, spec: dict[str, Any], namespace: Namespace | None = None, wait: bool = True) -> Process:
        """Any process of :mod:`netemu.agents`."""
        process = Process(spec, self.directory / f"spec{len(self.started)}.json", namespace, wait)
        process.spec = spec  # type: ignore[attr-defined]
        self.started.append(process)
        return process

    def log(self, process: Process) -> list[dict[str, Any]]:
        """The lines of an agent's log, behind its header."""
        lines = Path(process.spec["log"]).read_text().splitlines()  # type: ignore[attr-defined]
        return [json.loads(line) for line in lines[1:]]

    def close(self) -> None:
        for process in self.started:
            if process.popen.poll() is None:
                process.popen.kill()
                process.popen.communicate()


def go(*processes: Process) -> int:
    """Say ``go`` with one t0 to all; t0."""
    t0_ns = time.monotonic_ns()
    for process in processes:
        process.go(t0_ns)
    return t0_ns
