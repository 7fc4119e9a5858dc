"""Which runs a figure is over, what it says of them, and the flow on a time of its own."""

from __future__ import annotations

import pytest

from netemu.errors import BadInput
from netemu.figures.repeated.runs import SeveralRuns, flows
from tests.figures.repeated.conftest import transfer
from tests.figures.traces import MS


def test_the_note_counts_degraded_and_void_runs() -> None:
    runs = (transfer(), transfer(validity="degraded", reasons=("lag of 9 ms",)))
    assert SeveralRuns((runs[0], runs[0])).note() == "2 runs, all valid"
    assert SeveralRuns(runs, void=1).note() == "2 runs, 1 of them degraded (lag of 9 ms); 1 void run left out"
    assert SeveralRuns((runs[0], runs[0]), void=2).note() == "2 runs, all valid; 2 void runs left out"


def test_one_run_is_not_several() -> None:
    with pytest.raises(BadInput, match="needs two that are not void; there are 1 and 3 void"):
        SeveralRuns((transfer(),), void=3)


def test_a_void_run_is_refused() -> None:
    with pytest.raises(BadInput, match="the run is void; leave it out"):
        SeveralRuns((transfer(), transfer(validity="void")))


def test_the_same_stretch_since_the_connections_start_is_shown_in_every_run() -> None:
    runs = SeveralRuns((transfer(begin_ms=1000), transfer(begin_ms=1030), transfer(begin_ms=990)))
    found = flows(runs, {"start": "1100ms"})
    assert [flow.start_ns for flow in found] == [1000 * MS, 1030 * MS, 990 * MS]
    assert [flow.span[0] - flow.start_ns for flow in found] == [100 * MS] * 3
    assert len({flow.span[1] for flow in found}) == 1


def test_a_selection_that_fails_names_the_run() -> None:
    with pytest.raises(BadInput, match="a run by hand: no connection matches"):
        flows(SeveralRuns((transfer(), transfer())), {"port": 1})
