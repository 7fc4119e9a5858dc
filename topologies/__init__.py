"""Graphs as small functions: each returns a ``networkx.Graph`` for ``netemu.topology.compile_graph``.

Keyword arguments that a builder does not name itself are edge attributes for every link (``rate="10Mbit/s"``);
a single link is changed afterwards: ``graph.edges["h1", "r1"]["loss"] = "1%"``. docs/topology.md lists them.
"""

from topologies.chain import chain
from topologies.dumbbell import dumbbell
from topologies.fat_tree import fat_tree
from topologies.parking_lot import parking_lot
from topologies.star import star

BUILDERS = {builder.__name__: builder for builder in (chain, dumbbell, fat_tree, parking_lot, star)}

__all__ = ["BUILDERS", "chain", "dumbbell", "fat_tree", "parking_lot", "star"]
