"""::

a0 a1      b1 a2      b2 a3      b3 b0
  \\|         \\|         \\|         \\|
   r1 ======= r2 ======= r3 ======= r4
"""

from __future__ import annotations

from collections.abc import Mapping

import networkx as nx

from netemu.errors import BadInput


def parking_lot(bottlenecks: int = 3, *, bottleneck: Mapping[str, object] | None = None, **link: object) -> nx.Graph:
    """One long flow over several shared links, each of which a short flow crosses too.

    Routers ``r1`` ... in a row. ``a0`` at the first and ``b0`` at the last are the long flow's hosts; ``a<i>`` at
    ``r<i>`` and ``b<i>`` at ``r<i+1>`` those of the flow that crosses the i-th shared link only.

    :param bottlenecks: how many shared links there are.
    :param bottleneck: edge attributes of the shared links, over those of every link.
    :param link: edge attributes of every link.

    >>> sorted(parking_lot(2).adj["r2"])
    ['a2', 'b1', 'r1', 'r3']
    """
    if bottlenecks < 1:
        raise BadInput(f"parking_lot: {bottlenecks} bottlenecks are too few; use at least 1")
    graph = nx.Graph()
    graph.add_nodes_from((f"r{number}" for number in range(1, bottlenecks + 2)), role="router")
    attached = {"a0": "r1", "b0": f"r{bottlenecks + 1}"}
    for number in range(1, bottlenecks + 1):
        graph.add_edge(f"r{number}", f"r{number + 1}", **{**link, **(bottleneck or {})})
        attached |= {f"a{number}": f"r{number}", f"b{number}": f"r{number + 1}"}
    for host, router in attached.items():
        graph.add_node(host, role="host")
        graph.add_edge(host, router, **link)
    return graph
