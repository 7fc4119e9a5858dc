"""A network as a picture: nodes placed so that distances show hops, links labelled with what they do."""

from __future__ import annotations

import io
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from netemu.errors import BadInput
from netemu.specs import LinkDirection, LinkSpec
from netemu.topology.names import natural_key
from netemu.topology.network import Network
from netemu.topology.text import format_loss
from netemu.units import format_rate, format_time

if TYPE_CHECKING:
    import numpy as np
    from matplotlib.axes import Axes

    Positions = dict[str, np.ndarray[Any, np.dtype[np.float64]]]

FORMATS = (".svg", ".pdf", ".png")
_LOOKS = {"host": ("o", "#56B4E9"), "router": ("s", "#E69F00"), "switch": ("D", "#BBBBBB")}
_MOST_LABELLED = 40
_ROUNDS = 200
_RC: dict[Any, Any] = {"svg.hashsalt": "netemu", "svg.fonttype": "none", "pdf.fonttype": 42, "font.size": 7.5}


def draw_network(network: Network, path: Path, *, width_in: float = 7.0) -> None:
    """Write a drawing of ``network`` to an ``.svg``, ``.pdf`` or ``.png`` file; equal networks give equal bytes.

    :raises BadInput: another kind of file, or it cannot be written.
    """
    if path.suffix not in FORMATS:
        raise BadInput(f"{path}: a drawing's file ends in {', '.join(FORMATS)}, not {path.suffix!r}")
    content = render_network(network, path.suffix[1:], width_in=width_in)
    try:
        path.write_bytes(content)
    except OSError as error:
        raise BadInput(f"{path}: cannot be written: {error.strerror}") from error


def render_network(network: Network, suffix: str, *, width_in: float = 7.0) -> bytes:
    """The drawing as the bytes of an ``svg``, ``pdf`` or ``png`` file."""
    import matplotlib as mpl
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    positions = place_nodes(network)
    xs, ys = ([float(position[axis]) for position in positions.values()] for axis in (0, 1))
    shape = (max(ys) - min(ys) + 1) / (max(xs) - min(xs) + 1)
    with mpl.rc_context(_RC):
        figure = Figure(figsize=(width_in, min(max(width_in * shape, 1.2), 1.4 * width_in)))
        FigureCanvasAgg(figure)
        axes = figure.add_axes((0, 0, 1, 1))
        axes.set_axis_off()
        axes.set_xlim(min(xs) - 0.4, max(xs) + 0.4)
        axes.set_ylim(min(ys) - 0.4, max(ys) + 0.4)
        _draw_links(axes, network.links, positions)
        _draw_nodes(axes, network, positions)
        out = io.BytesIO()
        metadata: dict[str, Any] = {"svg": {"Date": None}, "pdf": {"CreationDate": None}}.get(suffix, {})
        figure.savefig(out, format=suffix, dpi=200, metadata=metadata)
    return out.getvalue()


def place_nodes(network: Network) -> Positions:
    """Name -> (x, y), one unit per link: stress majorisation (Gansner, Koren, North, GD 2004), no randomness.

    The distances aimed at are counts of links. It starts from a circle in depth-first order, on which the links of a
    tree do not cross, and ends turned so that the widest extent is horizontal and the first node is on the left.
    """
    import networkx as nx
    import numpy as np

    graph = nx.Graph()
    graph.add_nodes_from(node.name for node in network.nodes)
    graph.add_edges_from((link.a.node, link.b.node) for link in network.links)
    names = _depth_first(graph)
    index = {name: position for position, name in enumerate(names)}
    if _is_chain(graph):
        return {name: np.array((float(index[name]), 0.0)) for name in sorted(names, key=natural_key)}
    count = len(names)
    wanted = np.full((count, count), float(count))  # nodes that cannot reach each other: far apart
    for source, lengths in nx.all_pairs_shortest_path_length(graph):
        for target, length in lengths.items():
            wanted[index[source], index[target]] = length
    np.fill_diagonal(wanted, 1.0)
    weights = wanted**-2.0
    np.fill_diagonal(weights, 0.0)
    solve = np.linalg.pinv(np.diag(weights.sum(axis=1)) - weights)
    angles = 2 * np.pi * np.arange(count) / count
    places = np.column_stack((np.cos(angles), np.sin(angles))) * wanted.max() / 2
    for _ in range(_ROUNDS):
        apart = np.linalg.norm(places[:, None] - places[None], axis=2)
        np.fill_diagonal(apart, 1.0)
        pull = -weights * wanted / np.maximum(apart, 1e-9)
        np.fill_diagonal(pull, 0.0)
        np.fill_diagonal(pull, -pull.sum(axis=1))
        places = solve @ (pull @ places)
    places = _turn(places)
    return {name: places[index[name]] for name in sorted(names, key=natural_key)}


def _turn(places: np.ndarray[Any, np.dtype[np.float64]]) -> np.ndarray[Any, np.dtype[np.float64]]:
    """Turned to its principal axes and centred; signs chosen so that the result is one of the four mirror images."""
    import numpy as np

    centred = places - places.mean(axis=0)
    _, axes = np.linalg.eigh(centred.T @ centred)
    turned = centred @ axes[:, ::-1]
    for axis, side in ((0, -1.0), (1, 1.0)):
        first = next((value for value in turned[:, axis] if abs(value) > 1e-6), side)
        turned[:, axis] *= side if first > 0 else -side
    rounded: np.ndarray[Any, np.dtype[np.float64]] = np.round(turned, 6) + 0.0
    return rounded


def _is_chain(graph: Any) -> bool:
    degrees = [degree for _, degree in graph.degree]
    return max(degrees) <= 2 and degrees.count(1) == 2 and graph.number_of_edges() == len(degrees) - 1


def _depth_first(graph: Any) -> list[str]:
    """All names in depth-first order from the end of a chain, else the middle; neighbours in natural order."""
    seen: dict[str, None] = {}
    sign = 1 if _is_chain(graph) else -1
    starts = sorted(graph.nodes, key=lambda name: (sign * graph.degree(name), natural_key(name)))
    for start in starts:
        waiting = [start]
        while waiting:
            name = waiting.pop()
            if name not in seen:
                seen[name] = None
                waiting += sorted(graph.adj[name], key=natural_key, reverse=True)
    return list(seen)


def _draw_nodes(axes: Axes, network: Network, positions: Positions) -> None:
    size = 420 if len(network.nodes) <= _MOST_LABELLED else 60
    for role, (marker, colour) in _LOOKS.items():
        names = [node.name for node in network.nodes if node.role == role]
        if names:
            xs, ys = ([float(positions[name][axis]) for name in names] for axis in (0, 1))
            axes.scatter(xs, ys, s=size, marker=marker, c=colour, edgecolors="black", linewidths=0.6, zorder=2)
    for node in network.nodes:
        x, y = (float(value) for value in positions[node.name])
        size_pt = 7.0 if len(network.nodes) <= _MOST_LABELLED else 4.0
        axes.text(x, y, node.name, ha="center", va="center", fontsize=size_pt, zorder=3)


def _draw_links(axes: Axes, links: Sequence[LinkSpec], positions: Positions) -> None:
    for link in links:
        (ax, ay), (bx, by) = (tuple(float(v) for v in positions[end.node]) for end in (link.a, link.b))
        axes.plot([ax, bx], [ay, by], color="black", linewidth=0.8, zorder=1)
        if len(links) <= _MOST_LABELLED:
            text = _label(link.a_to_b)
            if link.a_to_b != link.b_to_a:
                text = f"{link.a.node}: {text}\n{link.b.node}: {_label(link.b_to_a)}"
            back = {"facecolor": "white", "edgecolor": "none", "pad": 0.6}
            axes.text((ax + bx) / 2, (ay + by) / 2, text, ha="center", va="center", fontsize=5.5, bbox=back, zorder=1.5)


def _label(direction: LinkDirection) -> str:
    said = [str(direction.mtu_bytes)]
    if direction.rate_bps is not None:
        said.append(format_rate(direction.rate_bps))
    if direction.delay_ns:
        said.append(format_time(direction.delay_ns))
    if direction.loss is not None:
        said.append(f"loss {format_loss(direction.loss)}")
    if direction.drops:
        said.append("drops")
    if direction.schedule:
        said.append("schedule")
    return " ".join(said)
