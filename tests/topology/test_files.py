"""Graphs in files: nothing is lost, equal graphs give equal bytes, and errors name the file."""

from __future__ import annotations

import os
import random
from pathlib import Path
from tempfile import TemporaryDirectory

import networkx as nx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from netemu.errors import BadInput
from netemu.specs import DropRule, FixedLoss, GilbertElliott, LinkChange, Queue
from netemu.topology import compile_graph, plain_graph, read_graph, write_graph
from tests.topology.strategies import graphs
from topologies import chain, star

SUFFIXES = (".graphml", ".json")


@given(graphs(cost=True), st.sampled_from(SUFFIXES), st.none() | st.booleans(), st.text(max_size=5))
@settings(max_examples=60)
def test_what_is_read_equals_what_was_written(graph: nx.Graph, suffix: str, offloads: bool | None, name: str) -> None:
    graph.graph["name"] = "".join(letter for letter in name if not "\ud800" <= letter <= "\udfff")
    for a, b in graph.edges:
        graph.edges[a, b]["offloads"] = offloads
    with TemporaryDirectory() as directory:
        path = Path(directory) / f"x{suffix}"
        write_graph(graph, path)
        again = read_graph(path)
        assert nx.utils.graphs_equal(again, plain_graph(graph))
        assert nx.utils.graphs_equal(again, graph)
        assert compile_graph(again) == compile_graph(graph)
        first = path.read_bytes()
        write_graph(again, path)
        assert path.read_bytes() == first


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_specs_become_mappings_that_mean_the_same(suffix: str, tmp_path: Path) -> None:
    graph = chain(1, delay="10ms")
    graph.edges["h1", "h2"].update(
        loss={"h1->h2": GilbertElliott(0.1, 0.2, 0.3, 0.4), "h2->h1": FixedLoss(0.5)},
        queue=Queue(packets=None, bytes=64_000),
        drops=(DropRule("data", (3, 7)), DropRule("syn", (1,), 80), DropRule("icmp", "all")),
        schedule=(LinkChange(5, delay_ns=3), LinkChange(10**9, rate_bps=9, loss=FixedLoss(0.0))),
        rate=None,
    )
    write_graph(graph, tmp_path / f"x{suffix}")
    again = read_graph(tmp_path / f"x{suffix}")
    assert compile_graph(again) == compile_graph(graph)
    assert again.edges["h1", "h2"]["drops"] == [
        {"kind": "data", "nth": [3, 7]},
        {"kind": "syn", "nth": [1], "port": 80},
        {"kind": "icmp", "nth": "all"},
    ]
    assert again.edges["h1", "h2"]["schedule"][0] == {"at": 5, "delay": 3}
    assert again.edges["h1", "h2"]["rate"] is None


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_equal_graphs_give_equal_bytes(suffix: str, tmp_path: Path) -> None:
    graph = star(12, delay="1ms", rate="1Mbit/s")
    shuffled = nx.Graph()
    for a, b in random.Random(1).sample(list(graph.edges), 12):
        shuffled.add_edge(b, a, **dict(reversed(graph.edges[a, b].items())))
    for name in graph:
        shuffled.nodes[name].update(graph.nodes[name])
    paths = [tmp_path / f"{number}{suffix}" for number in (1, 2)]
    for one, path in zip((graph, shuffled), paths, strict=True):
        write_graph(one, path)
    assert paths[0].read_bytes() == paths[1].read_bytes()


def test_other_tools_read_what_is_written(tmp_path: Path) -> None:
    graph = chain(2, mtu_bytes=1400, delay="10ms", duplicate=0.5, offloads=True)
    write_graph(graph, tmp_path / "x.graphml")
    assert nx.utils.graphs_equal(nx.read_graphml(tmp_path / "x.graphml"), _with_defaults_of_networkx(graph))
    write_graph(graph, tmp_path / "x.json")
    import json

    loaded = nx.node_link_graph(json.loads((tmp_path / "x.json").read_text()), edges="edges")
    assert nx.utils.graphs_equal(loaded, graph)


def _with_defaults_of_networkx(graph: nx.Graph) -> nx.Graph:
    copy = graph.copy()
    copy.graph.update(node_default={}, edge_default={})
    return copy


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_a_bad_value_in_a_file_is_told_with_file_and_edge(suffix: str, tmp_path: Path) -> None:
    path = tmp_path / f"x{suffix}"
    write_graph(chain(2, delay="10ms"), path)
    path.write_text(path.read_text().replace("10ms", "-10ms", 1))
    with pytest.raises(BadInput) as caught:
        read_graph(path)
    assert str(caught.value).startswith(f"{path}: edge h1-r1: delay: '-10ms' is negative; use a time such as")


def test_files_that_cannot_be(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match=r"x\.gml: a topology's file ends in \.graphml or \.json, not '\.gml'"):
        read_graph(tmp_path / "x.gml")
    with pytest.raises(BadInput, match=r"x\.json: cannot be read: No such file or directory"):
        read_graph(tmp_path / "x.json")
    with pytest.raises(BadInput, match=r"no/x\.json: cannot be written: No such file or directory"):
        write_graph(chain(2), tmp_path / "no" / "x.json")


def test_a_graph_that_is_no_topology_leaves_no_file(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="edge h1-r1: delay: 'soon' is not a time"):
        write_graph(chain(2, delay="soon"), tmp_path / "x.json")
    assert list(tmp_path.iterdir()) == []


def test_a_file_is_replaced_in_one_step_or_not_at_all(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "x.json"
    write_graph(chain(2), path)
    before = path.read_bytes()

    def full(*_: object) -> int:
        raise OSError(28, "No space left on device")

    real = os.fdopen
    monkeypatch.setattr(
        os,
        "fdopen",
        lambda *args: type(
            "File",
            (),
            {
                "__enter__": lambda self: self,
                "__exit__": lambda self, *_: real(args[0], "wb").close(),
                "write": full,
            },
        )(),
    )
    with pytest.raises(BadInput, match=r"x\.json: cannot be written: No space left on device"):
        write_graph(chain(3), path)
    assert path.read_bytes() == before
    assert list(tmp_path.iterdir()) == [path]
