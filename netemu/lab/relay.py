"""The user-space wire: one process that carries several links by the rules of netemu.link.

::

    python -S -s -m netemu.lab.relay SPEC.json

    {"time_is_virtual": false, "processors": [0, 1],
     "wires": [{"link": NAME, "namespace": "/proc/<pid>/fd/<n>", "log": "wires/NAME.jsonl", "frame_bytes": 1514,
                "ring_bytes": 4194304, "a_to_b": LINK_DIRECTION, "b_to_a": LINK_DIRECTION,
                "seeds": {"a_to_b": 1, "b_to_a": 2}}]}

A wire between guests has ``"sockets": [A, B]``, inherited descriptors (netemu.lab.relay_socket), for a namespace.

Prints ``ready`` when every wire forwards; reads ``go <t0_monotonic_ns>`` (the start of traffic: chance, drop lists
and schedules begin) and ``stop`` (or end of file) on standard input; then writes the accounts, prints its summary as
one JSON line, and exits 0. A frame is judged at the kernel's time of its arrival, whenever this process got to it.

The loop runs on the first of ``processors``. Where there is a second one, a second look runs there: a thread that wakes
a little after each frame's time and sends what is still there. A processor that is held up for milliseconds, by a
hypervisor or by a long system call, then makes late only what the other is held up for as well.
"""

from __future__ import annotations

import functools
import gc
import itertools
import json
import os
import select
import sys
import threading
import time
from collections.abc import Callable, Iterator
from heapq import heappop, heappush
from pathlib import Path
from typing import TYPE_CHECKING

from netemu.lab.relay_frames import IP_OFFSET, flip_bit, mark_congestion
from netemu.lab.relay_journal import HEADER_BYTES, Journal, flags_of
from netemu.lab.relay_kernel import (
    all_at_once,
    enter_network_namespace,
    make_sleeps_precise,
    realtime_to_monotonic_ns,
    schedule_realtime,
    silence_interface,
)
from netemu.lab.relay_port import Port
from netemu.lab.relay_socket import SocketPort
from netemu.link.account import DIRECTIONS
from netemu.link.headers import parse_headers
from netemu.link.model import SAME_TIME_NS, LinkModel, Verdict
from netemu.link.parameters import LinkParameters

if TYPE_CHECKING:
    from typing import Any

_PROBE_ETHERTYPE = b"\x88\xb5"
_IP_ETHERTYPES = (b"\x08\x00", b"\x86\xdd")
_ETHERTYPE = slice(IP_OFFSET - 2, IP_OFFSET)
_HEADER = slice(IP_OFFSET - 2, IP_OFFSET - 2 + HEADER_BYTES)

# When something must leave this soon, arrivals are not waited for: they are read after it left, which saves a wake-up
# per packet and makes a packet late by this much at most.
_COALESCE_NS = 50_000
_COMMAND_INTERVAL_NS = 10_000_000
# The second look leaves the first this long before it counts as late, and rests for this long at most.
_GRACE_NS = 100_000
_SECOND_LOOK_NS = 500_000

_Item = tuple[int, int, "Lane", bytes, int, Verdict, tuple[int, int, bytes]]
"""What waits for its time: due_ns, number (orders equal times), lane, frame, arrival_ns, verdict, record fields."""


AnyPort = Port | SocketPort


class Lane:
    """One direction of a wire: the port its frames come from, the model, the port they leave by, the account."""

    def __init__(self, direction: str, model: LinkModel, ports: tuple[AnyPort, AnyPort], journal: Journal) -> None:
        self.direction = direction
        self.model = model
        self.ingress, self.egress = ports
        self.journal = journal
        self.errors: dict[str, int] = {}
        self._last_ns = 0
        self._flags = flags_of(direction, False)
        self._probe_flags = flags_of(direction, True)

    def receive(self, queue: list[_Item], numbers: Iterator[int], offset_ns: int) -> None:
        """Judge the frames that came and put those that will leave into ``queue``."""
        model, journal = self.model, self.journal
        for stamp_ns, frame in self.ingress.frames():
            # Stamps are taken on the CPU of the sender and may be out of order by a little; the ring is in order.
            arrival_ns = self._last_ns = max(self._last_ns, stamp_ns + offset_ns)
            ethertype = frame[_ETHERTYPE]
            probe = ethertype == _PROBE_ETHERTYPE
            ip_bytes = len(frame) - IP_OFFSET
            headers = parse_headers(frame, IP_OFFSET) if model.needs_headers and ethertype in _IP_ETHERTYPES else None
            verdict: Verdict | None = model.arrive(arrival_ns, ip_bytes, headers, probe)
            what = (self._probe_flags if probe else self._flags, ip_bytes, frame[_HEADER])
            while verdict is not None:
                number = next(numbers)
                if verdict.due_ns < 0:
                    journal.note(number, arrival_ns, verdict, None, what)
                else:
                    heappush(queue, (verdict.due_ns, number, self, frame, arrival_ns, verdict, what))
                verdict = verdict.copy

    def transmit(self, item: _Item) -> None:
        """Send a frame whose time has come, changed as its verdict says, and account for it."""
        _, number, _, frame, arrival_ns, verdict, what = item
        if verdict.marked:
            frame = mark_congestion(frame)
        if verdict.corrupt_bit >= 0:
            frame = flip_bit(frame, verdict.corrupt_bit)
        sent_ns: int | None = time.monotonic_ns()
        try:
            self.egress.send(frame)
        except OSError as error:  # counted, told in the summary, and the run is void by it
            name = os.strerror(error.errno or 0)
            self.errors[name] = self.errors.get(name, 0) + 1
            sent_ns = None
        self.journal.note(number, arrival_ns, verdict, sent_ns, what)


def _ports(spec: dict[str, Any]) -> list[AnyPort]:
    """The ends of a wire: packet sockets in its namespace, or the sockets of guests."""
    frame_bytes = spec["frame_bytes"]
    if "sockets" in spec:
        return [SocketPort(descriptor, frame_bytes) for descriptor in spec["sockets"]]
    enter_network_namespace(spec["namespace"])
    ports: list[AnyPort] = []
    for interface in ("a", "b"):
        silence_interface(interface)
        ports.append(Port(interface, frame_bytes, spec["ring_bytes"]))
    return ports


class Wire:
    """One link: its two ports and the two lanes between them."""

    def __init__(self, spec: dict[str, Any], early_ns: int) -> None:
        self.link: str = spec["link"]
        ports = _ports(spec)
        self.journal = Journal(Path(spec["log"]), self.link)
        self.lanes = []
        for direction, ends in zip(DIRECTIONS, ((ports[0], ports[1]), (ports[1], ports[0])), strict=True):
            parameters = LinkParameters.from_mapping(spec[direction], f"link {self.link}.{direction}")
            model = LinkModel(parameters, spec["seeds"][direction], early_ns)
            self.lanes.append(Lane(direction, model, ends, self.journal))

    def finish(self, t0_ns: int, header: dict[str, object]) -> dict[str, object]:
        """Write the account; the summary of this wire."""
        totals = self.journal.finish(t0_ns, header)
        summary: dict[str, object] = {}
        for lane in self.lanes:
            summary[lane.direction] = {
                **totals[lane.direction].summary(),
                "kernel_drops": lane.ingress.kernel_drops(),
                "truncated": lane.ingress.truncated,
                "send_errors": lane.errors,
                "unmet_drops": lane.model.unmet_drops(),
            }
        return summary


class Relay:
    """The loop: read what came, send what is due, sleep until the next of either."""

    def __init__(self, spec: dict[str, Any]) -> None:
        self._exact: bool = spec["time_is_virtual"]
        self._processors: list[int] = spec["processors"]
        self._lock = threading.Lock()
        self.wires = [Wire(wire, SAME_TIME_NS if self._exact else 0) for wire in spec["wires"]]
        self._lanes = [lane for wire in self.wires for lane in wire.lanes]
        all_at_once(lane.ingress.open for lane in self._lanes)
        self._watched = [0, *(lane.ingress.socket.fileno() for lane in self._lanes)]
        self._queue: list[_Item] = []
        self._numbers = itertools.count()
        self._commands = b""
        self._stopped = False
        self.t0_ns: int | None = None
        self._lookahead_ns = max(_COALESCE_NS, min(lane.model.least_transit_ns(0) for lane in self._lanes))

    def run(self) -> None:
        """Forward until ``stop`` or the end of standard input."""
        if len(self._processors) < 2:
            self._loop()
            return
        works = zip(self._processors, (self._loop, self._look_again), strict=True)
        all_at_once(functools.partial(self._work_on, processor, work) for processor, work in works)

    def _work_on(self, processor: int, work: Callable[[], None]) -> None:
        os.sched_setaffinity(0, {processor})
        try:
            work()
        finally:
            self._stopped = True  # the other has to end, too

    def _loop(self) -> None:
        monotonic_ns = time.monotonic_ns
        queue = self._queue
        next_look_ns = 0
        while not self._stopped:
            with self._lock:
                self._serve()
                now_ns = monotonic_ns()
                wait_ns = queue[0][0] - now_ns if queue else None
            if wait_ns is None or wait_ns > self._lookahead_ns or now_ns > next_look_ns:
                next_look_ns = now_ns + _COMMAND_INTERVAL_NS
                self._wait(wait_ns)
            elif wait_ns > 0:
                time.sleep(wait_ns / 1e9)

    def _serve(self) -> None:
        """Read what came, send what is due."""
        queue, numbers = self._queue, self._numbers
        offset_ns = realtime_to_monotonic_ns()
        for lane in self._lanes:
            if lane.ingress.has_frame():
                lane.receive(queue, numbers, offset_ns)
        while queue and queue[0][0] <= time.monotonic_ns():
            item = heappop(queue)
            item[2].transmit(item)

    def _look_again(self) -> None:
        """Serve whenever something is later than the loop would have it, until the loop has ended."""
        queue = self._queue
        while not self._stopped:
            with self._lock:
                late_ns = time.monotonic_ns() - _GRACE_NS
                if (queue and queue[0][0] <= late_ns) or any(lane.ingress.has_frame() for lane in self._lanes):
                    self._serve()
                rest_ns = min(queue[0][0] - late_ns, _SECOND_LOOK_NS) if queue else _SECOND_LOOK_NS
            time.sleep(max(rest_ns, _GRACE_NS) / 1e9)

    def _wait(self, wait_ns: int | None) -> None:
        """Sleep until a frame or a command comes, or ``wait_ns`` have passed (None: no limit).

        select() counts in microseconds and Python rounds up. Where time is virtual, that would be all the error a wire
        has: there the whole microseconds are waited for so, and the rest is slept.
        """
        rest_ns = 0
        if wait_ns is not None and self._exact:
            rest_ns = max(0, wait_ns) % 1000
            wait_ns -= rest_ns + 500  # half a unit less than what rounding up is to give
        timeout_s = None if wait_ns is None else max(0, wait_ns) / 1e9
        ready, _, _ = select.select(self._watched, (), (), timeout_s)
        if rest_ns and not ready:
            time.sleep(rest_ns / 1e9)
        if 0 in ready:
            self._command()

    def _command(self) -> None:
        data = os.read(0, 4096)
        self._commands += data
        *lines, self._commands = self._commands.split(b"\n")
        for line in lines:
            words = line.split()
            if words[:1] == [b"go"] and len(words) == 2:
                self.t0_ns = int(words[1])
                for lane in self._lanes:
                    lane.model.start(self.t0_ns)
            elif words == [b"stop"]:
                self._stopped = True
            else:
                raise ValueError(f"relay: {line!r} is not 'go <t0_ns>' or 'stop'")
        self._stopped = self._stopped or not data

    def abandon(self) -> None:
        """Account for the frames that still wait: accepted, never sent."""
        for _, number, lane, _, arrival_ns, verdict, what in self._queue:
            lane.journal.note(number, arrival_ns, verdict, None, what)
        self._queue.clear()

    def close(self) -> None:
        """Give the ports back."""
        all_at_once(lane.ingress.close for lane in self._lanes)


def main(arguments: list[str]) -> int:
    """Run the relay of the spec file that is the only argument."""
    relay = Relay(json.loads(Path(arguments[0]).read_text()))
    make_sleeps_precise()
    policy = schedule_realtime()
    gc.collect()
    gc.freeze()
    gc.disable()
    began_ns, began_cpu_ns = time.monotonic_ns(), time.process_time_ns()
    print("ready", flush=True)
    relay.run()
    wall_ns, cpu_ns = time.monotonic_ns() - began_ns, time.process_time_ns() - began_cpu_ns
    relay.abandon()
    if policy == "SCHED_FIFO":
        os.sched_setscheduler(0, os.SCHED_OTHER, os.sched_param(0))
    header: dict[str, object] = {"backend": "relay", "scheduler": policy}
    t0_ns = began_ns if relay.t0_ns is None else relay.t0_ns
    links = {wire.link: wire.finish(t0_ns, header) for wire in relay.wires}
    process = {"wall_ns": wall_ns, "cpu_ns": cpu_ns, "scheduler": policy}
    print(json.dumps({"links": links, "process": process}), flush=True)
    relay.close()
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
