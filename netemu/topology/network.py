"""The compiled topology: what a Plan takes over, and questions about it."""

from __future__ import annotations

import msgspec

from netemu.specs import LinkSpec, NodeSpec, RouteSpec
from netemu.topology.predict import Prediction, Predictor


class Network(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Nodes, links with addresses, and routing tables, all in natural order of names; JSON both ways by specs.codec.

    ``accept``: deliberate departures, such as ``"mtu_black_hole:s1"``, for ``Plan.accept``.
    """

    nodes: tuple[NodeSpec, ...]
    links: tuple[LinkSpec, ...]
    routes: tuple[RouteSpec, ...]
    accept: tuple[str, ...] = ()

    @property
    def hosts(self) -> tuple[str, ...]:
        """The names of the hosts."""
        return tuple(node.name for node in self.nodes if node.role == "host")

    def address(self, node: str, family: int = 4) -> str:
        """The first address of ``node`` (that of its lowest interface with one), without prefix length."""
        return self.predictor().address(node, family)

    def predictor(self) -> Predictor:
        """An index over the tables that answers for many pairs."""
        return Predictor(self.nodes, self.links, self.routes)

    def predict(self, source: str, destination: str, family: int = 4, *, packet_bytes: int | None = None) -> Prediction:
        """What to expect between two nodes; see :meth:`Predictor.predict`. For many pairs keep a predictor."""
        return self.predictor().predict(source, destination, family, packet_bytes=packet_bytes)
