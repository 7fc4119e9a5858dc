"""A plan executed on this kernel: what it leaves, and how a run that breaks off ends."""

import json
from pathlib import Path
from typing import Any

import pytest

from netemu.errors import BadInput, MissingCapability
from netemu.experiment import Experiment, bulk
from netemu.kernels.host import HostKernel
from netemu.recording.layout import Recording
from topologies import chain

pytestmark = pytest.mark.lab


def plan_of(sender: dict[str, Any] | None = None, **link: Any):
    experiment = Experiment("tiny", question="?", duration="5s")
    experiment.topology(lambda p: chain(mtus=(1500,), rate="20Mbit/s", delay="2ms", **link))
    experiment.traffic(lambda p: [bulk("x", "h1", "h2", size=50_000, sender=sender, stop="3s")])
    return experiment.plan()


@pytest.fixture
def recording(tmp_path: Path) -> Recording:
    root = tmp_path / "run"
    root.mkdir()
    return Recording(root)


def test_everything_that_was_proved_and_seen_is_in_the_execution(recording: Recording) -> None:
    steps: list[str] = []
    HostKernel().execute(plan_of(), recording, steps.append)
    execution = json.loads((recording.root / "execution.json").read_text())
    assert execution["void"] == []
    assert set(execution["members"]) == {"capture", "sampler", "tracing", "x.client", "x.server"}
    assert execution["members"]["x.server"]["connections"][0]["received_bytes"] == 50_000
    assert execution["wires"]["h1-h2"]["backend"] == "relay"
    assert {record["direction"] for record in execution["links"]} == {"a_to_b", "b_to_a"}
    assert steps[0] == "building 2 nodes and 1 wires"


def test_an_agent_that_the_kernel_refuses_stops_the_run_with_its_reason(recording: Recording) -> None:
    with pytest.raises(MissingCapability, match=r"x\.client ended before it was ready: .*no_such_control.* has: .*bbr"):
        HostKernel().execute(plan_of({"congestion": "no_such_control"}), recording, lambda text: None)


def test_loss_of_everything_ends_at_the_stop_time_and_is_no_error(recording: Recording) -> None:
    HostKernel().execute(plan_of(loss=1.0), recording, lambda text: None)
    execution = json.loads((recording.root / "execution.json").read_text())
    assert execution["members"]["x.server"]["connections"] == []
    assert execution["wires"]["h1-h2"]["directions"]["a_to_b"]["forwarded"] == 0


def test_a_kernel_with_a_version_is_refused() -> None:
    with pytest.raises(BadInput, match="'host' takes no version"):
        HostKernel("host:6.1")
