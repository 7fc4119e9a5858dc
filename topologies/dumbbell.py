"""::

a1 --.              .-- b1
a2 ---- r1 ==== r2 ---- b2
a3 --'   bottleneck '-- b3
"""

from __future__ import annotations

from collections.abc import Mapping

import networkx as nx

from netemu.errors import BadInput


def dumbbell(pairs: int = 2, *, bottleneck: Mapping[str, object] | None = None, **link: object) -> nx.Graph:
    """Hosts ``a1``, ``a2``, ... and ``b1``, ``b2``, ... on either side of the link ``r1`` - ``r2`` that they share.

    :param pairs: hosts on each side.
    :param bottleneck: edge attributes of the shared link, over those of every link.
    :param link: edge attributes of every link.

    >>> graph = dumbbell(2, bottleneck={"rate": "10Mbit/s"}, delay="1ms")
    >>> graph.edges["r1", "r2"]
    {'delay': '1ms', 'rate': '10Mbit/s'}
    """
    if pairs < 1:
        raise BadInput(f"dumbbell: {pairs} pairs are too few; use at least 1")
    graph = nx.Graph()
    graph.add_nodes_from(("r1", "r2"), role="router")
    graph.add_edge("r1", "r2", **{**link, **(bottleneck or {})})
    for number in range(1, pairs + 1):
        for side, router in (("a", "r1"), ("b", "r2")):
            graph.add_node(f"{side}{number}", role="host")
            graph.add_edge(f"{side}{number}", router, **link)
    return graph
