"""Which node runs where, and what cannot be mixed."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import msgspec
import pytest

from netemu.errors import BadInput, MissingCapability
from netemu.kernels.mixed_plan import groups_of, kernel_of_nodes, links_between
from netemu.specs import LinkDirection, NodeSpec, Plan
from tests.lab.plans import chain, pair, star


class Shelf:
    """A store that has every kernel, newest 9."""

    def find(self, name: str, *, virtual_time: bool) -> Any:
        assert not virtual_time
        return SimpleNamespace(name=name if name.count(".") > 1 else f"{name}.9", directory=Path("/nowhere"))


def asking(plan: Plan, **kernels: str) -> Plan:
    nodes = tuple(msgspec.structs.replace(node, kernel=kernels.get(node.name)) for node in plan.nodes)
    return msgspec.structs.replace(plan, nodes=nodes)


def grouped(plan: Plan, kernel: str, given: dict[str, str] | None = None) -> list[tuple[str, tuple[str, ...]]]:
    kernels = kernel_of_nodes(plan, kernel, given or {})
    return [(group.entry.name, group.nodes) for group in groups_of(plan, kernels, Shelf())]  # type: ignore[arg-type]


def test_what_is_given_counts_before_the_attribute_and_that_before_the_run() -> None:
    plan = asking(chain(), h1="uml:5.10", r1="uml:6.1")
    assert kernel_of_nodes(plan, "uml:7.2", {"r1": "uml:6.12"}) == {"h1": "uml:5.10", "r1": "uml:6.12", "h2": "uml:7.2"}


@pytest.mark.parametrize("name", ["h9", "s1"])
def test_a_node_without_a_kernel_of_its_own_is_refused(name: str) -> None:
    with pytest.raises(BadInput, match=rf"node\.{name}: there is no such host or router"):
        kernel_of_nodes(star(2), "uml:7.2", {name: "uml:5.10"})


def test_nodes_of_one_kernel_share_a_guest() -> None:
    assert grouped(asking(chain(), r1="uml:5.10"), "uml:7.2") == [("7.2.9", ("h1", "h2")), ("5.10.9", ("r1",))]


def test_two_names_of_one_kernel_are_one_group() -> None:
    assert grouped(asking(chain(), r1="uml:7.2.9", h2="uml:7.2?memory=1G"), "uml:7.2") == [
        ("7.2.9", ("h1", "r1", "h2"))
    ]


def test_other_memory_is_another_guest() -> None:
    assert len(grouped(asking(chain(), r1="uml:7.2?memory=512M"), "uml:7.2")) == 2


@pytest.mark.parametrize("kernel", ["host", "vm:6.1", "model:linux-2.4"])
def test_other_families_are_refused(kernel: str) -> None:
    with pytest.raises(MissingCapability, match=f"node 'h1' asks for kernel '{kernel}'; only uml: kernels"):
        grouped(asking(pair(), h1=kernel), "uml:7.2")


def test_virtual_time_is_refused() -> None:
    with pytest.raises(MissingCapability, match=r"node 'h2' on 'uml:7.2\?time=virtual'.*virtual clocks"):
        grouped(asking(pair(), h2="uml:7.2?time=virtual"), "uml:5.10")


def test_a_node_cannot_name_the_kernels_of_others() -> None:
    with pytest.raises(BadInput, match="only the run's kernel"):
        grouped(asking(pair(), h2="uml:7.2?node.h1=5.10"), "uml:5.10")


def between(plan: Plan) -> list[str]:
    kernels = kernel_of_nodes(plan, "uml:7.2", {})
    return [link.name for link in links_between(plan, groups_of(plan, kernels, Shelf()))]  # type: ignore[arg-type]


def test_links_between_groups_cross() -> None:
    assert between(asking(chain(), h1="uml:5.10")) == ["l1"]
    assert between(asking(star(3), h2="uml:5.10")) == ["l2"]
    assert between(chain()) == []


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"backend": "netem"}, "use backend 'relay' or 'auto'"),
        ({"offloads": True}, "set offloads to false"),
        ({"a_to_b": LinkDirection(mtu_bytes=65535)}, "an MTU of 65534 at most"),
    ],
)
def test_what_cannot_be_had_between_guests_is_refused(changes: dict[str, Any], why: str) -> None:
    plan = asking(pair(), h1="uml:5.10")
    assert isinstance(plan.nodes[0], NodeSpec)
    plan = msgspec.structs.replace(plan, links=(msgspec.structs.replace(plan.links[0], **changes),))
    with pytest.raises(MissingCapability, match=f"link l1 joins h1 and h2.*{why}"):
        between(plan)
