"""A scenario: a path between two hosts, what happens on it, and the programs at its ends; it becomes a Plan.

The hosts are ``h1`` and ``h2``, with routers ``r1``, ``r2`` ... between them where the path has several links.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from netemu.experiment import Experiment
from netemu.experiment.traffic import Flow
from netemu.specs import AgentSpec, Plan, ProbeSpec

if TYPE_CHECKING:
    from types import SimpleNamespace

    import networkx as nx

PROBES = ProbeSpec(interval_ns=0, counters=False, tracepoints=True)
"""Nothing samples sockets: the plan's packets and the kernel's tracepoints tell all that is compared."""


@dataclass(frozen=True, slots=True)
class Script:
    """An agent of program ``calls`` on ``host``; ``"@h2"`` in its script stands for the IPv4 address of h2."""

    name: str
    host: str
    script: Sequence[Sequence[Any]]
    start_ns: int = 0
    stop_ns: int = 30_000_000_000
    hold: bool = False

    def agent(self, address_of: Callable[[str], str]) -> AgentSpec:
        """The agent, with addresses in place."""
        script = [
            [address_of(one[1:]) if isinstance(one, str) and one.startswith("@") else one for one in item]
            for item in self.script
        ]
        args = {"script": script, "hold": self.hold}
        return AgentSpec(self.name, self.host, "calls", args, self.start_ns, self.stop_ns)


Traffic = tuple[Flow | Script, ...]


@dataclass(frozen=True, slots=True)
class Scenario:
    """What is compared under a name.

    ``mechanisms``: ids as in the project's table of mechanisms. ``links``: edge attributes of each link, from h1 on
    (docs/topology.md). ``sysctls``: node -> names and values. ``shows``: what happens, in a sentence.
    """

    name: str
    mechanisms: tuple[str, ...]
    shows: str
    links: tuple[Mapping[str, Any], ...]
    traffic: Traffic
    sysctls: Mapping[str, Mapping[str, str | int]] = field(default_factory=dict)
    seed: int = 1
    duration: str = "60s"

    def plan(self) -> Plan:
        """The plan, the same for the same scenario.

        :raises BadInput: what the scenario asks for is wrong.
        """
        experiment = Experiment(
            f"fidelity_{self.name}", question=self.shows, probes=PROBES, snap_bytes=160, duration=self.duration
        )
        experiment.topology(self._graph)
        addresses = {
            end.node: end.ipv4.partition("/")[0]
            for link in experiment.network().links
            for end in (link.a, link.b)
            if end.ipv4 is not None
        }
        experiment.traffic(
            lambda _: [one.agent(addresses.__getitem__) if isinstance(one, Script) else one for one in self.traffic]
        )
        return experiment.plan(seed=self.seed)

    def _graph(self, _: SimpleNamespace) -> nx.Graph:
        import networkx as nx

        names = ["h1", *(f"r{number}" for number in range(1, len(self.links))), "h2"]
        graph = nx.Graph(name=self.name)
        for name in names:
            role = "router" if name.startswith("r") else "host"
            graph.add_node(name, role=role, sysctls=dict(self.sysctls.get(name, {})))
        for left, right, link in zip(names, names[1:], self.links, strict=False):
            graph.add_edge(left, right, **link)
        return graph
