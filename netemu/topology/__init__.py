"""NetworkX graph <-> specs: validation, addressing, routes, predictions, GraphML and JSON.

::

    nx.Graph --> edges (text read, checked) --> segments --> addressing --+--> Network (nodes, links, routes)
                                                    +------> routing -----+        |
    .graphml, .json <--> files                                          predict <--+

``compile_graph(graph)`` is the way in; ``Network.predict(a, b)`` says what to expect; ``read_graph`` and
``write_graph`` keep a graph in a file. docs/topology.md lists every attribute.
"""

from netemu.topology.compile import compile_graph
from netemu.topology.files import plain_graph, read_graph, write_graph
from netemu.topology.network import Network
from netemu.topology.predict import PathPrediction, Prediction, Predictor

__all__ = [
    "Network",
    "PathPrediction",
    "Prediction",
    "Predictor",
    "compile_graph",
    "plain_graph",
    "read_graph",
    "write_graph",
]
