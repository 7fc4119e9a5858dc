"""::

         c1   c2   c3   c4          core
          |\\ _/|    ...
        a1x1  a1x2   a2x1 ...       aggregation, k/2 per pod
          | \\/ |
        e1x1  e1x2   e2x1 ...       edge, k/2 per pod
         / \\   / \\
     h1x1x1 ...                     hosts, k/2 per edge router
"""

from __future__ import annotations

import networkx as nx

from netemu.errors import BadInput


def fat_tree(k: int = 4, **link: object) -> nx.Graph:
    """The three-layer fat tree of k pods (Al-Fares, Loukissas, Vahdat, SIGCOMM 2008, section 2.2), all of routers.

    ``c<i>`` core, ``a<pod>x<i>`` aggregation, ``e<pod>x<i>`` edge, ``h<pod>x<edge>x<i>`` hosts: k**3/4 hosts and
    5*k**2/4 routers. Routes use one of the equal paths (netemu does not spread over several).

    :param k: ports per router, even, 2 to 18 (names are at most 9 characters).
    :param link: edge attributes of every link.

    >>> fat_tree(4).number_of_nodes()
    36
    """
    if k % 2 or not 2 <= k <= 18:
        raise BadInput(f"fat_tree: k: {k} is not an even number from 2 to 18")
    half = k // 2
    graph = nx.Graph()
    numbers = range(1, half + 1)
    for pod in range(1, k + 1):
        for i in numbers:
            aggregation, edge = f"a{pod}x{i}", f"e{pod}x{i}"
            graph.add_nodes_from((aggregation, edge), role="router")
            for j in numbers:
                core, host = f"c{(i - 1) * half + j}", f"h{pod}x{i}x{j}"
                graph.add_node(core, role="router")
                graph.add_node(host, role="host")
                graph.add_edge(core, aggregation, **link)
                graph.add_edge(edge, host, **link)
                graph.add_edge(aggregation, f"e{pod}x{j}", **link)
    for pod in range(1, k + 1):
        graph.add_nodes_from((f"e{pod}x{i}" for i in numbers), role="router")
    return graph
