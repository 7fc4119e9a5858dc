"""Small plans for the lab's tests, written out so that they depend on no builder."""

from __future__ import annotations

from netemu.specs import Endpoint, LinkDirection, LinkSpec, NodeSpec, Plan, RouteSpec


def endpoint(node: str, port: int, number: int, ipv4: str | None, ipv6: str | None) -> Endpoint:
    mac = f"02:00:00:00:{number >> 8:02x}:{number & 255:02x}"
    return Endpoint(node, f"{node}-eth{port}", mac, ipv4, ipv6)


def plan_of(
    nodes: tuple[NodeSpec, ...], links: tuple[LinkSpec, ...], routes: tuple[RouteSpec, ...] = (), **more: object
) -> Plan:
    return Plan(experiment="lab", seed=1, nodes=nodes, links=links, routes=routes, agents=(), captures=(), **more)


def pair(direction: LinkDirection | None = None, back: LinkDirection | None = None, **more: object) -> Plan:
    """h1 - h2 on one link."""
    there = direction or LinkDirection()
    link = LinkSpec(
        "l1",
        endpoint("h1", 0, 1, "10.0.0.1/24", "fd00::1/64"),
        endpoint("h2", 0, 2, "10.0.0.2/24", "fd00::2/64"),
        there,
        back or there,
    )
    return plan_of((NodeSpec("h1", "host"), NodeSpec("h2", "host")), (link,), **more)


def chain() -> Plan:
    """h1 - r1 - h2, MTU 1500 then 1280, IPv4 and IPv6."""
    wide, narrow = LinkDirection(mtu_bytes=1500), LinkDirection(mtu_bytes=1280)
    links = (
        LinkSpec(
            "l1",
            endpoint("h1", 0, 1, "10.0.1.2/24", "fd00:1::2/64"),
            endpoint("r1", 0, 2, "10.0.1.1/24", "fd00:1::1/64"),
            wide,
            wide,
        ),
        LinkSpec(
            "l2",
            endpoint("r1", 1, 3, "10.0.2.1/24", "fd00:2::1/64"),
            endpoint("h2", 0, 4, "10.0.2.2/24", "fd00:2::2/64"),
            narrow,
            narrow,
        ),
    )
    routes = (
        RouteSpec("h1", "10.0.2.0/24", "10.0.1.1", "h1-eth0"),
        RouteSpec("h1", "fd00:2::/64", "fd00:1::1", "h1-eth0"),
        RouteSpec("h2", "0.0.0.0/0", "10.0.2.1", "h2-eth0"),
        RouteSpec("h2", "::/0", "fd00:2::1", "h2-eth0"),
    )
    nodes = (NodeSpec("h1", "host"), NodeSpec("r1", "router"), NodeSpec("h2", "host"))
    return plan_of(nodes, links, routes)


def star(hosts: int, direction: LinkDirection | None = None, ipv6: bool = True) -> Plan:
    """``hosts`` hosts around the switch s1."""
    what = direction or LinkDirection()
    nodes = [NodeSpec("s1", "switch")]
    links = []
    for number in range(1, hosts + 1):
        name = f"h{number}"
        nodes.append(NodeSpec(name, "host"))
        high, low = divmod(number, 250)
        host = endpoint(name, 0, number, f"10.0.{high}.{low + 1}/16", f"fd00::{number:x}/64" if ipv6 else None)
        links.append(LinkSpec(f"l{number}", host, endpoint("s1", number, 0x4000 + number, None, None), what, what))
    return plan_of(tuple(nodes), tuple(links))
