"""Names of kernels in guests: what they hold, and each mistake in one line."""

from __future__ import annotations

import msgspec
import pytest

from netemu.errors import BadInput, MissingCapability
from netemu.kernels.guest_name import memory_bytes, refuse_other_kernels, split_name, with_memory
from tests.lab import plans

KNOWN = {"memory": "1G", "speed": "slow|fast"}


def test_a_name_is_a_kernel_and_options() -> None:
    assert split_name("vm:/boot/vmlinuz-6.1", "vm", "vm:X", KNOWN) == ("/boot/vmlinuz-6.1", {})
    assert split_name("vm:6.1?speed=fast&memory=2G", "vm", "vm:X", KNOWN) == ("6.1", {"speed": "fast", "memory": "2G"})


@pytest.mark.parametrize(
    ("name", "why"),
    [
        ("vm", "write vm:X"),
        ("vm:", "write vm:X"),
        ("uml:6.1", "write vm:X"),
        ("vm:6.1?size=1", "'size=1': the options are memory=1G, speed=slow|fast"),
        ("vm:6.1?speed=", "the options are"),
        ("vm:6.1?speed=slow&speed=fast", "the options are"),
    ],
)
def test_a_wrong_name_is_refused_with_what_is_right(name: str, why: str) -> None:
    with pytest.raises(BadInput) as error:
        split_name(name, "vm", "vm:X", KNOWN)
    assert why in str(error.value)


def test_memory_is_a_number_with_its_unit() -> None:
    assert (memory_bytes("128M", "vm:6.1"), memory_bytes("2G", "vm:6.1")) == (128 << 20, 2 << 30)
    for text in ("127M", "1", "1T", "-1G", "1.5G"):
        with pytest.raises(BadInput, match="at least 128M"):
            memory_bytes(text, "vm:6.1")


def test_a_name_gets_other_memory() -> None:
    assert with_memory("vm:6.1", "4G") == "vm:6.1?memory=4G"
    assert with_memory("vm:6.1?memory=128M", "4G") == "vm:6.1?memory=4G"
    assert with_memory("uml:7.2?memory=1G&time=virtual", "4G") == "uml:7.2?time=virtual&memory=4G"


def test_a_node_that_asks_for_another_kernel_is_refused() -> None:
    plan = plans.pair()
    refuse_other_kernels(plan, "vm:6.1")
    node = msgspec.structs.replace(plan.nodes[0], kernel="vm:6.1")
    refuse_other_kernels(msgspec.structs.replace(plan, nodes=(node, *plan.nodes[1:])), "vm:6.1")
    node = msgspec.structs.replace(node, kernel="host")
    with pytest.raises(MissingCapability, match="node 'h1' asks for kernel 'host'"):
        refuse_other_kernels(msgspec.structs.replace(plan, nodes=(node, *plan.nodes[1:])), "vm:6.1")
