"""::

h1 ---- r1 ---- r2 ---- ... ---- h2
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import networkx as nx

from netemu.errors import BadInput


def chain(
    links: int | None = None,
    *,
    mtus: Sequence[int] | None = None,
    rates: Sequence[object] | None = None,
    delays: Sequence[object] | None = None,
    **link: object,
) -> nx.Graph:
    """Two hosts, ``h1`` and ``h2``, and routers ``r1``, ``r2``, ... between them.

    :param links: how many links there are; 2 when nothing else tells.
    :param mtus, rates, delays: one value for each link, from ``h1`` on.
    :param link: edge attributes of every link.
    :raises BadInput: the numbers of links contradict each other.

    >>> graph = chain(mtus=(1500, 1400, 1280, 1500), delay="1ms")
    >>> sorted(graph.edges(data="mtu_bytes"))
    [('h1', 'r1', 1500), ('r1', 'r2', 1400), ('r2', 'r3', 1280), ('r3', 'h2', 1500)]
    """
    each: Mapping[str, Sequence[object] | None] = {"mtu_bytes": mtus, "rate": rates, "delay": delays}
    given = {name: values for name, values in each.items() if values is not None}
    counts = {len(values) for values in given.values()} | ({links} if links is not None else set())
    count = counts.pop() if counts else 2
    if counts:
        raise BadInput("chain: links, mtus, rates and delays ask for different numbers of links; give each the same")
    if count < 1:
        raise BadInput(f"chain: {count} links are too few; use at least 1")
    names = ["h1", *(f"r{number}" for number in range(1, count)), "h2"]
    graph = nx.Graph()
    for name in names:
        graph.add_node(name, role="host" if name[0] == "h" else "router")
    for position in range(count):
        own = {name: values[position] for name, values in given.items()}
        graph.add_edge(names[position], names[position + 1], **{**link, **own})
    return graph
