"""A network as plain text: a drawing for the terminal and aligned tables."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from netemu.specs import DropRule, FixedLoss, GilbertElliott, LinkChange, LinkDirection, LinkSpec, RouteSpec
from netemu.topology.network import Network
from netemu.topology.predict import PathPrediction, Prediction
from netemu.units import format_rate, format_ratio, format_size, format_time

_DEFAULT = LinkDirection()
_MOST_DRAWN = 60
_LINE = 120

Neighbours = dict[str, list[tuple[str, str]]]
"""Node -> each neighbour and the label of the link to it."""


def draw_text(network: Network) -> str | None:
    """The network for the terminal: a chain on one line or a tree; None when it has a cycle or is too large."""
    around: Neighbours = {node.name: [] for node in network.nodes}
    for link in network.links:
        around[link.a.node].append((link.b.node, _both(_label(link.a_to_b), _label(link.b_to_a))))
        around[link.b.node].append((link.a.node, _both(_label(link.b_to_a), _label(link.a_to_b))))
    ends = [name for name, links in around.items() if len(links) == 1]
    if len(network.links) != len(network.nodes) - 1 or len(network.nodes) > _MOST_DRAWN:
        return None
    if len(ends) == 2:
        line = _draw_chain(ends[0], around)
        if len(line) <= _LINE and line.count(" --") == len(network.links):
            return line
    root = ends[0] if len(ends) == 2 else max(around, key=lambda name: len(around[name]))
    lines = [root, *_draw_branches(root, "", around, {root})]
    return "\n".join(lines) if len(lines) == len(network.nodes) else None


def tables(network: Network) -> dict[str, str]:
    """Title -> table, of nodes, links and addresses."""
    return {
        "Nodes": _nodes(network),
        "Links": align(
            ("LINK", "DIRECTION", "MTU", "RATE", "DELAY", "JITTER", "LOSS", "QUEUE", "MORE"),
            (row for link in network.links for row in _link_rows(link)),
        ),
        "Addresses": align(
            ("INTERFACE", "LINK", "IPV4", "IPV6", "MAC"),
            (
                (end.interface, link.name, end.ipv4 or "-", end.ipv6 or "-", end.mac)
                for link in network.links
                for end in (link.a, link.b)
            ),
        ),
    }


def routes_table(routes: Iterable[RouteSpec]) -> str:
    """The routing tables, one line per route."""
    rows = ((route.node, route.destination, route.via or "on link", route.interface) for route in routes)
    return align(("NODE", "DESTINATION", "VIA", "INTERFACE"), rows)


def predictions_table(predictions: Iterable[Prediction | tuple[str, str, int, str]]) -> str:
    """One line per prediction; where there is none, ``(source, destination, family, why not)``."""
    rows = (_failed(one) if isinstance(one, tuple) else _prediction_row(one) for one in predictions)
    return align(("PAIR", "IP", "HOPS", "PATH MTU", "BASE RTT", "PACKET TIME", "BOTTLENECK", "BDP"), rows)


def align(header: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Columns two spaces apart; a column that is ``-`` in every row is left out."""
    body = [tuple(row) for row in rows]
    keep = [column for column in range(len(header)) if not body or any(row[column] != "-" for row in body)]
    lines = [[row[column] for column in keep] for row in [tuple(header), *body]]
    widths = [max(len(line[column]) for line in lines) for column in range(len(keep))]
    return "\n".join(
        "  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip() for line in lines
    )


def _nodes(network: Network) -> str:
    interfaces: dict[str, int] = {}
    for link in network.links:
        for end in (link.a, link.b):
            interfaces[end.node] = interfaces.get(end.node, 0) + 1
    rows = (
        (
            node.name,
            node.role,
            str(interfaces[node.name]),
            node.kernel or "-",
            " ".join(f"{key}={value!r}" if " " in value else f"{key}={value}" for key, value in node.sysctls.items())
            or "-",
        )
        for node in network.nodes
    )
    return align(("NODE", "ROLE", "INTERFACES", "KERNEL", "SYSCTLS"), rows)


def _link_rows(link: LinkSpec) -> list[tuple[str, ...]]:
    kept = [f"backend {link.backend}"] * (link.backend != "auto") + ["offloads"] * link.offloads
    if link.a_to_b == link.b_to_a:
        return [(link.name, "both", *_direction_row(link.a_to_b, kept))]
    return [
        (link.name, f"{link.a.node} -> {link.b.node}", *_direction_row(link.a_to_b, kept)),
        (link.name, f"{link.b.node} -> {link.a.node}", *_direction_row(link.b_to_a, kept)),
    ]


def _direction_row(direction: LinkDirection, more: list[str]) -> tuple[str, ...]:
    queue = direction.queue
    return (
        str(direction.mtu_bytes),
        "-" if direction.rate_bps is None else format_rate(direction.rate_bps),
        format_time(direction.delay_ns),
        format_time(direction.jitter_ns) if direction.jitter_ns else "-",
        format_loss(direction.loss),
        f"{queue.packets}p" if queue.packets is not None else format_size(queue.bytes or 0),
        ", ".join([*_more(direction), *more]) or "-",
    )


def _more(direction: LinkDirection) -> list[str]:
    """What few links have, in words."""
    found = [_drop(rule) for rule in direction.drops]
    for name in ("reorder", "duplicate", "corrupt"):
        ratio = getattr(direction, f"{name}_ratio")
        if ratio:
            found.append(f"{name} {format_ratio(ratio)}")
    if direction.ecn_threshold is not None:
        unit = "p" if direction.queue.packets is not None else "B"
        found.append(f"ecn from {direction.ecn_threshold}{unit}")
    if direction.overhead_bytes != _DEFAULT.overhead_bytes:
        found.append(f"overhead {direction.overhead_bytes}B")
    return found + [_change(change) for change in direction.schedule]


def format_loss(loss: FixedLoss | GilbertElliott | None) -> str:
    """``1%``, ``p 1% r 20%``, or ``-``."""
    if loss is None:
        return "-"
    if isinstance(loss, FixedLoss):
        return format_ratio(loss.ratio)
    text = f"p {format_ratio(loss.p)} r {format_ratio(loss.r)}"
    usual = GilbertElliott(loss.p, loss.r)
    if loss != usual:
        text += f" bad {format_ratio(loss.loss_in_bad)} good {format_ratio(loss.loss_in_good)}"
    return text


def _drop(rule: DropRule) -> str:
    port = "" if rule.port is None else f" of port {rule.port}"
    return f"drop {rule.kind} {rule.nth if rule.nth == 'all' else ' '.join(map(str, rule.nth))}{port}"


def _change(change: LinkChange) -> str:
    said = [f"at {format_time(change.t_ns)}:"]
    if change.rate_bps is not None:
        said.append(f"rate {format_rate(change.rate_bps)}")
    if change.delay_ns is not None:
        said.append(f"delay {format_time(change.delay_ns)}")
    if change.jitter_ns is not None:
        said.append(f"jitter {format_time(change.jitter_ns)}")
    if change.loss is not None:
        said.append(f"loss {format_loss(change.loss)}")
    return " ".join(said)


def _prediction_row(prediction: Prediction) -> tuple[str, ...]:
    there, back = prediction.forward, prediction.backward
    rate_bps = there.bottleneck_rate_bps
    return (
        f"{prediction.source} -> {prediction.destination}",
        f"IPv{prediction.family}",
        _both(there.hops, back.hops),
        _both(_mtu(there), _mtu(back)),
        format_time(prediction.base_rtt_ns),
        format_time(there.serialisation_ns) if rate_bps is not None else "-",
        f"{format_rate(rate_bps)} {there.bottleneck_link}" if rate_bps is not None else "-",
        f"{prediction.bdp_bytes} bytes" if prediction.bdp_bytes is not None else "-",
    )


def _failed(pair: tuple[str, str, int, str]) -> tuple[str, ...]:
    source, destination, family, why = pair
    return (f"{source} -> {destination}", f"IPv{family}", "none", why, *["-"] * 4)


def _mtu(path: PathPrediction) -> str:
    holes = f" (black hole at {', '.join(path.mtu_black_holes)})" if path.mtu_black_holes else ""
    return f"{path.mtu_bytes}{holes}"


def _both(there: object, back: object) -> str:
    return f"{there}" if there == back else f"{there} / {back}"


def _draw_chain(end: str, around: Neighbours) -> str:
    """``h1 --1500-- r1 --1400-- h2``; a label of two parts is the direction to the right, then to the left."""
    text, before, node = end, "", end
    while onward := [(other, label) for other, label in around[node] if other != before]:
        before, (node, label) = node, onward[0]
        text += f" --{label}-- {node}"
    return text


def _draw_branches(node: str, indent: str, around: Neighbours, drawn: set[str]) -> list[str]:
    """The nodes below ``node``, one a line; a label of two parts is the direction away from the root, then back."""
    lines = []
    below = [(other, label) for other, label in around[node] if other not in drawn]
    for position, (other, label) in enumerate(below, 1):
        if other in drawn:
            continue
        drawn.add(other)
        last = position == len(below)
        lines.append(f"{indent}{'`' if last else '|'}--{label}-- {other}")
        lines += _draw_branches(other, indent + ("    " if last else "|   "), around, drawn)
    return lines


def _label(direction: LinkDirection) -> str:
    said = [str(direction.mtu_bytes)]
    if direction.rate_bps is not None:
        said.append(format_rate(direction.rate_bps))
    if direction.delay_ns:
        said.append(format_time(direction.delay_ns))
    return " ".join(said)
