"""Which node of a plan runs on which kernel, when they do not all run on one."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from netemu.errors import BadInput, MissingCapability
from netemu.kernels.store import Entry, Store
from netemu.kernels.uml import UmlOptions, parse_name
from netemu.lab.part import crossing_links
from netemu.lab.part_network import MOST_DEVICE_MTU_BYTES
from netemu.specs import LinkSpec, Plan


@dataclass(frozen=True, slots=True)
class Group:
    """Nodes that share a guest. ``kernel``: its name as it was given."""

    kernel: str
    entry: Entry
    options: UmlOptions
    nodes: tuple[str, ...]


def kernel_of_nodes(plan: Plan, kernel: str, given: Mapping[str, str]) -> dict[str, str]:
    """The kernel's name for each node: ``given`` for it, else its own attribute, else ``kernel``, the run's.

    :raises BadInput: ``given`` names no node that could have a kernel.
    """
    roles = {node.name: node.role for node in plan.nodes}
    for name in given:
        if roles.get(name) not in ("host", "router"):
            there = ", ".join(node.name for node in plan.nodes if node.role != "switch")
            raise BadInput(f"--kernel {kernel!r}: node.{name}: there is no such host or router (there are {there})")
    return {node.name: given.get(node.name, node.kernel or kernel) for node in plan.nodes}


def groups_of(plan: Plan, kernels: Mapping[str, str], store: Store) -> list[Group]:
    """The groups of ``plan``, in the order of their first nodes; ``kernels`` says for each node which is its.

    Names that mean the same kernel with the same options are one group.

    :raises MissingCapability: kernels that cannot be mixed, or one that is not in the store.
    """
    found: dict[tuple[str, UmlOptions], list[str]] = {}
    named: dict[tuple[str, UmlOptions], tuple[str, Entry, UmlOptions]] = {}
    for node, kernel in kernels.items():
        if kernel.partition(":")[0] != "uml":
            raise MissingCapability(
                f"node {node!r} asks for kernel {kernel!r}; only uml: kernels can be mixed in one run: name one,"
                " such as uml:6.12, or remove the attribute"
            )
        options = parse_name(kernel)
        _refuse_virtual_time(node, kernel, options)
        entry = store.find(options.version, virtual_time=False)
        key = (entry.name, UmlOptions("", memory_bytes=options.memory_bytes, standstill_ns=options.standstill_ns))
        found.setdefault(key, []).append(node)
        named.setdefault(key, (kernel, entry, options))
    return [Group(*named[key], tuple(nodes)) for key, nodes in found.items()]


def _refuse_virtual_time(node: str, kernel: str, options: UmlOptions) -> None:
    if options.virtual:
        raise MissingCapability(
            f"node {node!r} on {kernel!r}: different kernels in one run have different virtual clocks, which nothing"
            " keeps in step: leave ?time=virtual out to run them in real time, or run every node on one kernel"
        )
    if options.nodes:
        raise BadInput(f"node {node!r}: kernel {kernel!r}: only the run's kernel can name those of nodes")


def links_between(plan: Plan, groups: list[Group]) -> list[LinkSpec]:
    """The links that cross from one group to another.

    :raises MissingCapability: one of them asks for what cannot be had between guests.
    """
    group_of = {node: number for number, group in enumerate(groups) for node in group.nodes}
    links = crossing_links(plan, group_of)
    for link in links:
        place = f"link {link.name} joins {link.a.node} and {link.b.node}, which run on different kernels"
        if link.backend == "netem":
            raise MissingCapability(f"{place}: a relay carries it, not netem: use backend 'relay' or 'auto'")
        if link.offloads:
            raise MissingCapability(f"{place}: segmentation cannot be left to its devices: set offloads to false")
        if max(link.a_to_b.mtu_bytes, link.b_to_a.mtu_bytes) > MOST_DEVICE_MTU_BYTES:
            raise MissingCapability(f"{place}: devices between guests have an MTU of {MOST_DEVICE_MTU_BYTES} at most")
    return links
