"""From an experiment to a run's directory, with a kernel that leaves nothing but what the test wants."""

import contextlib
import errno
import json
from pathlib import Path

import pytest

from netemu import session
from netemu.errors import BadInput, MissingCapability, VoidRun
from netemu.experiment import Experiment, bulk, equal
from netemu.recording.layout import Recording
from netemu.specs import Plan, to_json
from topologies import chain


def experiment() -> Experiment:
    made = Experiment("tiny", question="?")
    made.topology(lambda p: chain(mtus=(1500,)))
    made.traffic(lambda p: [bulk("x", "h1", "h2", size=1)])
    made.claim("one is one")(lambda run: equal(1, 1))
    return made


class FakeKernel:
    """Executes nothing; raises ``error`` or leaves ``execution``."""

    name = "fake"

    def __init__(self, error: Exception | None = None) -> None:
        self.error = error

    def guarded(self, directory: Path):
        return contextlib.nullcontext()

    def execute(self, plan: Plan, recording: Recording, progress) -> None:
        recording.plan.write_text(to_json(plan))
        if self.error is not None:
            raise self.error
        (recording.root / "execution.json").write_text(json.dumps({"void": [], "degraded": ["busy"]}))


def run_with(kernel: FakeKernel, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(session, "kernel_named", lambda name: kernel)
    return session.run_experiment(experiment(), kernel="fake", results=tmp_path)


def test_a_missing_capability_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(MissingCapability):
        run_with(FakeKernel(MissingCapability("no root")), tmp_path, monkeypatch)
    assert list(tmp_path.iterdir()) == []


def test_a_disk_that_fills_during_the_run_is_named_and_nothing_is_left(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(MissingCapability, match=r"--out .*: No space left on device while the run was written"):
        run_with(FakeKernel(OSError(errno.ENOSPC, "No space left on device")), tmp_path, monkeypatch)
    assert list(tmp_path.iterdir()) == []


def test_the_manifest_says_what_load_was_beside_the_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    kernel = FakeKernel(VoidRun("nothing was recorded"))
    monkeypatch.setattr(session, "kernel_named", lambda name: kernel)
    for load in (0, 1):
        summary = session.run_experiment(experiment(), kernel="fake", results=tmp_path, load=load)
        assert json.loads(Recording(summary.run).manifest.read_text())["busy_loops"] == load


def test_load_that_did_not_last_makes_a_run_void(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    @contextlib.contextmanager
    def ended(count: int):
        yield
        raise VoidRun("1 of 1 busy loops ended before the run did")

    monkeypatch.setattr(session, "busy_loops", ended)
    monkeypatch.setattr(session, "kernel_named", lambda name: FakeKernel())
    summary = session.run_experiment(experiment(), kernel="fake", results=tmp_path, load=1)
    assert (summary.validity, summary.reasons) == ("void", ("1 of 1 busy loops ended before the run did",))
    assert not (summary.run / "execution.json").exists()


def test_too_much_load_leaves_nothing(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="1000 busy loops"):
        session.run_experiment(experiment(), results=tmp_path, load=1000)
    assert list(tmp_path.iterdir()) == []


def test_claims_over_runs_are_judged_on_those_that_are_not_void(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    summary = run_with(FakeKernel(VoidRun("the capture lost packets")), tmp_path, monkeypatch)
    made = experiment()
    assert session.judge_over_runs(made, [summary]) == ()
    made.claim_over_runs("none is void")(lambda runs: equal(len(runs), 0))
    assert [claim.holds for claim in session.judge_over_runs(made, [summary])] == [True]


def test_a_figure_that_no_run_can_make_good_is_refused_before_the_run(tmp_path: Path) -> None:
    for options, message in (
        ({"capture": "h9-eth0"}, r"captures no 'h9-eth0' \(captures: h1-eth0"),
        ({"scale": "banana"}, "figure 'f': scale 'banana'"),
    ):
        made = experiment()
        made.figure("f", "rtt", flow="x", **options)
        with pytest.raises(BadInput, match=message):
            session.run_experiment(made, results=tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_a_void_run_is_kept_with_its_reason_and_no_claim_of_it_holds(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    summary = run_with(FakeKernel(VoidRun("the capture lost packets")), tmp_path, monkeypatch)
    assert (summary.validity, summary.reasons) == ("void", ("the capture lost packets",))
    assert all(claim.holds is None for claim in summary.claims)
    assert json.loads((summary.run / "manifest.json").read_text())["reasons"] == ["the capture lost packets"]


def test_a_degraded_run_is_judged_and_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    summary = run_with(FakeKernel(), tmp_path, monkeypatch)
    assert (summary.validity, summary.reasons) == ("degraded", ("busy",))
    assert [claim.holds for claim in summary.claims] == [True]
    assert summary.run.name.endswith(experiment().plan().digest)


def test_a_figure_of_a_flow_that_is_not_there_is_refused_before_the_run(tmp_path: Path) -> None:
    made = experiment()
    made.figure("f", "time_sequence", flow="z")
    with pytest.raises(BadInput, match=r"figure 'f': there is no flow 'z' \(flows: x\)"):
        session.run_experiment(made, results=tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_a_flow_in_a_figure_becomes_the_port_of_its_server() -> None:
    made = experiment()
    made.figure("f", "time_sequence", flow="x", capture="h1-eth0")
    (request,) = session.figure_requests(made, made.plan())
    assert request == {"name": "f", "figure": "time_sequence", "options": {"capture": "h1-eth0", "port": 5001}}
