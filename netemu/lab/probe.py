"""Prove each link before traffic, with its wire running: delay, MTU, rate, and that the wire holds no sender's memory.

The lab process sends frames of ethertype 0x88B5 from a socket at one end and reads, at the other, when the kernel
received them. Wires carry them through rate, queue and delay like any frame. Directions are probed side by side as
long as all of them together keep the wires far from busy; what a busy machine spoils is measured again.
"""

from __future__ import annotations

import heapq
import selectors
import time
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass, field
from typing import Any

from netemu.errors import VoidRun
from netemu.lab.network import Network
from netemu.lab.probe_judge import (
    Finding,
    Kind,
    Shape,
    Target,
    delay_shape,
    judge_delay,
    judge_held,
    judge_mtu,
    judge_rate,
    latest_arrival_ns,
    train_shape,
)
from netemu.lab.probe_port import ProbePort, frame
from netemu.specs import Plan

ATTEMPTS = 3
LOAD_PER_S = {"delay": 4000.0, "train": 12000.0}
KINDS: Mapping[Kind, int] = {"delay": 1, "train": 2}
"""The numbers by which frames name what they are for; delay is proved first."""
LATE_NS = {"delay": 300_000_000, "train": 150_000_000}


@dataclass(slots=True)
class Trial:
    """One shape sent over one target: what was sent when, what came when, what the sender's socket still held.

    ``late_fed``: frames that were sent when the line may have sent all before them. ``line_free_ns``: by when it has
    sent what its queue holds at the least (monotonic). ``source`` and ``sink`` are None where this process has no
    socket at that end.
    """

    target: Target
    shape: Shape
    source: ProbePort | None = None
    sink: ProbePort | None = None
    realtime_sent_ns: dict[int, int] = field(default_factory=dict)
    realtime_came_ns: dict[int, int] = field(default_factory=dict)
    mtu_came: bool = False
    held_bytes: list[int] = field(default_factory=list)
    late_fed: list[int] = field(default_factory=list)
    begin_ns: int = 0
    line_free_ns: int = 0
    deadline_ns: int = 0

    @property
    def done(self) -> bool:
        """Whether the last frame has come, behind which none can be."""
        came = self.realtime_came_ns
        return self.shape.count - 1 in came and (self.shape.kind == "train" or len(came) == self.shape.count)

    @property
    def even(self) -> bool:
        """Whether all frames have one size, so that the first one's arrival is part of the rate too."""
        return self.shape.ip_bytes == self.target.passing_mtu_bytes

    def due_ns(self, number: int) -> int:
        """When frame ``number`` is to be sent (monotonic)."""
        return self.begin_ns + max(0, number - self.shape.burst + 1) * self.shape.gap_ns

    def send(self, number: int, now_ns: int) -> None:
        """Send frame ``number``, having looked at what the socket holds of those before."""
        shape, target = self.shape, self.target
        assert self.source is not None
        train = shape.kind == "train"
        ip_bytes = target.passing_mtu_bytes if train and number == 0 else shape.ip_bytes
        if train and number and target.line_ns(ip_bytes):
            if now_ns > self.line_free_ns:
                self.late_fed.append(number)
            elif number >= shape.burst:
                self.held_bytes.append(self.source.unsent_bytes())
        self.line_free_ns = target.line_free_ns(max(self.line_free_ns, now_ns), now_ns, ip_bytes)
        data = frame((target.source, target.sink), ip_bytes, target.number, KINDS[shape.kind], number)
        self.realtime_sent_ns[number] = time.time_ns()
        self.source.send(data)
        if number == shape.count - 1:
            self.deadline_ns = latest_arrival_ns(target, shape, time.monotonic_ns()) + LATE_NS[shape.kind]


def probe_links(network: Network, plan: Plan, backends: Mapping[str, str]) -> list[dict[str, Any]]:
    """Probe both directions of every link of ``plan``; ``backends`` names each link's, ``relay`` or ``netem``.

    Returns
    -------
    list of dict
        For each direction ``link``, ``direction``, ``backend``, ``attempts``, and by quantity (``delay_ns``,
        ``mtu_bytes``, ``held_bytes``, ``rate_bps``) what was asked, measured and tolerated, and ``ok``: None where
        nothing could be proved, ``note`` then says why (see :func:`unproved`).

    Raises
    ------
    VoidRun
        A quantity is not as asked, three times over: names link, direction, quantity, asked and measured.
    """
    targets = _targets(network, plan, backends)
    ports: dict[tuple[str, str], ProbePort] = {}
    try:
        for target in targets:
            for port in (target.source, target.sink):
                if (port.link, port.end) not in ports:
                    ports[port.link, port.end] = ProbePort(port, network.namespaces[port.node])
        records = {target.number: Record(target) for target in targets}
        refused = {
            target.number: refuses_larger(target, ports[target.source.link, target.source.end]) for target in targets
        }
        prove(records, refused, lambda kind, target: _trial(kind, target, ports), _run)
    finally:
        _close(list(ports.values()))
    return [record.as_dict() for record in records.values()]


def unproved(records: Sequence[Mapping[str, Any]]) -> list[str]:
    """A line for each quantity that could not be proved: reasons to call a run degraded."""
    return [
        f"link {record['link']} {record['direction']}: {quantity}: asked for {finding['asked']}, measured"
        f" {finding['measured']}: {finding['note']}"
        for record in records
        for quantity, finding in record["quantities"].items()
        if finding["ok"] is None
    ]


@dataclass(slots=True)
class Record:
    """What is known of one target so far."""

    target: Target
    attempts: int = 0
    quantities: dict[str, Finding] = field(default_factory=dict)

    def as_dict(self) -> dict[str, Any]:
        return {
            "link": self.target.link,
            "direction": self.target.direction,
            "backend": self.target.backend,
            "attempts": self.attempts,
            "quantities": {name: asdict(finding) for name, finding in self.quantities.items()},
        }

    def note(self, trial: Trial, larger_refused: bool) -> bool:
        """Judge a trial; whether all of it is proved."""
        target = self.target
        if trial.shape.kind == "delay":
            transits = [
                trial.realtime_came_ns[number] - sent
                for number, sent in trial.realtime_sent_ns.items()
                if number in trial.realtime_came_ns
            ]
            found: dict[str, Finding | None] = {"delay_ns": judge_delay(target, transits)}
        else:
            came = {number: when for number, when in trial.realtime_came_ns.items() if number or trial.even}
            found = {
                "mtu_bytes": judge_mtu(target, trial.mtu_came, larger_refused),
                "held_bytes": judge_held(trial.held_bytes),
                "rate_bps": judge_rate(target, trial.shape, came, trial.late_fed),
            }
        self.quantities |= {name: finding for name, finding in found.items() if finding is not None}
        return all(finding is None or finding.ok for finding in found.values())


def _close(ports: Sequence[ProbePort]) -> None:
    """Close all at once: each close of a packet socket waits for an RCU grace period (packet_release), 12 ms."""
    if ports:
        with ThreadPoolExecutor(max_workers=min(64, len(ports))) as pool:
            list(pool.map(ProbePort.close, ports))


def _targets(network: Network, plan: Plan, backends: Mapping[str, str]) -> list[Target]:
    found: list[Target] = []
    for link in plan.links:
        a, b = network.wiring.port(link, "a"), network.wiring.port(link, "b")
        backend = backends[link.name]
        found.append(Target(len(found), link.name, "a_to_b", backend, link.a_to_b, a, b))
        found.append(Target(len(found), link.name, "b_to_a", backend, link.b_to_a, b, a))
    return found


def refuses_larger(target: Target, source: ProbePort) -> bool:
    """Whether the interface at ``source`` refuses a packet that is one byte longer than its MTU."""
    return source.refuses(frame((target.source, target.sink), target.source.mtu_bytes + 1, target.number, 0, 0))


def prove(
    records: Mapping[int, Record],
    refused: Mapping[int, bool],
    trial_of: Callable[[Kind, Target], Trial],
    run: Callable[[Sequence[Trial], float], None],
) -> None:
    """Measure every target; again, and with less going on at once, those that are not as asked.

    ``refused``: by target, whether its interface refused a packet longer than its MTU. ``run`` sends trials, as many at
    once as so many packets a second allow, and fills in what came.
    """
    for kind in KINDS:
        _prove(kind, records, refused, trial_of, run)


def _prove(
    kind: Kind,
    records: Mapping[int, Record],
    refused: Mapping[int, bool],
    trial_of: Callable[[Kind, Target], Trial],
    run: Callable[[Sequence[Trial], float], None],
) -> None:
    left = [record.target for record in records.values()]
    for attempt in range(1, ATTEMPTS + 1):
        trials = [trial_of(kind, target) for target in left]
        run(trials, LOAD_PER_S[kind] / attempt)
        failed = []
        for trial in trials:
            record = records[trial.target.number]
            record.attempts = max(record.attempts, attempt)
            if not record.note(trial, refused[trial.target.number]):
                failed.append(trial.target)
        left = failed
        if not left:
            return
    for target in left:
        for quantity, finding in records[target.number].quantities.items():
            if finding.ok is False:
                raise VoidRun(
                    f"{target.place}: {quantity}: asked for {finding.asked}, measured {finding.measured} (tolerance"
                    f" {finding.tolerance}, {ATTEMPTS} attempts){': ' if finding.note else ''}{finding.note}"
                )


def shape_of(kind: Kind, target: Target) -> Shape:
    """What to send over ``target``."""
    return delay_shape(target) if kind == "delay" else train_shape(target)


def _trial(kind: Kind, target: Target, ports: Mapping[tuple[str, str], ProbePort]) -> Trial:
    source = ports[target.source.link, target.source.end]
    sink = ports[target.sink.link, target.sink.end]
    return Trial(target, shape_of(kind, target), source, sink)


def _run(trials: Sequence[Trial], load_per_s: float) -> None:
    """Send all trials, as many at once as ``load_per_s`` packets allow, and collect what comes."""
    with selectors.DefaultSelector() as selector:
        for sink in {trial.sink for trial in trials if trial.sink is not None}:
            selector.register(sink, selectors.EVENT_READ)
        by_target = {trial.target.number: trial for trial in trials}
        send_all(trials, load_per_s)
        while True:
            now_ns = time.monotonic_ns()
            open_until_ns = max((trial.deadline_ns for trial in trials if not trial.done), default=0)
            if open_until_ns <= now_ns:
                break
            for key, _ in selector.select((open_until_ns - now_ns) / 1e9):
                _collect(key.fileobj, by_target)  # type: ignore[arg-type]


def send_all(trials: Sequence[Trial], load_per_s: float) -> None:
    """Send all trials, as many at once as ``load_per_s`` packets allow; when each is over stands in it then."""
    waiting = deque(trials)
    due: list[tuple[int, int, int]] = []  # (when, which trial, which frame)
    load = 0.0
    position = {id(trial): index for index, trial in enumerate(trials)}
    while waiting or due:
        while waiting and (not due or load + waiting[0].shape.packets_per_s <= load_per_s):
            trial = waiting.popleft()
            load += trial.shape.packets_per_s
            trial.begin_ns = time.monotonic_ns()
            heapq.heappush(due, (trial.begin_ns, position[id(trial)], 0))
        when_ns, index, number = heapq.heappop(due)
        now_ns = time.monotonic_ns()
        if when_ns > now_ns:
            time.sleep((when_ns - now_ns) / 1e9)
            now_ns = time.monotonic_ns()
        trial = trials[index]
        trial.send(number, now_ns)
        if number + 1 < trial.shape.count:
            heapq.heappush(due, (trial.due_ns(number + 1), index, number + 1))
        else:
            load -= trial.shape.packets_per_s


def _collect(sink: ProbePort, trials: Mapping[int, Trial]) -> None:
    for arrival in sink.arrivals():
        trial = trials.get(arrival.target)
        if trial is not None and arrival.kind == KINDS[trial.shape.kind]:
            trial.realtime_came_ns.setdefault(arrival.number, arrival.realtime_ns)
            trial.mtu_came |= arrival.ip_bytes == trial.target.passing_mtu_bytes
