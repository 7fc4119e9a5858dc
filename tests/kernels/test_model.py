"""``model:<profile>``: what its name may hold, and what it says of itself."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import msgspec
import pytest

from netemu import compiled
from netemu.errors import BadInput, MissingCapability
from netemu.experiment.load import load_experiment
from netemu.kernels import kernel_named
from netemu.kernels.model import ModelKernel, profile_named
from netemu.recording.account import read_account
from netemu.recording.layout import Recording
from netemu.session import run_experiment
from tests.kernels.model_digests import FORMS
from tests.lab import plans


def test_a_name_picks_a_profile_and_options_replace_its_fields() -> None:
    profile = profile_named("model:linux-6?hz=100&memory=512M")
    assert (profile.name, profile.release, profile.hz, profile.memory_bytes) == ("linux-6", "6.12", 100, 512 << 20)
    kernel = kernel_named("model:linux-7")
    assert isinstance(kernel, ModelKernel) and kernel.parallel


@pytest.mark.parametrize(
    ("name", "named"),
    [
        ("model", "model:PROFILE"),
        ("model:linux-99", "linux-99"),
        ("model:linux-7?hz=7", "hz is 7"),
        ("model:linux-7?hz=fast", "fast"),
        ("model:linux-7?time=real", "time=real"),
        ("model:linux-7?memory=1", "memory='1'"),
    ],
)
def test_what_is_wrong_in_a_name_is_named(name: str, named: str) -> None:
    with pytest.raises(BadInput, match=named):
        profile_named(name)


def test_a_node_of_another_kernel_is_refused(tmp_path: object) -> None:
    plan = plans.pair()
    nodes = tuple(msgspec.structs.replace(node, kernel="host") for node in plan.nodes)
    with pytest.raises(MissingCapability, match="asks for kernel 'host'"):
        ModelKernel("model:linux-7").execute(
            msgspec.structs.replace(plan, nodes=nodes),
            Recording(tmp_path),
            lambda text: None,  # type: ignore[arg-type]
        )


def test_a_run_of_a_model_that_nothing_judges_says_so_on_its_claims_and_figures(tmp_path: Path) -> None:
    file = Path(__file__).parents[2] / "experiments/black_hole.py"
    experiment = load_experiment(file)
    old, new = (
        run_experiment(experiment, kernel=f"model:{era}", results=tmp_path, source=file)
        for era in ("linux-3.10", "linux-7")
    )
    assert all(claim.measured.endswith(" (unjudged)") for claim in old.claims)
    assert not any("unjudged" in claim.measured for claim in new.claims)
    assert [claim for claim in new.claims if claim.holds is not True] == []
    drawn = [path.read_bytes() for path in old.figures if path.suffix == ".svg"]
    assert drawn and all(b"unjudged" in content for content in drawn)


SCENARIOS = (
    "bbr", "cork", "ecn", "keepalive", "loss_5_cubic", "pmtu_ipv6", "queue_two_flows", "random_loss", "rcvbuf_pressure",
    "reordering", "slow_reader", "syn_queue_cookies", "time_wait_reuse", "udp_fragments_lost",
)  # fmt: skip
"""Of :mod:`netemu.fidelity.scenarios`: a few that take other ways through the stack."""


@pytest.mark.skipif(
    compiled.built()[0] is None, reason="no compiled models of these sources: netemu kernels build model"
)
@pytest.mark.parametrize("kernel", ["model:linux-7", "model:linux-6"])
def test_compiled_models_leave_the_same_bytes_as_their_sources(kernel: str, tmp_path: Path) -> None:
    left = {}
    for form in FORMS:
        argv = [sys.executable, "-m", "tests.kernels.model_digests", kernel, str(tmp_path / form), *SCENARIOS]
        environment = {**os.environ, compiled.VARIABLE: form}
        done = subprocess.run(argv, capture_output=True, text=True, check=False, env=environment)
        assert done.returncode == 0, done.stderr
        answer = json.loads(done.stdout)
        assert answer["form"] == form
        left[form] = answer["runs"]
    assert set(left["compiled"]) == set(SCENARIOS)
    assert left["compiled"] == left["interpreted"]


def test_the_account_says_which_form_ran(tmp_path: Path) -> None:
    recording = Recording(tmp_path)
    ModelKernel("model:linux-7").execute(plans.pair(), recording, lambda text: None)
    assert read_account(recording)["form"] == str(compiled.form())
