"""Kernel ``host``: what it refuses before anything runs, and what only it can see."""

from pathlib import Path

import msgspec
import pytest

from netemu.errors import MissingCapability
from netemu.experiment import Experiment, bulk
from netemu.kernels.host import HostKernel, machine_sysctls
from netemu.recording.layout import Recording
from topologies import chain


def test_a_node_on_another_kernel_is_refused_by_name(tmp_path: Path) -> None:
    experiment = Experiment("tiny", question="?")
    experiment.topology(lambda p: chain(mtus=(1500,)))
    experiment.traffic(lambda p: [bulk("x", "h1", "h2", size=1)])
    plan = experiment.plan()
    first = msgspec.structs.replace(plan.nodes[0], kernel="uml:6.1")
    other = msgspec.structs.replace(plan, nodes=(first, *plan.nodes[1:]))
    with pytest.raises(MissingCapability, match=r"node .h1. asks for kernel .uml:6\.1."):
        HostKernel().execute(other, Recording(tmp_path), lambda text: None)
    assert list(tmp_path.iterdir()) == []


def test_sysctls_of_the_machine_are_told_and_those_that_are_not_there_too() -> None:
    found = machine_sysctls(["net.ipv4.ip_default_ttl", "net.ipv4.no_such_thing"])
    assert found["net.ipv4.no_such_thing"] is None
    assert int(str(found["net.ipv4.ip_default_ttl"])) > 0
