"""What is refused when a Plan is made, long before a run costs time: names, hosts, paths that do not exist."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

from netemu.errors import BadInput
from netemu.experiment.traffic import Flow
from netemu.specs import AgentSpec

if TYPE_CHECKING:
    from netemu.topology import Network

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,63}")
_SERVERS = {"sink": "TCP", "respond": "TCP", "udp_sink": "UDP"}
_ALLOWED = "use up to 64 letters, digits, '-', '_' and '.', the first a letter or digit"


def experiment_name(name: object) -> str:
    """``name``, which becomes a directory below the results root; :class:`BadInput` when it cannot."""
    if not isinstance(name, str) or not _NAME.fullmatch(name):
        raise BadInput(f"experiment name {name!r} is no directory name; {_ALLOWED}")
    return name


def traffic(experiment: str, made: object) -> list[object]:
    """What a traffic function returned, as a list."""
    if not isinstance(made, Iterable):
        raise BadInput(f"experiment {experiment!r}: its traffic function returned {made!r}; return a list of flows")
    return list(made)


def flow(experiment: str, flow: Flow, network: Network) -> None:
    """Both ends are hosts of ``network``, have an address of the family, and reach each other."""
    from netemu.topology import Predictor

    place = f"experiment {experiment!r}, flow {flow.name!r}"
    hosts = [node.name for node in network.nodes if node.role == "host"]
    for end in (flow.client, flow.server):
        if end not in hosts:
            raise BadInput(f"{place}: {end!r} is no host of the topology (hosts: {', '.join(hosts)})")
    if flow.family not in (4, 6):
        raise BadInput(f"{place}: family {flow.family!r} is not 4 or 6")
    if flow.client == flow.server:
        raise BadInput(f"{place}: both ends are {flow.client!r}, so nothing would cross a wire; name two hosts")
    try:
        Predictor(network.nodes, network.links, network.routes).predict(flow.client, flow.server, flow.family)
    except BadInput as error:
        raise BadInput(f"{place}: {error}") from error


def agent(experiment: str, item: object) -> AgentSpec:
    """``item``, where a traffic function may return a flow or an agent."""
    if not isinstance(item, AgentSpec):
        raise BadInput(
            f"experiment {experiment!r}: its traffic function returned {item!r}; return flows such as bulk(...)"
            " and AgentSpec objects"
        )
    return item


def agents(experiment: str, agents: Sequence[AgentSpec], network: Network) -> None:
    """Names are different and fit for files, each agent is on a host, and no two listen in the same place."""
    hosts = sorted(node.name for node in network.nodes if node.role == "host")
    seen: set[str] = set()
    for agent in agents:
        if not _NAME.fullmatch(agent.name):
            raise BadInput(f"experiment {experiment!r}: agent name {agent.name!r} is no file name; {_ALLOWED}")
        if agent.name in seen:
            raise BadInput(
                f"experiment {experiment!r}: two agents are named {agent.name!r}; name each flow differently"
            )
        if agent.host not in hosts:
            raise BadInput(
                f"experiment {experiment!r}: agent {agent.name!r} is on {agent.host!r}, which is no host of the"
                f" topology (hosts: {', '.join(hosts)})"
            )
        seen.add(agent.name)
    _listeners(experiment, agents)


def _listeners(experiment: str, agents: Sequence[AgentSpec]) -> None:
    """All servers listen before traffic starts, so two in one place conflict whenever their flows are."""
    taken: dict[tuple[object, ...], str] = {}
    for agent in agents:
        # Who sets options of his own may share a port by SO_REUSEPORT, and be after just that.
        if agent.program not in _SERVERS or agent.args.get("setsockopt"):
            continue
        place = (agent.host, _SERVERS[agent.program], agent.args.get("address"), agent.args.get("port"))
        other = taken.setdefault(place, agent.name)
        if other != agent.name:
            raise BadInput(
                f"experiment {experiment!r}: agents {other!r} and {agent.name!r} both listen on {place[1]} port"
                f" {place[3]} of {agent.host!r}; give one another port="
            )


def delays(experiment: str, network: Network, duration_ns: int) -> None:
    """No link holds a packet for longer than the run may last: it would never be seen, not even by a probe."""
    for link in network.links:
        for direction in (link.a_to_b, link.b_to_a):
            delay_ns = max((direction.delay_ns, *(change.delay_ns or 0 for change in direction.schedule)))
            if delay_ns >= duration_ns:
                raise BadInput(
                    f"edge {link.name}: delay: {delay_ns} ns is not below the duration of experiment {experiment!r},"
                    f" {duration_ns} ns; lower it, or declare a longer duration="
                )
