"""An Experiment becomes a Plan; its claims are judged; its mistakes are named."""

import sys
import types
from pathlib import Path

import networkx as nx
import pytest

from netemu.errors import BadInput
from netemu.experiment import Experiment, NotObservable, bulk, equal
from netemu.experiment.load import load_experiment
from netemu.specs import Plan, from_json, to_json
from topologies import chain

EXPERIMENTS = sorted((Path(__file__).parents[2] / "experiments").glob("*.py"))


def make(**options) -> Experiment:
    experiment = Experiment("tiny", question="?", **options)
    experiment.parameter("size", 1000, "bytes")
    experiment.topology(lambda p: chain(mtus=(1500,), rate="10Mbit/s", delay="1ms"))
    experiment.traffic(lambda p: [bulk("x", "h1", "h2", size=p.size)])
    return experiment


def test_equal_arguments_give_equal_plans_and_other_parameters_another_hash() -> None:
    assert make().plan() == make().plan()
    assert make().plan({"size": "2000"}).digest != make().plan().digest
    assert make().plan(seed=2).digest != make().plan(seed=1).digest


def test_a_plan_survives_json() -> None:
    plan = make().plan()
    again = from_json(to_json(plan), Plan, "plan")
    assert again == plan
    assert again.digest == plan.digest


def test_every_host_interface_is_captured_unless_named() -> None:
    assert [capture.interface for capture in make().plan().captures] == ["h1-eth0", "h2-eth0"]
    assert [capture.interface for capture in make(captures=["h2-eth0"]).plan().captures] == ["h2-eth0"]
    with pytest.raises(BadInput, match="capture on 'h9-eth0', which is no interface of the topology"):
        make(captures=["h9-eth0"]).plan()


@pytest.mark.parametrize("path", EXPERIMENTS, ids=lambda path: path.stem)
def test_every_experiment_of_the_project_has_a_drawing_a_question_claims_and_a_plan(path: Path) -> None:
    experiment = load_experiment(path)
    assert experiment.name == path.stem
    assert experiment.question.endswith("?")
    assert "h1 ---" in experiment.drawing
    assert len(experiment.claims) >= 3
    assert experiment.figures
    assert experiment.plan().agents


def run_of(experiment: Experiment) -> object:
    return types.SimpleNamespace(evidence=[])


def test_claims_are_judged_in_order_and_the_unobservable_neither_holds_nor_fails() -> None:
    experiment = make()

    @experiment.claim("one is one")
    def one(run):
        run.evidence.append("tables/packets.parquet")
        return equal(1, 1)

    @experiment.claim("cannot be seen")
    def unseen(run):
        raise NotObservable("no tracepoint")

    first, second = experiment.judge(run_of(experiment))
    assert (first.name, first.holds, first.evidence) == ("one is one", True, "tables/packets.parquet")
    assert (second.holds, second.measured) == (None, "not observable: no tracepoint")


def test_a_claim_that_raises_is_named_with_the_line() -> None:
    experiment = make()
    experiment.claim("divides")(lambda run: 1 / 0)
    with pytest.raises(BadInput, match=r"claim 'divides' raised ZeroDivisionError.*test_experiment\.py, line \d+"):
        experiment.judge(run_of(experiment))


def test_a_claim_that_exits_or_asks_for_what_is_not_there_is_named() -> None:
    experiment = make()
    experiment.claim("leaves")(lambda run: sys.exit(9))
    with pytest.raises(BadInput, match="claim 'leaves' raised SystemExit: 9"):
        experiment.judge(run_of(experiment))

    def misspelt(run: object) -> None:
        raise BadInput("no table is called 'zz'")

    other = make()
    other.claim("looks")(misspelt)
    with pytest.raises(BadInput, match="claim 'looks': no table is called 'zz'"):
        other.judge(run_of(other))


def test_a_claim_declared_twice_is_refused() -> None:
    experiment = make()
    experiment.claim("same")(lambda run: equal(1, 1))
    with pytest.raises(BadInput, match="'same' is declared twice"):
        experiment.claim("same")


def test_what_is_missing_or_wrong_is_named() -> None:
    bare = Experiment("bare", question="?")
    with pytest.raises(BadInput, match="declares no topology"):
        bare.plan()
    broken = make()
    broken.topology(lambda p: nx.Graph(p.nothing))
    with pytest.raises(BadInput, match="its topology function raised AttributeError"):
        broken.plan()
    stranger = make()
    stranger.traffic(lambda p: [bulk("x", "h1", "h9", size=1)])
    with pytest.raises(BadInput, match="flow 'x': 'h9' is no host of the topology"):
        stranger.plan()
    twice = make()
    twice.traffic(lambda p: [bulk("x", "h1", "h2", size=1), bulk("x", "h1", "h2", size=1)])
    with pytest.raises(BadInput, match=r"two agents are named 'x\.server'"):
        twice.plan()
