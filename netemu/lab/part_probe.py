"""A guest's side of probing crossing links: it sends what it is told and reports what it sent and what came.

The far ends are other guests', with clocks of their own; whoever asked brings the times together and judges them.
Times reported are of this guest's monotonic clock.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import Any

from netemu.agents.capture import realtime_offset
from netemu.lab.part import crossing_targets
from netemu.lab.part_network import PartNetwork
from netemu.lab.probe import Trial, refuses_larger, send_all, shape_of
from netemu.lab.probe_judge import Kind
from netemu.lab.probe_port import ProbePort
from netemu.specs import LinkSpec


class CrossingProbes:
    """A socket on each interface of this part that has a crossing link."""

    def __init__(self, network: PartNetwork, links: Sequence[LinkSpec]) -> None:
        """``links``: all that cross, in this part or not, so that targets have the same numbers everywhere."""
        self._ports: dict[str, ProbePort] = {}
        for half in network.half_wires:
            port = network.own_port(half)
            self._ports[port.interface] = ProbePort(port, network.namespaces[port.node])
        self._sources = {
            target.number: target
            for target in crossing_targets(network.wiring, links)
            if target.source.interface in self._ports
        }

    def refused(self) -> dict[str, bool]:
        """By target that begins here, whether its interface refuses a packet longer than its MTU."""
        return {
            str(number): refuses_larger(target, self._ports[target.source.interface])
            for number, target in self._sources.items()
        }

    def send(self, kind: Kind, numbers: Sequence[int], load_per_s: float) -> dict[str, Any]:
        """Send the shape of ``kind`` over those targets of ``numbers`` that begin here; by number, what was sent."""
        trials = [
            Trial(target, shape_of(kind, target), self._ports[target.source.interface])
            for number in numbers
            if (target := self._sources.get(number)) is not None
        ]
        send_all(trials, load_per_s)
        to_monotonic_ns = -realtime_offset()
        return {
            str(trial.target.number): {
                "sent_ns": [when + to_monotonic_ns for _, when in sorted(trial.realtime_sent_ns.items())],
                "held_bytes": min(trial.held_bytes, default=None),
                "late_fed": trial.late_fed,
                "begin_ns": trial.begin_ns,
                "wait_ns": max(0, trial.deadline_ns - time.monotonic_ns()),
            }
            for trial in trials
        }

    def collect(self) -> list[list[int]]:
        """What has come: target, kind, number, bytes of the packet, time of each frame."""
        to_monotonic_ns = -realtime_offset()
        return [
            [arrival.target, arrival.kind, arrival.number, arrival.ip_bytes, arrival.realtime_ns + to_monotonic_ns]
            for port in self._ports.values()
            for arrival in port.arrivals()
        ]

    def close(self) -> None:
        """Close the sockets."""
        for port in self._ports.values():
            port.close()
        self._ports.clear()
