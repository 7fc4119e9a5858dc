"""Traffic as an experiment declares it: flows between two hosts, each two agents with everything spelled out.

A flow's client connects to its server. ``client`` and ``server`` options are the arguments of the two agents
(docs/agents.md lists them); times and sizes may be text such as ``"2s"`` or ``"64KiB"``.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from netemu.errors import BadInput
from netemu.specs import AgentSpec
from netemu.units import parse_size_bytes, parse_time_ns

AddressOf = Callable[[str, int], str]
"""``(host, family) -> address`` of that host, without a prefix length."""

FIRST_PORT = 5001


@dataclass(frozen=True, slots=True)
class Flow:
    """Two agents that talk: ``client_program`` on ``client`` connects to ``server_program`` on ``server``.

    ``family`` is 4 or 6. ``start_ns`` and ``stop_ns`` hold for the client; the server is there from the start and
    ends at ``stop_ns`` at the latest. ``port`` None: the n-th flow of an experiment gets 5001 + n.
    """

    name: str
    client: str
    server: str
    client_program: str
    server_program: str
    client_args: Mapping[str, Any] = field(default_factory=dict)
    server_args: Mapping[str, Any] = field(default_factory=dict)
    family: int = 4
    port: int | None = None
    start_ns: int = 0
    stop_ns: int = 30_000_000_000

    def agents(self, index: int, address_of: AddressOf) -> tuple[AgentSpec, AgentSpec]:
        """The server's and the client's agent, for the ``index``-th flow of an experiment."""
        if self.family not in (4, 6):
            raise BadInput(f"flow {self.name!r}: family {self.family!r} is not 4 or 6")
        if self.stop_ns <= self.start_ns:
            raise BadInput(f"flow {self.name!r}: stop {self.stop_ns} ns is not after start {self.start_ns} ns")
        port = FIRST_PORT + index if self.port is None else self.port
        address = address_of(self.server, self.family)
        common = {"family": self.family, "address": address, "port": port}
        return (
            AgentSpec(
                name=f"{self.name}.server",
                host=self.server,
                program=self.server_program,
                args={**common, **self.server_args},
                stop_ns=self.stop_ns,
            ),
            AgentSpec(
                name=f"{self.name}.client",
                host=self.client,
                program=self.client_program,
                args={**common, **self.client_args},
                start_ns=self.start_ns,
                stop_ns=self.stop_ns,
            ),
        )


def _flow(
    name: str,
    hosts: tuple[str, str],
    programs: tuple[str, str],
    args: tuple[Mapping[str, Any], Mapping[str, Any]],
    options: Mapping[str, Any],
) -> Flow:
    unknown = set(options) - {"family", "port", "start", "stop"}
    if unknown:
        raise BadInput(f"flow {name!r}: unknown option {sorted(unknown)[0]!r}; allowed: family, port, start, stop")
    place = f"flow {name!r}"
    return Flow(
        name=name,
        client=hosts[0],
        server=hosts[1],
        client_program=programs[0],
        server_program=programs[1],
        client_args=dict(args[0]),
        server_args=dict(args[1]),
        family=options.get("family", 4),
        port=options.get("port"),
        start_ns=parse_time_ns(options.get("start", 0), f"{place}, start"),
        stop_ns=parse_time_ns(options.get("stop", "30s"), f"{place}, stop"),
    )


def _options(options: Mapping[str, Any] | None) -> Mapping[str, Any]:
    return {} if options is None else options


def bulk(
    name: str,
    client: str,
    server: str,
    *,
    size: int | str,
    sender: Mapping[str, Any] | None = None,
    receiver: Mapping[str, Any] | None = None,
    **options: Any,
) -> Flow:
    """``client`` sends ``size`` bytes to ``server`` over TCP and closes."""
    size_bytes = parse_size_bytes(size, f"flow {name!r}, size")
    return _flow(
        name,
        (client, server),
        ("bulk_send", "sink"),
        ({"bytes": size_bytes, **_options(sender)}, _options(receiver)),
        options,
    )


def request_response(
    name: str,
    client: str,
    server: str,
    *,
    count: int,
    request: int | str = 100,
    response: int | str = 100,
    sender: Mapping[str, Any] | None = None,
    receiver: Mapping[str, Any] | None = None,
    **options: Any,
) -> Flow:
    """``client`` sends ``count`` requests of ``request`` bytes; each is answered by ``response`` bytes."""
    sizes = {
        "request_bytes": parse_size_bytes(request, f"flow {name!r}, request"),
        "response_bytes": parse_size_bytes(response, f"flow {name!r}, response"),
    }
    return _flow(
        name,
        (client, server),
        ("request", "respond"),
        ({**sizes, "count": count, **_options(sender)}, {**sizes, **_options(receiver)}),
        options,
    )


def small_writes(
    name: str,
    client: str,
    server: str,
    *,
    size: int | str,
    count: int,
    gap: int | str = 0,
    sender: Mapping[str, Any] | None = None,
    receiver: Mapping[str, Any] | None = None,
    **options: Any,
) -> Flow:
    """``client`` makes ``count`` writes of ``size`` bytes, ``gap`` apart."""
    args = {
        "size_bytes": parse_size_bytes(size, f"flow {name!r}, size"),
        "count": count,
        "gap_ns": parse_time_ns(gap, f"flow {name!r}, gap"),
    }
    programs = ("small_writes", "sink")
    return _flow(name, (client, server), programs, ({**args, **_options(sender)}, _options(receiver)), options)


def on_off(
    name: str,
    client: str,
    server: str,
    *,
    on: int | str,
    off: int | str,
    sender: Mapping[str, Any] | None = None,
    receiver: Mapping[str, Any] | None = None,
    **options: Any,
) -> Flow:
    """``client`` sends as fast as it may for ``on``, is silent for ``off``, and so on."""
    args = {
        "on_ns": parse_time_ns(on, f"flow {name!r}, on"),
        "off_ns": parse_time_ns(off, f"flow {name!r}, off"),
    }
    programs = ("on_off", "sink")
    return _flow(name, (client, server), programs, ({**args, **_options(sender)}, _options(receiver)), options)


def udp_stream(
    name: str,
    client: str,
    server: str,
    *,
    rate_bps: int,
    size: int | str,
    count: int,
    sender: Mapping[str, Any] | None = None,
    receiver: Mapping[str, Any] | None = None,
    **options: Any,
) -> Flow:
    """``client`` sends ``count`` datagrams of ``size`` bytes at ``rate_bps`` of UDP payload."""
    args = {"rate_bps": rate_bps, "size_bytes": parse_size_bytes(size, f"flow {name!r}, size"), "count": count}
    programs = ("udp_send", "udp_sink")
    return _flow(name, (client, server), programs, ({**args, **_options(sender)}, _options(receiver)), options)


def connections(
    name: str,
    client: str,
    server: str,
    *,
    count: int,
    sender: Mapping[str, Any] | None = None,
    receiver: Mapping[str, Any] | None = None,
    **options: Any,
) -> Flow:
    """``client`` opens ``count`` short connections, one after the other."""
    programs = ("connect_many", "sink")
    return _flow(
        name,
        (client, server),
        programs,
        ({"count": count, **_options(sender)}, {"connections": count, **_options(receiver)}),
        options,
    )
