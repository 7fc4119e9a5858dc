"""GraphML of other tools is read; what would be lost or misread is refused with its line."""

from __future__ import annotations

import networkx as nx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from netemu.errors import BadInput
from netemu.topology.graphml import render_graphml
from netemu.topology.graphml_reader import parse_graphml
from topologies import chain, fat_tree

HEAD = '<?xml version="1.0"?>\n<graphml xmlns="http://graphml.graphdrawing.org/xmlns">\n'
KEYS = '<key id="r" for="node" attr.name="role" attr.type="string"><default>router</default></key>\n'
NODES = '<node id="h1"><data key="r">host</data></node>\n<node id="r1"/>\n'


def document(inside: str, keys: str = KEYS, graph: str = '<graph edgedefault="undirected">') -> bytes:
    return f"{HEAD}{keys}{graph}\n{inside}</graph>\n</graphml>\n".encode()


def test_a_graph_comes_back_equal() -> None:
    graph = fat_tree(4, delay="1ms", loss={"p": 0.1, "r": 1})
    graph.graph["ipv6"] = False
    assert nx.utils.graphs_equal(parse_graphml(render_graphml(graph), "x"), graph)


def test_defaults_descriptions_and_prefixed_names_are_read() -> None:
    found = parse_graphml(document(f'<desc>a pair</desc>{NODES}<edge id="e0" source="h1" target="r1"/>\n'), "x")
    assert dict(found.nodes) == {"h1": {"role": "host"}, "r1": {"role": "router"}}
    assert list(found.edges) == [("h1", "r1")]
    prefixed = (
        b'<g:graphml xmlns:g="http://graphml.graphdrawing.org/xmlns"><g:graph><g:node id="a"/></g:graph></g:graphml>'
    )
    assert list(parse_graphml(prefixed, "x")) == ["a"]


def test_what_networkx_writes_is_read() -> None:
    graph = chain(3, mtu_bytes=1400, duplicate=0.5, offloads=True, delay="1ms")
    assert nx.utils.graphs_equal(parse_graphml("\n".join(nx.generate_graphml(graph)).encode(), "x"), graph)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "x, line 1, column 1: not XML: no element found"),
        (b"<graphml>\n<graph>", "x, line 2, column 8: not XML: no element found"),
        (b"GIF89a\0\xff", "x, line 1, column 7: not XML: not well-formed"),
        (b'<?xml version="1.0" encoding="nonsense"?><graphml/>', "x: cannot be decoded: unknown encoding: nonsense"),
        (HEAD.encode() + b"</graphml>", "x: holds 0 graphs; exactly one is needed"),
        (b"<html/>", "x, line 1: <html> is not supported"),
        (b'<!DOCTYPE graphml [<!ENTITY a "b">]><graphml/>', "x, line 1: a document type (<!DOCTYPE>) is not supported"),
        (document("", graph='<graph edgedefault="directed">'), "x, line 4: edgedefault 'directed' is not supported"),
        (document(NODES + '<edge directed="true" source="h1" target="r1"/>'), "x, line 7: a directed edge is not"),
        (document('<node id="a"/>\n<node id="a"/>'), "x, line 6: the node 'a' is there twice"),
        (document("<node/>"), "x, line 5: <node> lacks 'id'"),
        (document('<edge source="a" target="b"/>'), "x, line 5: 'a' is no node of the graph"),
        (
            document(NODES + '<edge source="h1" target="r1"/>\n<edge source="r1" target="h1"/>'),
            "x, line 8: the edge r1-h1 is there twice",
        ),
        (document('<node id="a"><data key="z">1</data></node>'), "x, line 5: <data> has the key 'z', which no <key>"),
        (
            document('<node id="a"><data key="r">1</data>\n<data key="r">2</data></node>'),
            "x, line 6: 'role' is there twice in one <node>",
        ),
        (document('<node id="a"><port name="p"/></node>'), "x, line 5: <port> in <node> is not supported"),
        (document('<node id="a"><graph/></node>'), "x, line 5: <graph> in <node> is not supported"),
        (document('<node id="a"><data key="r"><b>1</b></data></node>'), "x, line 5: <b> in <data> is not supported"),
        (document("", KEYS + KEYS), "x, line 4: the <key> 'r' is there twice"),
        (document("", '<key id="m" attr.type="date"/>'), "x, line 3: <key> has attr.type 'date'; known are boolean"),
        (
            document(
                '<node id="a"><data key="m">\n1.5</data></node>', '<key id="m" attr.name="mtu" attr.type="int"/>\n'
            ),
            "x, line 6: mtu: '1.5' is no int",
        ),
        (document('<node id="a"><data key="r">{"x": }</data></node>'), "x, line 5: role, line 1, column 7: not JSON"),
    ],
)
def test_what_is_refused_and_why(content: bytes, message: str) -> None:
    with pytest.raises(BadInput) as caught:
        parse_graphml(content, "x")
    assert str(caught.value).startswith(message)


@given(st.binary(max_size=80), st.integers(0, 2000))
def test_damage_is_read_or_refused_and_never_a_traceback(noise: bytes, at: int) -> None:
    content = render_graphml(chain(3, delay="1ms"))
    at %= len(content)
    for damaged in (noise, content[:at], content[:at] + noise + content[at:]):
        try:
            parse_graphml(damaged, "x")
        except BadInput as error:
            assert str(error).startswith("x")
