"""``netemu topo show``: a topology as tables, predictions and a drawing, without running anything."""

from __future__ import annotations

import argparse
import sys
from itertools import combinations, islice
from pathlib import Path
from typing import TYPE_CHECKING

from netemu.errors import BadInput

if TYPE_CHECKING:
    from netemu.topology import Network, Prediction

    Answer = Prediction | tuple[str, str, int, str]

_SOME_PAIRS = 10

EPILOG = """\
a topology is one of:
  FILE.graphml, FILE.json   a graph written by netemu.topology.write_graph, or by hand (docs/topology.md)
  FILE.py                   an experiment, or a file that defines a graph or function called `topology` or `graph`
  RUN/plan.json             the network of a stored run
  BUILDER[:ARGUMENTS]       chain, dumbbell, star, parking_lot, fat_tree

examples:
  netemu topo show chain:mtus=1500,1400,1280,1500
  netemu topo show dumbbell:pairs=3,delay=5ms,bottleneck.rate=10Mbit/s --pair a1:b2
  netemu topo show experiments/path_mtu.py --draw path_mtu.svg
"""


def add_parser(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Declare ``topo`` and its one verb ``show``."""
    topo = subparsers.add_parser("topo", help="show a topology: nodes, links, addresses, predictions, drawing")
    verbs = topo.add_subparsers(dest="verb", metavar="show", required=True)
    show = verbs.add_parser(
        "show",
        help="print tables and predictions, and draw",
        description="Print a topology's nodes, links, addresses and what to expect between its hosts; nothing is run.",
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    show.add_argument("topology", metavar="TOPOLOGY", help="a file or a builder, see below")
    show.add_argument("--json", action="store_true", help="print one JSON object instead")
    show.add_argument("--draw", type=Path, metavar="FILE", help="draw it to FILE.svg, .pdf or .png")
    show.add_argument(
        "--weight", choices=("hops", "delay", "rate", "cost"), help="what routes minimise (default: hops)"
    )
    show.add_argument("--pair", action="append", default=[], metavar="A:B", help="predict this pair; may be repeated")
    show.add_argument("--all-pairs", action="store_true", help=f"predict all pairs, not only the first {_SOME_PAIRS}")
    show.add_argument("--packet", type=int, metavar="BYTES", help="IP length for packet times (default: the path MTU)")
    show.add_argument("--routes", action="store_true", help="print the routing tables too")
    show.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Print and draw; :class:`BadInput` for what is no topology."""
    from netemu.cli.topo_source import load_network

    network = load_network(args.topology, args.weight)
    answers, left_out = _predict(network, args)
    if args.draw is not None:
        from netemu.topology.draw import draw_network

        draw_network(network, args.draw)
    if args.json:
        sys.stdout.write(_json(args.topology, network, answers))
    else:
        print(_text(network, answers, left_out, args))
    return 0


def _predict(network: Network, args: argparse.Namespace) -> tuple[list[Answer], int]:
    """Predictions for the pairs asked for, or for the first pairs of hosts, and how many pairs were left out."""
    predictor = network.predictor()
    if args.pair:
        pairs = [_read_pair(text) for text in args.pair]
        return [
            predictor.predict(a, b, family, packet_bytes=args.packet)
            for a, b in pairs
            for family in (predictor.families(a, b) or (4,))
        ], 0
    count = len(network.hosts)
    wanted = None if args.all_pairs else _SOME_PAIRS
    answers: list[Answer] = []
    for a, b in islice(combinations(network.hosts, 2), wanted):
        for family in predictor.families(a, b):
            try:
                answers.append(predictor.predict(a, b, family, packet_bytes=args.packet))
            except BadInput as error:
                answers.append((a, b, family, str(error)))
    return answers, 0 if wanted is None else max(0, count * (count - 1) // 2 - wanted)


def _read_pair(text: str) -> tuple[str, str]:
    a, colon, b = text.partition(":")
    if not (a and colon and b):
        raise BadInput(f"--pair: {text!r} is not two nodes such as h1:h2")
    return a, b


def _json(source: str, network: Network, answers: list[Answer]) -> str:
    import msgspec

    found = [answer for answer in answers if not isinstance(answer, tuple)]
    failed = [
        {"source": a, "destination": b, "family": family, "error": why}
        for a, b, family, why in (answer for answer in answers if isinstance(answer, tuple))
    ]
    document = {"topology": source, **msgspec.to_builtins(network), "predictions": found, "unreachable": failed}
    return msgspec.json.format(msgspec.json.encode(document), indent=2).decode() + "\n"


def _text(network: Network, answers: list[Answer], left_out: int, args: argparse.Namespace) -> str:
    from netemu.topology.text import draw_text, predictions_table, routes_table, tables

    parts = [drawing] if (drawing := draw_text(network)) is not None else []
    parts += [f"{title}\n{table}" for title, table in tables(network).items()]
    if args.routes:
        parts.append(f"Routes\n{routes_table(network.routes)}")
    if answers:
        parts.append(f"Predictions\n{predictions_table(answers)}")
    if left_out:
        parts.append(f"{left_out} more pairs of hosts: use --all-pairs or --pair A:B")
    if network.accept:
        parts.append(f"Accepted: {', '.join(network.accept)}")
    if args.draw is not None:
        parts.append(f"drawn: {args.draw}")
    return "\n\n".join(parts)
