"""The Plan: an experiment with every default of netemu's made explicit; what a kernel executes.

Its hash names the run. Two experiments that ask for the same thing have the same hash, whatever file, parameter
or builder they came from.
"""

from __future__ import annotations

import hashlib
from typing import Any, Literal

import msgspec

from netemu.specs.codec import to_json
from netemu.specs.link import LinkDirection

Role = Literal["host", "router", "switch"]


class NodeSpec(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A host, router or switch. ``kernel`` None: the kernel that runs the plan. ``sysctls``: only what was asked."""

    name: str
    role: Role
    kernel: str | None = None
    sysctls: dict[str, str] = {}


class Endpoint(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One end of a link: interface ``interface`` of ``node``. Addresses carry their prefix (``10.0.0.1/24``).

    ``ipv4`` and ``ipv6`` are None on a switch's port.
    """

    node: str
    interface: str
    mac: str
    ipv4: str | None
    ipv6: str | None


class LinkSpec(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A wire between two endpoints; ``a_to_b`` and ``b_to_a`` are what each direction does.

    ``backend`` ``auto`` lets the kernel that executes the plan choose by what it can do, and record its choice.
    ``offloads`` True leaves TSO/GSO/GRO on at both ends (captures then show super-segments).
    """

    name: str
    a: Endpoint
    b: Endpoint
    a_to_b: LinkDirection
    b_to_a: LinkDirection
    backend: Literal["auto", "netem", "relay"] = "auto"
    offloads: bool = False


class RouteSpec(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """On ``node``, packets to ``destination`` (a prefix) go out of ``interface`` to ``via`` (None: on link)."""

    node: str
    destination: str
    via: str | None
    interface: str


class AgentSpec(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A program of :mod:`netemu.agents` on ``host``: started at ``start_ns``, ended at ``stop_ns`` at the latest."""

    name: str
    host: str
    program: str
    args: dict[str, Any]
    start_ns: int = 0
    stop_ns: int = 60_000_000_000


class CaptureSpec(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Capture ``interface`` of ``node`` with ``snap_bytes`` of each frame."""

    node: str
    interface: str
    snap_bytes: int = 128


class ProbeSpec(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Sampling of sockets on every host each ``interval_ns`` (0: off), counters, and TCP tracepoints if present."""

    interval_ns: int = 5_000_000
    counters: bool = True
    tracepoints: bool = True


class Plan(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Everything a kernel needs to execute a run, and nothing of how the run will be judged.

    ``duration_ns``: no agent runs longer than this; the run is ended then. ``drain_ns``: how long captures go on
    after the last agent ended. ``accept``: names of deliberate departures, such as ``"mtu_black_hole:s1"`` for a
    switch that joins unequal MTUs.
    """

    experiment: str
    seed: int
    nodes: tuple[NodeSpec, ...]
    links: tuple[LinkSpec, ...]
    routes: tuple[RouteSpec, ...]
    agents: tuple[AgentSpec, ...]
    captures: tuple[CaptureSpec, ...]
    probes: ProbeSpec = ProbeSpec()
    parameters: dict[str, Any] = {}
    duration_ns: int = 60_000_000_000
    drain_ns: int = 200_000_000
    accept: tuple[str, ...] = ()

    @property
    def digest(self) -> str:
        """Twelve hexadecimal digits of the SHA-256 of the canonical JSON text."""
        return hashlib.sha256(to_json(self).encode()).hexdigest()[:12]
