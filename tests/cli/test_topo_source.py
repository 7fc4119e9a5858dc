"""What a topology can be given as: builders' calls with arguments, and Python files."""

from __future__ import annotations

from pathlib import Path

import networkx as nx
import pytest

from netemu.cli.topo_source import build, load_network
from netemu.errors import BadInput
from netemu.topology import compile_graph
from topologies import chain, dumbbell, star


@pytest.mark.parametrize(
    ("call", "graph"),
    [
        ("chain", chain()),
        ("chain:3", chain(3)),
        ("chain:mtus=1500,1400,delay=5ms", chain(mtus=(1500, 1400), delay="5ms")),
        ("chain:mtus=1500", chain(mtus=(1500,))),
        ("chain:rates=1Mbit/s,2Mbit/s", chain(rates=("1Mbit/s", "2Mbit/s"))),
        ("star:50", star(50)),
        ("star:hosts=3,center=switch,offloads=true", star(3, center="switch", offloads=True)),
        ("dumbbell:2, delay = 1ms", dumbbell(2, delay="1ms")),
        (
            "dumbbell:3,bottleneck.rate=1Mbit/s,bottleneck.queue=30p",
            dumbbell(3, bottleneck={"rate": "1Mbit/s", "queue": "30p"}),
        ),
    ],
)
def test_builders_are_called_as_in_python(call: str, graph: nx.Graph) -> None:
    assert nx.utils.graphs_equal(build(call), graph)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        ("chain:mtus=1500,abc", "'chain:mtus=1500,abc': mtus: '1500,abc' is not a list of whole numbers"),
        ("star:hosts=many", "'star:hosts=many': hosts: 'many' is not a whole number"),
        ("star:true", "'star:true': hosts: 'true' is not a whole number"),
        ("star:3,4", "'star:3,4': '4' has no name; use name=value"),
        ("star:3,delay=1,2", "'star:3,delay=1,2': delay: takes one value, not 2"),
        ("star:hosts=3,hosts=4", "'star:hosts=3,hosts=4': 'hosts' is given twice"),
        ("dumbbell:bottleneck=3", "'dumbbell:bottleneck=3': bottleneck: name the attribute too"),
        ("star:hosts.x=3", "'star:hosts.x=3': hosts.x: 'hosts' has no parts"),
        ("star:0", "star: 0 hosts are too few; use at least 1"),
        ("star2", "'star2' is neither a file"),
    ],
)
def test_calls_that_cannot_be_are_refused(call: str, message: str) -> None:
    with pytest.raises(BadInput) as caught:
        build(call)
    assert str(caught.value).startswith(message)


EXPERIMENT = """\
from netemu.experiment import Experiment
from topologies import chain

experiment = Experiment("e", question="?", weight="delay")


@experiment.topology
def topology(parameters):
    return chain(3, delay="1ms")
"""


@pytest.mark.parametrize(
    "source",
    [
        EXPERIMENT,
        "from topologies import chain\ngraph = chain(3, delay='1ms')\n",
        "from topologies import chain\ndef topology(delay='1ms', *rest, **more):\n    return chain(3, delay=delay)\n",
    ],
)
def test_python_files_give_their_experiments_or_their_own_graph(source: str, tmp_path: Path) -> None:
    path = tmp_path / "x.py"
    path.write_text(source)
    assert load_network(str(path), None) == compile_graph(chain(3, delay="1ms"))


@pytest.mark.parametrize(
    ("source", "weight", "message"),
    [
        ("x = 1\n", None, ": declares neither one experiment, nor a graph or function named 'topology' or 'graph'"),
        ("def topology(size):\n    return size\n", None, ": topology() needs the arguments size; give them defaults"),
        ("graph = 3\n", None, ": topology: int is no networkx.Graph"),
        ("1/0\n", None, ", line 1: "),
        ("def broken(:\n", None, ", line 1: "),
        ("def graph():\n    return 1/0\n", None, ": graph() raises ZeroDivisionError: division by zero (x.py, line 2)"),
        (EXPERIMENT, "rate", ": --weight: the experiment chooses its own weight"),
    ],
)
def test_python_files_that_give_none_are_refused(source: str, weight: str | None, message: str, tmp_path: Path) -> None:
    path = tmp_path / "x.py"
    path.write_text(source)
    with pytest.raises(BadInput) as caught:
        load_network(str(path), weight)
    assert str(caught.value).startswith(f"{path}{message}")


@pytest.mark.parametrize("name", ["no.py", "no.graphml", "no/plan.json"])
def test_files_that_are_not_there_are_named(name: str, tmp_path: Path) -> None:
    with pytest.raises(BadInput, match=f"{name}: "):
        load_network(str(tmp_path / name), None)


def test_a_stored_plan_has_its_routes(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match=r"plan\.json: --weight: a plan has its routes already"):
        load_network(str(tmp_path / "plan.json"), "delay")


def test_what_is_wrong_with_the_whole_graph_names_the_file(tmp_path: Path) -> None:
    path = tmp_path / "x.json"
    nodes = ", ".join(f'{{"id": "{name}", "role": "switch"}}' for name in ("s1", "s2", "s3"))
    edges = ", ".join(f'{{"source": "{a}", "target": "{b}"}}' for a, b in (("s1", "s2"), ("s2", "s3"), ("s3", "s1")))
    path.write_text(f'{{"nodes": [{nodes}], "edges": [{edges}]}}')
    with pytest.raises(BadInput, match=r"x\.json: node s1: the switches s1, s2, s3 form a loop"):
        load_network(str(path), None)
