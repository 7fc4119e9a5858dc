"""Kernel ``host``: what it refuses before anything runs."""

from pathlib import Path

import msgspec
import pytest

from netemu.errors import MissingCapability
from netemu.experiment import Experiment, bulk
from netemu.kernels.host import HostKernel
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
