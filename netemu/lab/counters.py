"""The kernel's counters of every host before and after the traffic, as ``samples/counters.jsonl``."""

from __future__ import annotations

import json
from pathlib import Path

from netemu.agents import counters
from netemu.lab.network import Network

HostCounters = dict[str, dict[str, int]]


def read_counters(network: Network) -> HostCounters:
    """Node -> counter -> value, for hosts and routers, read one after the other."""
    found = {}
    for node, namespace in network.namespaces.items():
        with namespace.entered():
            found[node] = counters.read_counters()
    return found


def write_counters(before: HostCounters, after: HostCounters, path: Path) -> None:
    """One line per host and counter; a counter that one of the two readings lacks counts from or to zero."""
    with path.open("w") as file:
        for host in before:
            for name in sorted(before[host].keys() | after[host].keys()):
                line = {
                    "host": host,
                    "counter": name,
                    "before": before[host].get(name, 0),
                    "after": after[host].get(name, 0),
                }
                file.write(json.dumps(line) + "\n")
