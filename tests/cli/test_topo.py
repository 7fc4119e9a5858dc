"""``netemu topo show`` from the command line: what it prints, draws and refuses."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from netemu.cli.main import main
from netemu.specs import Plan, to_json
from netemu.topology import compile_graph, write_graph
from topologies import chain, star


def show(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, str, str]:
    code = main(["topo", "show", *arguments])
    captured = capsys.readouterr()
    return code, captured.out, captured.err


def test_a_builder_is_shown_with_its_drawing_tables_and_predictions(capsys: pytest.CaptureFixture[str]) -> None:
    code, out, err = show(capsys, "chain:mtus=1500,1400,1280,1500")
    assert (code, err) == (0, "")
    assert out.startswith("h1 --1500-- r1 --1400-- r2 --1280-- r3 --1500-- h2\n")
    assert [line for line in out.splitlines() if line in ("Nodes", "Links", "Addresses", "Predictions")] == [
        "Nodes",
        "Links",
        "Addresses",
        "Predictions",
    ]
    assert "h1 -> h2  IPv6  4     1280" in out


def test_json_holds_everything_of_the_network_and_the_predictions(capsys: pytest.CaptureFixture[str]) -> None:
    code, out, _ = show(capsys, "chain:2,rate=10Mbit/s,delay=5ms", "--json")
    document = json.loads(out)
    assert code == 0
    assert list(document) == ["topology", "nodes", "links", "routes", "accept", "predictions", "unreachable"]
    assert [link["name"] for link in document["links"]] == ["h1-r1", "h2-r1"]
    forward = document["predictions"][0]["forward"]
    assert (forward["mtu_bytes"], forward["bottleneck_rate_bps"], forward["hops"]) == (1500, 10_000_000, 2)
    assert (document["predictions"][0]["base_rtt_ns"], document["predictions"][0]["bdp_bytes"]) == (20_000_000, 25_000)


@pytest.mark.parametrize("suffix", [".graphml", ".json"])
def test_a_file_is_shown_as_the_builder_it_came_from(
    suffix: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / f"x{suffix}"
    write_graph(chain(3, mtu_bytes=1400), path)
    _, wanted, _ = show(capsys, "chain:3,mtu_bytes=1400")
    assert show(capsys, str(path)) == (0, wanted, "")


def test_a_stored_plan_is_shown(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    network = compile_graph(chain(3))
    (tmp_path / "plan.json").write_text(to_json(Plan("e", 1, network.nodes, network.links, network.routes, (), ())))
    _, wanted, _ = show(capsys, "chain:3")
    assert show(capsys, str(tmp_path / "plan.json")) == (0, wanted, "")


def test_pairs_are_limited_unless_asked_for(capsys: pytest.CaptureFixture[str]) -> None:
    _, out, _ = show(capsys, "star:6")
    assert out.count(" -> h") == 20
    assert "5 more pairs of hosts: use --all-pairs or --pair A:B" in out
    _, out, _ = show(capsys, "star:6", "--all-pairs")
    assert out.count(" -> h") == 30
    assert "more pairs" not in out
    _, out, _ = show(capsys, "star:6", "--pair", "h6:h2", "--pair", "h1:r1")
    assert [line.split()[:3] for line in out.split("Predictions\n")[1].splitlines()[1:]] == [
        ["h6", "->", "h2"],
        ["h6", "->", "h2"],
        ["h1", "->", "r1"],
        ["h1", "->", "r1"],
    ]


def test_pairs_that_cannot_reach_each_other_are_shown_but_refused_when_asked_for(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "x.py").write_text(
        "import networkx as nx\ngraph = nx.Graph([('h1', 'h2'), ('h3', 'h4')])\n", encoding="utf-8"
    )
    code, out, _ = show(capsys, str(tmp_path / "x.py"))
    assert code == 0
    assert "h1 -> h3  IPv4  none  topology: h1 cannot reach 10.0.1.1 (h3): h1 has no route" in out
    _, out, _ = show(capsys, str(tmp_path / "x.py"), "--json")
    assert {"source": "h1", "destination": "h3", "family": 4}.items() <= json.loads(out)["unreachable"][0].items()
    code, out, err = show(capsys, str(tmp_path / "x.py"), "--pair", "h1:h3")
    assert (code, out) == (2, "")
    assert err.startswith("netemu: error: topology: h1 cannot reach 10.0.1.1 (h3)")


def test_routes_and_packet_times_are_shown_when_asked_for(capsys: pytest.CaptureFixture[str]) -> None:
    _, out, _ = show(capsys, "chain:2,rate=8Mbit/s,overhead=0", "--routes", "--packet", "1000")
    assert "Routes\nNODE  DESTINATION" in out
    assert "2ms" in out.split("Predictions")[1]


def test_a_drawing_is_written(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "x.svg"
    code, out, _ = show(capsys, "star:3", "--draw", str(path))
    assert code == 0
    assert out.endswith(f"drawn: {path}\n")
    assert path.read_text().startswith("<?xml")


def test_an_accepted_black_hole_is_said(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    graph = star(2, center="switch")
    graph.nodes["s1"]["accept_mtu_black_hole"] = True
    graph.edges["h2", "s1"]["mtu_bytes"] = 1400
    write_graph(graph, tmp_path / "x.json")
    _, out, _ = show(capsys, str(tmp_path / "x.json"))
    assert "Accepted: mtu_black_hole:s1" in out


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (
            ["ring:3"],
            "'ring:3' is neither a file (*.graphml, *.json, *.py) nor a builder; builders are chain, dumbbell",
        ),
        (["no.json"], "no.json: cannot be read: No such file or directory"),
        (["chain:2,dealy=3"], "chain:2,dealy=3: edge h1-r1: unknown attribute 'dealy'; did you mean 'delay'?"),
        (["chain:2", "--pair", "h1"], "--pair: 'h1' is not two nodes such as h1:h2"),
        (["chain:2", "--pair", "h1:h9"], "topology: there is no node 'h9'; it has h1, h2, r1"),
        (["chain:2", "--weight", "cost"], "chain:2: edge h1-r1: lacks the attribute 'cost'"),
        (["chain:2", "--draw", "x.bmp"], "x.bmp: a drawing's file ends in .svg, .pdf, .png, not '.bmp'"),
        (["chain:2", "--pair", "h1:h2", "--packet", "9000"], "topology: packet_bytes: 9000 does not fit the path"),
    ],
)
def test_what_is_refused_and_why(arguments: list[str], message: str, capsys: pytest.CaptureFixture[str]) -> None:
    code, out, err = show(capsys, *arguments)
    assert (code, out) == (2, "")
    assert err.startswith(f"netemu: error: {message}")
    assert len(err.splitlines()) == 1
