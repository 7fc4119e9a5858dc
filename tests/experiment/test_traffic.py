"""Flows become two agents with everything spelled out."""

import pytest

from netemu.agents.programs import check_args
from netemu.errors import BadInput
from netemu.experiment.traffic import (
    Flow,
    bulk,
    connections,
    on_off,
    request_response,
    small_writes,
    udp_stream,
)


def address_of(host: str, family: int) -> str:
    return {4: "10.0.0.2", 6: "fd00::2"}[family] if host == "h2" else "10.0.0.1"


def test_bulk_is_a_sink_and_a_sender_to_its_address_and_port() -> None:
    server, client = bulk("x", "h1", "h2", size="64KiB", sender={"congestion": "reno"}, start="1s", stop="3s").agents(
        2, address_of
    )
    assert (server.name, server.host, server.program) == ("x.server", "h2", "sink")
    assert server.args == {"family": 4, "address": "10.0.0.2", "port": 5003}
    assert (client.program, client.start_ns, client.stop_ns) == ("bulk_send", 10**9, 3 * 10**9)
    assert client.args == {"family": 4, "address": "10.0.0.2", "port": 5003, "bytes": 65536, "congestion": "reno"}


def test_the_family_picks_the_address() -> None:
    server, _ = bulk("x", "h1", "h2", size=1, family=6).agents(0, address_of)
    assert server.args["address"] == "fd00::2"


@pytest.mark.parametrize(
    ("flow", "programs"),
    [
        (request_response("x", "h1", "h2", count=3), ("respond", "request")),
        (small_writes("x", "h1", "h2", size=25, count=3), ("sink", "small_writes")),
        (on_off("x", "h1", "h2", on="10ms", off="20ms"), ("sink", "on_off")),
        (udp_stream("x", "h1", "h2", rate_bps=10**6, size=1000, count=3), ("udp_sink", "udp_send")),
        (connections("x", "h1", "h2", count=3), ("sink", "connect_many")),
    ],
)
def test_every_kind_of_traffic_uses_programs_and_arguments_that_the_agents_have(
    flow: Flow, programs: tuple[str, str]
) -> None:
    agents = flow.agents(0, address_of)
    assert tuple(agent.program for agent in agents) == programs
    for agent in agents:
        complete = check_args(agent.program, agent.args, "here")
        assert complete.items() >= agent.args.items()


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: bulk("x", "h1", "h2", size=1, colour="red"), "unknown option 'colour'"),
        (lambda: bulk("x", "h1", "h2", size="-1"), "flow 'x', size"),
        (lambda: bulk("x", "h1", "h2", size=1, family=5).agents(0, address_of), "family 5 is not 4 or 6"),
        (lambda: bulk("x", "h1", "h2", size=1, start="2s", stop="1s").agents(0, address_of), "is not after start"),
    ],
)
def test_a_mistake_names_the_flow(make, message: str) -> None:
    with pytest.raises(BadInput, match=message):
        make()
