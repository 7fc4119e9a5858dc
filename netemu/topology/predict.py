"""What to expect between two nodes before anything has run: path MTU, base RTT, bottleneck, bandwidth x delay."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from ipaddress import ip_address

from netemu.errors import BadInput
from netemu.specs import LinkDirection, LinkSpec, NodeSpec, RouteSpec
from netemu.topology.forwarding import Address, Crossing, Forwarding

_NS_PER_S = 10**9


@dataclass(frozen=True, slots=True)
class PathPrediction:
    """One direction of a pair, as the routing tables lead it.

    ``nodes``: every node from end to end, switches too. ``hops``: IP hops, one more than the routers on the way.
    ``mtu_bytes``: the smallest MTU on the way. ``mtu_black_holes``: switches on the way behind which the MTU is
    smaller than before, so that nobody reports it. ``delay_ns``: sum of the delays, without jitter and queues.
    ``bottleneck_link`` and ``bottleneck_rate_bps``: the first link with the lowest rate, None when none is limited.
    ``serialisation_ns``: time one packet of ``packet_bytes`` takes on the lines, each link storing it before it
    forwards, rounded up to a nanosecond per link.
    """

    nodes: tuple[str, ...]
    links: tuple[str, ...]
    hops: int
    mtu_bytes: int
    mtu_black_holes: tuple[str, ...]
    delay_ns: int
    bottleneck_link: str | None
    bottleneck_rate_bps: int | None
    packet_bytes: int
    serialisation_ns: int


@dataclass(frozen=True, slots=True)
class Prediction:
    """A pair both ways, from the links as they are at the start (schedules are not followed).

    ``base_rtt_ns``: delays there and back; one packet each way takes ``forward.serialisation_ns`` and
    ``backward.serialisation_ns`` more. ``bdp_bytes``: forward bottleneck x base RTT, None when no rate is limited.
    """

    source: str
    destination: str
    family: int
    source_address: str
    destination_address: str
    forward: PathPrediction
    backward: PathPrediction
    base_rtt_ns: int
    bdp_bytes: int | None


class Predictor:
    """Predictions from the nodes, links and routes of a Network or a Plan."""

    def __init__(self, nodes: Sequence[NodeSpec], links: Sequence[LinkSpec], routes: Sequence[RouteSpec]) -> None:
        self._forwarding = Forwarding(nodes, links, routes)
        self._roles = {node.name: node.role for node in nodes}

    def address(self, node: str, family: int = 4) -> str:
        """The first address of ``node``, without prefix length; :class:`BadInput` when it has none."""
        return str(self._first_address(node, family))

    def families(self, source: str, destination: str) -> tuple[int, ...]:
        """The address families, 4 and 6, of which both nodes have an address."""
        nodes = (source, destination)
        return tuple(family for family in (4, 6) if all(self._forwarding.addresses(node, family) for node in nodes))

    def predict(self, source: str, destination: str, family: int = 4, *, packet_bytes: int | None = None) -> Prediction:
        """What to expect from ``source`` to the first address of ``destination``, and back to the address it used.

        :param packet_bytes: IP length for the serialisation times; None takes the path MTU of each direction.
        :raises BadInput: no such node, no address of the family, one node twice, unreachable, or a packet above
            the path MTU.
        """
        if family not in (4, 6):
            raise BadInput(f"topology: family {family!r} is none; use 4 or 6")
        if source == destination:
            raise BadInput(f"topology: {source!r} twice; a prediction needs two nodes")
        target = self._first_address(destination, family)
        self._first_address(source, family)
        there = self._forwarding.crossings(source, target)
        origin = _address_of(there[0], family)
        back = self._forwarding.crossings(destination, origin)
        forward, backward = (self._path(path, packet_bytes) for path in (there, back))
        base_rtt_ns = forward.delay_ns + backward.delay_ns
        rate_bps = forward.bottleneck_rate_bps
        return Prediction(
            source,
            destination,
            family,
            str(origin),
            str(target),
            forward,
            backward,
            base_rtt_ns,
            None if rate_bps is None else rate_bps * base_rtt_ns // (8 * _NS_PER_S),
        )

    def _first_address(self, node: str, family: int) -> Address:
        found = self._forwarding.addresses(node, family)
        if not found:
            why = "a switch has no address" if self._roles[node] == "switch" else "its links do not carry it"
            raise BadInput(f"topology: {node} has no IPv{family} address: {why} (IPv6 needs an MTU of 1280 or more)")
        return found[0][1]

    def _path(self, crossings: Sequence[Crossing], packet_bytes: int | None) -> PathPrediction:
        directions = [direction for _, _, _, direction in crossings]
        nodes = (crossings[0][1].node, *(far.node for _, _, far, _ in crossings))
        mtu_bytes = min(direction.mtu_bytes for direction in directions)
        size_bytes = mtu_bytes if packet_bytes is None else packet_bytes
        if not 1 <= size_bytes <= mtu_bytes:
            raise BadInput(
                f"topology: packet_bytes: {packet_bytes} does not fit the path {'-'.join(nodes)}; use 1 to {mtu_bytes}"
            )
        limited = [
            (direction.rate_bps, position)
            for position, direction in enumerate(directions)
            if direction.rate_bps is not None
        ]
        rate_bps, position = min(limited) if limited else (None, 0)
        return PathPrediction(
            nodes,
            tuple(link.name for link, _, _, _ in crossings),
            sum(self._roles[far.node] != "switch" for _, _, far, _ in crossings),
            mtu_bytes,
            self._black_holes(crossings),
            sum(direction.delay_ns for direction in directions),
            None if rate_bps is None else crossings[position][0].name,
            rate_bps,
            size_bytes,
            sum(serialisation_ns(direction, size_bytes) for direction in directions),
        )

    def _black_holes(self, crossings: Sequence[Crossing]) -> tuple[str, ...]:
        """Switches that must pass on what the interface that sent it into the segment may be too long for."""
        found, sent_bytes = [], 0
        for _, near, _, direction in crossings:
            if self._roles[near.node] != "switch":
                sent_bytes = direction.mtu_bytes
            elif direction.mtu_bytes < sent_bytes:
                found.append(near.node)
        return tuple(found)


def serialisation_ns(direction: LinkDirection, packet_bytes: int) -> int:
    """How long a packet of ``packet_bytes`` IP bytes is on the line, rounded up; 0 where the rate has no limit."""
    if direction.rate_bps is None:
        return 0
    bits = 8 * (packet_bytes + direction.overhead_bytes)
    return -(-bits * _NS_PER_S // direction.rate_bps)


def _address_of(crossing: Crossing, family: int) -> Address:
    """The address the kernel puts as source on what leaves by this crossing: that of the interface."""
    near = crossing[1]
    text = near.ipv4 if family == 4 else near.ipv6
    assert text is not None
    return ip_address(text.partition("/")[0])
