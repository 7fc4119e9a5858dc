"""``capture``: one process captures many interfaces in many namespaces, and proves that it does.

Blocks of each interface's ring go to a spool file; they become pcapng when the traffic is over. ``ready`` comes
after a sentinel frame, sent out of every interface, was seen in its ring; another one closes the capture.
"""

from __future__ import annotations

import os
import select
import socket
import time
from typing import Any

from netemu import __version__
from netemu.agents import files
from netemu.agents.args import REQUIRED, Arg, read_args
from netemu.agents.libc import NetworkNamespace
from netemu.agents.protocol import say_summary
from netemu.agents.ring import Ring, block_length, packets
from netemu.agents.service import Service
from netemu.errors import BadInput, VoidRun
from netemu.recording import pcapng

ETHERTYPE = b"\x88\xb5"
_SENTINEL = b"netemu-sentinel"
_DESTINATION = bytes.fromhex("0180c200000e")  # link local: no switch passes it on
_SENTINEL_WAIT_NS = 2_000_000_000
_STEP_LIMIT_NS = 1_000_000
_PACKET_OUTGOING = 4

SPEC = (
    Arg("program", str, REQUIRED, "capture"),
    Arg("interfaces", list, REQUIRED, "what to capture"),
    Arg("plan_digest", str, "", "goes into the section's comment"),
    Arg("seed", int, 0, "goes into the section's comment", low=None),
    Arg("ring_bytes", int, 16 << 20, "kernel memory per interface", low=1 << 18, high=1 << 30),
    Arg("retire_ms", int, 10, "age at which the kernel hands over a block that is not full", low=1, high=1000),
    Arg("nap_ms", int, 20, "how long blocks may gather after some were taken; the ring holds far more", high=1000),
)
INTERFACE = (
    Arg("namespace", str, None, "path of the network namespace; this process's own when absent"),
    Arg("node", str, REQUIRED, "node that the interface belongs to"),
    Arg("interface", str, REQUIRED, "name of the interface"),
    Arg("snap_bytes", int, 128, "how much of each frame is kept", low=14, high=262144),
    Arg("output", str, REQUIRED, "path of the pcapng file"),
)


def main(spec: dict[str, Any]) -> int:
    """Capture until ``stop``; the exit status is 4 when the capture cannot be trusted, and the summary says why."""
    spec = read_args(spec, SPEC, "capture")
    taps: list[Tap] = []
    service = Service()
    try:
        for index, given in enumerate(spec["interfaces"]):
            args = read_args(given, INTERFACE, f"capture: interface {index}")
            taps.append(Tap(args, spec["ring_bytes"], spec["retire_ms"]))
            service.poll.register(taps[-1].ring.fileno(), select.POLLIN)
        _prove(service, taps)
        offset_ns = realtime_offset()
        service.ready()
        while not service.stopped:
            _drain(service.wait(None), taps)
            if spec["nap_ms"]:
                time.sleep(spec["nap_ms"] / 1e3)
        void = _see_sentinels(service, taps, b"stop")
        return _finish(service, spec, taps, offset_ns, void)
    finally:
        for tap in taps:
            tap.close()


class Tap:
    """One interface: its ring, its spool and the socket that sends its sentinels."""

    def __init__(self, args: dict[str, Any], ring_bytes: int, retire_ms: int) -> None:
        self.args = args
        self.name: str = args["interface"]
        self.output: str = args["output"]
        self._spool_path = self.output + ".spool"
        try:
            with NetworkNamespace(args["namespace"]):
                self.ring = Ring(self.name, args["snap_bytes"], ring_bytes, retire_ms)
                self._sender = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, 0)
                self._sender.bind((self.name, 0))
        except OSError as error:
            where = f"capture: node {args['node']!r} interface {self.name!r} in {args['namespace']}"
            raise BadInput(f"{where}: {error.strerror}") from error
        self._spool = files.create(self._spool_path)
        self.expected = b""

    def send_sentinel(self, word: bytes) -> str | None:
        """Send a frame that only this tap takes for its own; what is wrong when it cannot."""
        self.expected = b" ".join((_SENTINEL, self.args["node"].encode(), self.name.encode(), word, b""))
        frame = _DESTINATION + self._sender.getsockname()[4] + ETHERTYPE + self.expected
        try:
            self._sender.send(frame.ljust(60, b"\0"))
        except OSError as error:
            self.expected = b""
            return f"capture of {self.name}: cannot send a sentinel out of {self.name}: {error.strerror}"
        return None

    def drain(self) -> None:
        """Copy what the kernel has handed over; nothing is ``expected`` any more once the sentinel was in it."""
        for block in self.ring.blocks():
            if self.expected and bytes(block).find(self.expected[: self.args["snap_bytes"] - 14]) >= 0:
                self.expected = b""
            files.write(self._spool, block, self._spool_path)

    def convert(self, shift_ns: int, comment: str) -> dict[str, Any]:
        """Make the pcapng file; ``shift_ns`` is subtracted from the kernel's times to give ``t_ns``."""
        received, drops, _ = self.ring.statistics()
        application = f"netemu {__version__}"
        description = f"{self.name} of {self.args['node']}"
        head = pcapng.section_header(application, comment)
        head += pcapng.interface_description(self.name, description, self.args["snap_bytes"])
        kept = last_ns = 0
        output = files.create(self.output)
        try:
            files.write(output, head, self.output)
            for block in _read_blocks(self._spool):
                records = []
                for real_ns, length, kind, data in packets(block):
                    t_ns = real_ns - shift_ns
                    if t_ns < 0 or data.startswith(ETHERTYPE, 12):
                        continue
                    direction = pcapng.DIRECTION_OUT if kind == _PACKET_OUTGOING else pcapng.DIRECTION_IN
                    records.append(pcapng.packet(t_ns, length, direction, data))
                    last_ns = t_ns
                kept += len(records)
                files.write(output, b"".join(records), self.output)
            files.write(output, pcapng.interface_statistics(last_ns, kept + drops, drops), self.output)
        except VoidRun:
            files.discard(self.output)
            raise
        finally:
            os.close(output)
        return {
            "node": self.args["node"],
            "interface": self.name,
            "output": self.output,
            "packets": kept,
            "dropped": drops,
            "seen": received,
        }

    def close(self) -> None:
        """Let go of ring, sockets and spool file."""
        self.ring.close()
        self._sender.close()
        os.close(self._spool)
        files.discard(self._spool_path)


def realtime_offset() -> int:
    """CLOCK_REALTIME minus CLOCK_MONOTONIC in ns, from the tightest of several readings."""
    best = (1 << 62, 0)
    for _ in range(8):
        before = time.monotonic_ns()
        real = time.time_ns()
        after = time.monotonic_ns()
        best = min(best, (after - before, real - (before + after) // 2))
    return best[1]


def _drain(ready: list[int], taps: list[Tap]) -> None:
    """Empty the rings that have something."""
    for tap in taps:
        if tap.ring.fileno() in ready:
            tap.drain()


def _prove(service: Service, taps: list[Tap]) -> None:
    """Send a sentinel out of each interface and see all of them; :class:`VoidRun` otherwise."""
    complaints = _see_sentinels(service, taps, b"start")
    if complaints:
        raise VoidRun("; ".join(complaints))


def _see_sentinels(service: Service, taps: list[Tap], word: bytes) -> list[str]:
    """Send one out of each interface and wait until all were seen; what is wrong where that failed."""
    complaints = [complaint for tap in taps if (complaint := tap.send_sentinel(word))]
    waiting = [tap for tap in taps if tap.expected]
    deadline = time.monotonic_ns() + _SENTINEL_WAIT_NS
    while waiting and (left := deadline - time.monotonic_ns()) > 0:
        _drain(service.wait(left // 1_000_000 + 1), taps)
        waiting = [tap for tap in waiting if tap.expected]
    return complaints + [f"capture of {tap.name}: its {word.decode()} sentinel was not seen in 2 s" for tap in waiting]


def _finish(service: Service, spec: dict[str, Any], taps: list[Tap], offset_ns: int, void: list[str]) -> int:
    end_offset_ns = realtime_offset()
    if abs(end_offset_ns - offset_ns) > _STEP_LIMIT_NS:
        void.append(f"the real-time clock was stepped by {end_offset_ns - offset_ns} ns during the run")
    comment = f"plan {spec['plan_digest']} seed {spec['seed']}"
    results = []
    if service.t0_ns is not None:
        results = [tap.convert(offset_ns + service.t0_ns, comment) for tap in taps]
    for result in results:
        if result["dropped"]:
            void.append(f"capture of {result['interface']}: {result['dropped']} packets dropped")
    say_summary(
        {
            "program": "capture",
            "interfaces": results,
            "realtime_offset_start_ns": offset_ns,
            "realtime_offset_end_ns": end_offset_ns,
            "void": void,
        }
    )
    return VoidRun.exit_code if void else 0


def _read_blocks(spool: int) -> Any:
    """The blocks of a spool file, in order."""
    at = 0
    while header := os.pread(spool, 24, at):
        length = block_length(header)
        yield os.pread(spool, length, at)
        at += length
