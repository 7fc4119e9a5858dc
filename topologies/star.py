"""::

h1 --.   .-- h4
h2 ---- r1
h3 --'
"""

from __future__ import annotations

import networkx as nx

from netemu.errors import BadInput


def star(hosts: int = 4, *, center: str = "router", **link: object) -> nx.Graph:
    """Hosts ``h1``, ``h2``, ... around a router ``r1``, or around a switch ``s1``.

    :param center: ``router`` or ``switch``.
    :param link: edge attributes of every link.

    >>> star(3, center="switch", rate="10Mbit/s").nodes["s1"]
    {'role': 'switch'}
    """
    if hosts < 1:
        raise BadInput(f"star: {hosts} hosts are too few; use at least 1")
    if center not in ("router", "switch"):
        raise BadInput(f"star: center: {center!r} is no center; use 'router' or 'switch'")
    middle = f"{center[0]}1"
    graph = nx.Graph()
    graph.add_node(middle, role=center)
    for number in range(1, hosts + 1):
        graph.add_node(f"h{number}", role="host")
        graph.add_edge(f"h{number}", middle, **link)
    return graph
