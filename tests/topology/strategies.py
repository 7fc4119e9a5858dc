"""Random topologies for property tests, valid by construction, and how to read them without netemu's own code."""

from __future__ import annotations

from typing import Any

import networkx as nx
from hypothesis import strategies as st

MTUS = (576, 1279, 1280, 1400, 1500, 9000)
times = st.integers(0, 4).map(lambda n: f"{n}ms")
rates = st.none() | st.sampled_from(["1Mbit/s", "10Mbit/s", "2Gbit/s", 64_000])
ratios = st.sampled_from([0, 0.25, "1%", "0.5", 1e-9])
losses = (
    ratios
    | st.fixed_dictionaries({"p": ratios, "r": ratios})
    | st.fixed_dictionaries(
        {"model": st.just("gilbert_elliott"), "p": ratios, "r": ratios, "loss_in_bad": ratios, "loss_in_good": ratios}
    )
)
drops = st.lists(
    st.fixed_dictionaries(
        {
            "kind": st.sampled_from(["data", "new_data", "syn", "udp"]),
            "nth": st.lists(st.integers(1, 50), min_size=1, max_size=3, unique=True),
        },
        optional={"port": st.integers(1, 65535) | st.none()},
    ),
    max_size=2,
)
schedules = st.lists(st.integers(0, 9), unique=True, max_size=3).map(
    lambda at: [{"at": f"{second}s", "rate": "5Mbit/s", "delay": "40ms", "loss": 0} for second in sorted(at)]
)
values: dict[str, st.SearchStrategy[Any]] = {
    "rate": rates,
    "delay": times,
    "loss": losses,
    "drops": drops,
    "duplicate": ratios,
    "corrupt": ratios,
    "overhead": st.sampled_from([0, 14, "38"]),
    "queue": st.sampled_from(["1p", "30p", "64KiB", "1MB", {"packets": 7}]),
    "schedule": schedules,
    "cost": st.integers(0, 3),
}


@st.composite
def attributes(draw: st.DrawFn, a: str, b: str) -> dict[str, Any]:
    """Edge attributes for the edge ``a`` - ``b``, some of them different per direction."""
    found: dict[str, Any] = {}
    for name in draw(st.lists(st.sampled_from(sorted(values)), unique=True, max_size=4)):
        one = values[name]
        directions = st.fixed_dictionaries({}, optional={f"{a}->{b}": one, f"{b}->{a}": one}).filter(bool)
        found[name] = draw(one | directions)
    if draw(st.booleans()):
        found["offloads"] = draw(st.booleans())
    if draw(st.booleans()):
        found["backend"] = draw(st.sampled_from(["auto", "relay"]))
    return found


@st.composite
def graphs(draw: st.DrawFn, *, cost: bool = False, rich: bool = True) -> nx.Graph:
    """A graph of hosts, routers and switches, not always connected; switches form trees and join equal MTUs.

    :param cost: give every edge the attribute ``cost``. :param rich: draw attributes other than MTU, delay, rate.
    """
    graph = nx.Graph()
    routers = [f"r{n}" for n in range(draw(st.integers(0, 5)))]
    switches = [f"s{n}" for n in range(draw(st.integers(0, 3)))]
    hosts = [f"h{n}" for n in range(draw(st.integers(2, 5)))]
    segment = {switch: switch for switch in switches}
    for number, switch in enumerate(switches[1:], 1):
        if draw(st.booleans()):
            other = draw(st.sampled_from(switches[:number]))
            graph.add_edge(switch, other)
            segment[switch] = segment[other]
    on_segment: set[tuple[str, str]] = set()

    def join(node: str, other: str) -> None:
        if other in segment:
            if (node, segment[other]) in on_segment:
                return
            on_segment.add((node, segment[other]))
        graph.add_edge(node, other)

    for number, router in enumerate(routers):
        for other in (
            draw(st.lists(st.sampled_from(switches + routers[:number]), unique=True, max_size=3))
            if (switches or number)
            else ()
        ):
            join(router, other)
    for number, host in enumerate(hosts):
        for other in draw(
            st.lists(
                st.sampled_from(routers + switches + (hosts[:number] or ["h9"])), unique=True, min_size=1, max_size=2
            )
        ):
            join(host, other)
    graph.remove_nodes_from([node for node in graph if not graph.adj[node]])
    mtus = {name: draw(st.sampled_from(MTUS)) for name in sorted({segment[s] for s in switches})}
    for a, b in graph.edges:
        shared = segment.get(a, segment.get(b))
        given = draw(attributes(a, b)) if rich else draw(st.fixed_dictionaries({"delay": times, "rate": rates}))
        if cost:
            given["cost"] = draw(st.integers(0, 3))
        given["mtu_bytes"] = mtus[shared] if shared is not None else draw(st.sampled_from(MTUS))
        graph.edges[a, b].update(given)
    for name in graph:
        graph.nodes[name]["role"] = {"h": "host", "r": "router", "s": "switch"}[name[0]]
        if rich and name[0] != "s" and draw(st.booleans()):
            graph.nodes[name]["sysctls"] = {"net.ipv4.tcp_sack": draw(st.integers(0, 1)), "net.ipv4.tcp_rmem": "1 2 3"}
        if rich and name[0] == "h" and draw(st.booleans()):
            graph.nodes[name]["kernel"] = draw(
                st.sampled_from(["host", "uml:6.12?time=virtual", '"odd"', "[x", "null"])
            )
    return graph


def one_way(graph: nx.Graph, a: str, b: str, name: str, default: Any) -> Any:
    """The value of an edge attribute for packets from ``a`` to ``b``, as docs/topology.md says it is read."""
    value = graph.edges[a, b].get(name)
    if isinstance(value, dict) and any("->" in key for key in value):
        value = value.get(f"{a}->{b}")
    return default if value is None else value
