"""What a run on models says of its settings, in the words of a lab's manifest (docs/formats.md).

A lab reads back from the kernel what it set, and proves each link by frames of its own. A model has nothing that could
differ from what was asked but mistakes: so here, too, what is told is read from the hosts that were made, and the
links' quantities are measured by packets through wires made of the same plan.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from netemu.recording.account import factored
from netemu.sim.network import wire_model
from netemu.stack.stack import LinuxStack
from netemu.stack.sysctl_names import read_sysctls
from netemu.topology.wiring import Port

if TYPE_CHECKING:
    from netemu.sim.network import Network
    from netemu.specs import LinkDirection, LinkSpec, Plan

_SMALL_BYTES = 64
_APART_NS = 60_000_000_000
"""So far apart no packet waits for another."""


def settings(network: Network) -> dict[str, Any]:
    """``interfaces`` by node and name, ``routes``, ``neighbours`` and ``forwarding`` (how many there are), ``sysctls``
    (``common``: of all hosts, ``nodes``: where one differs); ``wires`` is empty, for a model's has no interfaces."""
    wiring = network.wiring
    sysctls = {name: _sysctls(host.stack) for name, host in network.hosts.items()}
    return {
        "interfaces": {
            node: {port.interface: _interface(port) for port in ports} for node, ports in wiring.ports.items()
        },
        "routes": len(network.plan.routes),
        "neighbours": sum(map(len, wiring.neighbours.values())),
        "forwarding": sum(map(len, wiring.forwarding.values())),
        "wires": {},
        "sysctls": factored(sysctls),
    }


def _interface(port: Port) -> dict[str, Any]:
    return {
        "mtu_bytes": port.mtu_bytes,
        "mac": port.mac,
        "addresses": port.addresses,
        "offloads": (),
        "gso_max_segs": 1,
        "qdiscs": ("noqueue",),
    }


def _sysctls(stack: object) -> Mapping[str, str]:
    """Those of one of netemu's own stacks; others tell nothing of theirs."""
    if not isinstance(stack, LinuxStack):
        return {}
    return read_sysctls(stack.sysctl, stack.profile)


def links(plan: Plan) -> list[dict[str, Any]]:
    """For each link and direction the delay, MTU and rate asked for and measured, as a lab's probes tell them."""
    return [
        {
            "link": link.name,
            "direction": direction,
            "backend": "model",
            "attempts": 1,
            "quantities": _quantities(plan, link, direction, spec),
        }
        for link in plan.links
        for direction, spec in (("a_to_b", link.a_to_b), ("b_to_a", link.b_to_a))
    ]


def _quantities(plan: Plan, link: LinkSpec, direction: str, spec: LinkDirection) -> dict[str, Any]:
    """Two probes, a small one and one of the MTU, through a wire that no traffic has seen."""
    model = wire_model(plan, link, direction, spec)
    small_ns = model.arrive(0, _SMALL_BYTES, probe=True).due_ns
    large_ns = model.arrive(_APART_NS, spec.mtu_bytes, probe=True).due_ns - _APART_NS
    found = {"mtu_bytes": _finding(spec.mtu_bytes, spec.mtu_bytes, 0)}
    line_ns = 0
    if spec.rate_bps is not None:
        span_ns = max(1, large_ns - small_ns)
        measured = (spec.mtu_bytes - _SMALL_BYTES) * 8 * 10**9 // span_ns
        # A jitter, and the nanosecond to which each packet's time is rounded, lie in the span.
        found["rate_bps"] = _finding(spec.rate_bps, measured, measured * (2 * spec.jitter_ns + 2) // span_ns)
        line_ns = -(-(_SMALL_BYTES + spec.overhead_bytes) * 8 * 10**9 // spec.rate_bps)
    found["delay_ns"] = _finding(spec.delay_ns, small_ns - line_ns, spec.jitter_ns + 1)
    return found


def _finding(asked: int, measured: int, tolerance: int) -> dict[str, Any]:
    ok = abs(measured - asked) <= tolerance
    return {"asked": asked, "measured": measured, "tolerance": tolerance, "ok": ok, "note": ""}
