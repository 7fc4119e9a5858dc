"""Tables and drawings for the terminal say everything that was asked for, and nothing that was not."""

from __future__ import annotations

import re

import networkx as nx
import pytest
from hypothesis import given, settings

from netemu.specs import FixedLoss, GilbertElliott
from netemu.topology import compile_graph
from netemu.topology.text import align, draw_text, format_loss, predictions_table, routes_table, tables
from tests.topology.strategies import graphs
from topologies import chain, dumbbell, fat_tree, star


def test_a_chain_is_drawn_on_one_line() -> None:
    drawn = draw_text(compile_graph(chain(mtus=(1500, 1400, 1280, 1500))))
    assert drawn == "h1 --1500-- r1 --1400-- r2 --1280-- r3 --1500-- h2"


def test_a_link_that_differs_by_direction_shows_both_to_the_right_first() -> None:
    graph = chain(2)
    graph.edges["h2", "r1"]["delay"] = {"r1->h2": "5ms"}
    assert draw_text(compile_graph(graph)) == "h1 --1500-- r1 --1500 5ms / 1500-- h2"


def test_a_tree_is_drawn_with_a_line_per_node() -> None:
    assert draw_text(compile_graph(dumbbell(2, bottleneck={"rate": "10Mbit/s"}))) == "\n".join(
        (
            "r1",
            "|--1500-- a1",
            "|--1500-- a2",
            "`--1500 10Mbit/s-- r2",
            "    |--1500-- b1",
            "    `--1500-- b2",
        )
    )


def test_a_chain_too_long_for_a_line_is_drawn_from_its_first_end() -> None:
    lines = (draw_text(compile_graph(chain(20))) or "").splitlines()
    assert lines[0] == "h1"
    assert len(lines) == 21
    assert lines[-1].strip() == "`--1500-- h2"


@pytest.mark.parametrize("graph", [fat_tree(4), star(100), nx.Graph([("a", "b"), ("c", "d"), ("d", "e"), ("e", "c")])])
def test_what_is_no_small_tree_is_not_drawn(graph: nx.Graph) -> None:
    assert draw_text(compile_graph(graph)) is None


@given(graphs())
@settings(max_examples=40)
def test_tables_hold_every_name_and_address(graph: nx.Graph) -> None:
    network = compile_graph(graph)
    shown = tables(network)
    words = set(re.split(r"\s+", "\n".join(shown.values())))
    assert {node.name for node in network.nodes} <= words
    for link in network.links:
        for end in (link.a, link.b):
            assert {link.name, end.interface, end.mac} | {text for text in (end.ipv4, end.ipv6) if text} <= words
    drawn = draw_text(network)
    assert drawn is None or {node.name for node in network.nodes} <= set(re.split(r"\s+", drawn))


def test_everything_asked_of_a_link_is_shown() -> None:
    graph = chain(1, delay="10ms", jitter="1ms", backend="relay", offloads=True)
    graph.edges["h1", "h2"].update(
        rate={"h1->h2": "20Mbit/s"},
        loss={"h1->h2": "1%", "h2->h1": {"p": 0.01, "r": 0.2, "loss_in_bad": 0.5}},
        drops={"h1->h2": [{"kind": "new_data", "nth": [3, 5], "port": 5001}]},
        reorder="1%",
        duplicate=0.5,
        corrupt=1e-6,
        ecn="5KiB",
        queue="64KiB",
        overhead=38,
        schedule={"h2->h1": [{"at": "2s", "rate": "1Mbit/s", "delay": "40ms", "jitter": 0, "loss": 0}]},
    )
    _, there, back = tables(compile_graph(graph))["Links"].splitlines()
    assert re.split(r"\s{2,}", there) == [
        "h1-h2",
        "h1 -> h2",
        "1500",
        "20Mbit/s",
        "10ms",
        "1ms",
        "1%",
        "64KiB",
        "drop new_data 3 5 of port 5001, reorder 1%, duplicate 50%, corrupt 0.0001%, ecn from 5120B, overhead 38B,"
        " backend relay, offloads",
    ]
    assert "p 1% r 20% bad 50% good 0%" in back
    assert "at 2s: rate 1Mbit/s delay 40ms jitter 0s loss 0%" in back


def test_nodes_show_their_kernel_and_sysctls_only_where_some_node_has_them() -> None:
    graph = chain(2)
    assert tables(compile_graph(graph))["Nodes"].splitlines()[0] == "NODE  ROLE    INTERFACES"
    graph.nodes["h1"].update(kernel="uml:6.12", sysctls={"net.ipv4.tcp_sack": 0, "net.ipv4.tcp_rmem": "1 2 3"})
    lines = tables(compile_graph(graph))["Nodes"].splitlines()
    assert lines[0].split() == ["NODE", "ROLE", "INTERFACES", "KERNEL", "SYSCTLS"]
    assert lines[1].endswith("uml:6.12  net.ipv4.tcp_rmem='1 2 3' net.ipv4.tcp_sack=0")


def test_predictions_are_shown_with_both_directions_where_they_differ() -> None:
    graph = chain(2, rate="10Mbit/s", delay="5ms")
    graph.edges["h1", "r1"]["mtu_bytes"] = {"h1->r1": 1500, "r1->h1": 1300}
    predictions = [compile_graph(graph).predict("h1", "h2"), ("h1", "h3", 6, "topology: h1 cannot reach fd00::1")]
    _, found, missing = (re.split(r"\s{2,}", line) for line in predictions_table(predictions).splitlines())
    assert found == ["h1 -> h2", "IPv4", "2", "1500 / 1300", "20ms", "2.4224ms", "10Mbit/s h1-r1", "25000 bytes"]
    assert missing[:4] == ["h1 -> h3", "IPv6", "none", "topology: h1 cannot reach fd00::1"]


def test_a_black_hole_is_shown_with_the_path_mtu() -> None:
    graph = star(2, center="switch")
    graph.nodes["s1"]["accept_mtu_black_hole"] = True
    graph.edges["h2", "s1"]["mtu_bytes"] = 1400
    shown = predictions_table([compile_graph(graph).predict("h1", "h2")])
    assert "1400 (black hole at s1) / 1400" in shown


def test_routes_are_shown_one_a_line() -> None:
    network = compile_graph(chain(2))
    lines = routes_table(network.routes).splitlines()
    assert len(lines) == 1 + len(network.routes)
    assert lines[1].split() == ["h1", "0.0.0.0/0", "10.0.0.2", "h1-eth0"]


def test_columns_without_content_are_left_out() -> None:
    assert align(("A", "B", "C"), [("1", "-", "x"), ("22", "-", "-")]) == "A   C\n1   x\n22  -"
    assert align(("A", "B"), []) == "A  B"


@pytest.mark.parametrize(
    ("loss", "text"),
    [(None, "-"), (FixedLoss(0.29), "29%"), (GilbertElliott(0.01, 0.5), "p 1% r 50%")],
)
def test_losses_are_shown_in_percent(loss: FixedLoss | GilbertElliott | None, text: str) -> None:
    assert format_loss(loss) == text
