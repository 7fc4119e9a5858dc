"""What an experiment file can get wrong is refused when the plan is made, by name and value."""

from types import SimpleNamespace

import networkx as nx
import pytest

from netemu.errors import BadInput
from netemu.experiment import Experiment, bulk, udp_stream
from netemu.specs import AgentSpec
from topologies import chain


def make(flows, graph: nx.Graph | None = None) -> Experiment:
    experiment = Experiment("tiny", question="?")
    made = chain(mtus=(1500,), rate="10Mbit/s", delay="1ms") if graph is None else graph
    experiment.topology(lambda p: made)
    experiment.traffic(lambda p: flows)
    return experiment


@pytest.mark.parametrize("name", ["../t x", "", "a/b", ".hidden", "x" * 65, 5])
def test_an_experiment_name_that_is_no_directory_name_is_refused(name: object) -> None:
    with pytest.raises(BadInput, match="is no directory name"):
        Experiment(name, question="?")  # type: ignore[arg-type]


@pytest.mark.parametrize("name", ["f/../x", "", "a b", "x;id"])
def test_a_flow_name_that_is_no_file_name_is_refused(name: str) -> None:
    with pytest.raises(BadInput, match="is no file name"):
        make([bulk(name, "h1", "h2", size=5)]).plan()


@pytest.mark.parametrize("made", [None, 7, [1], [SimpleNamespace()], "x"])
def test_traffic_that_is_no_list_of_flows_is_refused(made: object) -> None:
    with pytest.raises(BadInput, match="its traffic function returned"):
        make(made).plan()


@pytest.mark.parametrize(("client", "server"), [("h1", "h9"), ("h9", "h1"), ("r1", "h1"), ("h1", "r1")])
def test_an_end_that_is_no_host_is_named(client: str, server: str) -> None:
    graph = chain(mtus=(1500, 1500))
    with pytest.raises(BadInput, match=r"flow 'f': '(h9|r1)' is no host of the topology \(hosts: h1, h2\)"):
        make([bulk("f", client, server, size=5)], graph).plan()


def test_an_agent_on_no_host_is_named() -> None:
    stray = AgentSpec("a", "h9", "sink", {"address": "10.0.0.1", "port": 5001, "family": 4})
    with pytest.raises(BadInput, match="agent 'a' is on 'h9', which is no host"):
        make([stray]).plan()


def test_two_servers_in_one_place_are_refused() -> None:
    with pytest.raises(BadInput, match=r"'a\.server' and 'b\.server' both listen on TCP port 5001 of 'h2'"):
        make([bulk("a", "h1", "h2", size=5, port=5001), bulk("b", "h1", "h2", size=5, port=5001, start="9s")]).plan()
    make([bulk("a", "h1", "h2", size=5, port=5001), bulk("b", "h2", "h1", size=5, port=5001)]).plan()
    datagrams = udp_stream("b", "h1", "h2", port=5001, size=100, rate_bps=1_000_000, count=3)
    make([bulk("a", "h1", "h2", size=5, port=5001), datagrams]).plan()
    shared = {"setsockopt": [[1, 15, 1]]}  # SO_REUSEPORT
    both = [bulk(name, "h1", "h2", size=5, port=5001, receiver=shared) for name in ("a", "b")]
    make(both).plan()


def test_hosts_that_cannot_reach_each_other_are_no_ends_of_a_flow() -> None:
    graph = chain(mtus=(1500,))
    graph.add_node("h3", role="host")
    graph.add_node("h4", role="host")
    graph.add_edge("h3", "h4")
    with pytest.raises(BadInput, match=r"flow 'f': .*h1.*h3"):
        make([bulk("f", "h1", "h3", size=5)], graph).plan()


def test_a_flow_within_one_host_crosses_no_wire() -> None:
    with pytest.raises(BadInput, match="flow 'f': both ends are 'h1'"):
        make([bulk("f", "h1", "h1", size=5)]).plan()


def test_ipv6_over_a_link_below_its_minimum_mtu_says_why() -> None:
    with pytest.raises(BadInput, match=r"flow 'f': .*no IPv6 address.*1280"):
        make([bulk("f", "h1", "h2", size=5, family=6)], chain(mtus=(1279,))).plan()


@pytest.mark.parametrize("later", [False, True])
def test_a_delay_that_outlasts_the_run_is_refused(later: bool) -> None:
    graph = chain(mtus=(1500,))
    if later:
        graph.edges["h1", "h2"]["schedule"] = [{"at": "1s", "delay": "1h"}]
    else:
        graph.edges["h1", "h2"]["delay"] = "1h"
    with pytest.raises(BadInput, match="edge h1-h2: delay: 3600000000000 ns is not below the duration"):
        make([bulk("f", "h1", "h2", size=5)], graph).plan()
