"""A finished run as claims see it: selections, their evidence, and what cannot be observed."""

import json
from pathlib import Path

import polars as pl
import pytest

from netemu.errors import BadInput
from netemu.experiment import Experiment, NotObservable, Run, bulk
from netemu.recording.layout import Recording
from netemu.specs import to_json
from topologies import chain


@pytest.fixture
def run(tmp_path: Path) -> Run:
    experiment = Experiment("tiny", question="?")
    experiment.topology(lambda p: chain(mtus=(1500,)))
    experiment.traffic(lambda p: [bulk("x", "h1", "h2", size=1), bulk("y", "h1", "h2", size=1)])
    recording = Recording(tmp_path)
    recording.plan.write_text(to_json(experiment.plan()))
    recording.manifest.write_text(json.dumps({}))
    recording.tables.mkdir()
    pl.DataFrame(
        {
            "capture": ["h1-eth0", "h1-eth0", "h1-eth0"],
            "connection": [0, 1, 2],
            "server": ["10.0.0.2:5001", "10.0.0.2:5002", "[fd00::2]:5002"],
        }
    ).write_parquet(recording.tables / "connections.parquet")
    pl.DataFrame(
        {"capture": ["h1-eth0"] * 3, "connection": [0, 0, 1], "direction": [0, 1, 0], "t_ns": [1, 2, 3]}
    ).write_parquet(recording.tables / "packets.parquet")
    pl.DataFrame(
        {
            "capture": ["h1-eth0"] * 3,
            "connection": [0, 0, 1],
            "direction": [0, 0, 0],
            "fate": ["lost", "arrived", "lost"],
        }
    ).write_parquet(recording.tables / "transits.parquet")
    pl.DataFrame({"agent": ["x.client", "y.client"], "done_bytes": [5, 6]}).write_parquet(
        recording.tables / "sends.parquet"
    )
    pl.DataFrame({"host": ["h1"], "counter": ["TcpRetransSegs"], "before": [3], "after": [10]}).write_parquet(
        recording.tables / "counters.parquet"
    )
    return Run(recording)


def test_a_flow_is_found_by_its_port_and_leaves_evidence(run: Run) -> None:
    assert run.connection("x", at="h1-eth0")["connection"] == 0
    assert run.evidence == ["tables/connections.parquet", "capture h1-eth0, flow x"]


def test_packets_of_a_flow_by_direction(run: Run) -> None:
    assert run.packets("x", at="h1-eth0")["t_ns"].to_list() == [1, 2]
    assert run.packets("x", at="h1-eth0", direction=1)["t_ns"].to_list() == [2]


def test_rows_of_a_table_about_a_direction_by_time(run: Run) -> None:
    assert run.rows("packets", "x", at="h1-eth0", direction=1)["t_ns"].to_list() == [2]


def test_what_became_of_packets_and_of_sends(run: Run) -> None:
    assert run.transits("x", at="h1-eth0", direction=0)["fate"].to_list() == ["lost", "arrived"]
    assert run.sends("x.client")["done_bytes"].to_list() == [5]


def test_no_connection_or_several_cannot_be_observed(run: Run) -> None:
    with pytest.raises(NotObservable, match="holds 0 connections of flow 'x'"):
        run.connection("x", at="h2-eth0")
    with pytest.raises(NotObservable, match="holds 2 connections of flow 'y'"):
        run.connection("y", at="h1-eth0")


def test_a_counter_is_its_growth_and_an_unknown_one_cannot_be_observed(run: Run) -> None:
    assert run.counter("h1", "TcpRetransSegs") == 7
    with pytest.raises(NotObservable, match="no counter 'TcpNoSuch' on h1"):
        run.counter("h1", "TcpNoSuch")


def test_a_flow_that_the_plan_does_not_have_is_a_mistake(run: Run) -> None:
    with pytest.raises(BadInput, match=r"no agent 'z\.server' \(it has x\.server, x\.client"):
        run.port("z")


def test_a_capture_link_or_table_that_there_is_not_is_a_mistake(run: Run) -> None:
    with pytest.raises(BadInput, match=r"captures no 'h9-eth0' \(captures: h1-eth0"):
        run.connection("x", at="h9-eth0")
    with pytest.raises(BadInput, match="captures no 'h9-eth0'"):
        run.icmp(at="h9-eth0")
    with pytest.raises(BadInput, match=r"no link 'h1-h9' \(links: h1-h2\)"):
        run.wire("h1-h9")
    with pytest.raises(BadInput, match="no table is called 'zz'; there are packets"):
        run.table("zz")


@pytest.mark.parametrize(
    ("release", "numbers"),
    [("5.10.223", (5, 10, 223)), ("6.18.5-3-amd64", (6, 18, 5)), ("7.2", (7, 2, 0)), ("7.2.0-rc4+", (7, 2, 0))],
)
def test_the_kernels_release_is_numbers_that_compare(run: Run, release: str, numbers: tuple[int, int, int]) -> None:
    run.manifest["kernel_details"] = {"release": release}
    assert run.kernel_release == numbers
    assert (run.kernel_release >= (6, 5)) is (numbers[0] > 5)
    assert f"manifest.json, kernel release {release}" in run.evidence


@pytest.mark.parametrize("details", [{}, {"release": "unknown"}])
def test_without_a_release_nothing_that_depends_on_it_is_observable(run: Run, details: dict[str, str]) -> None:
    run.manifest["kernel_details"] = details
    with pytest.raises(NotObservable, match="is no version"):
        run.kernel_release  # noqa: B018


def test_time_is_virtual_only_where_the_guest_says_so(run: Run) -> None:
    assert not run.virtual_time
    run.manifest["guest"] = {"time": "real"}
    assert not run.virtual_time
    run.manifest["guest"] = {"time": "virtual"}
    assert run.virtual_time
