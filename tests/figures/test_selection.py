from __future__ import annotations

from typing import Any

import polars as pl
import pytest

from netemu.errors import BadInput
from netemu.figures import RunTables
from netemu.figures.scales import time_span
from netemu.figures.selection import select, shown, split_address
from tests.figures.traces import frame_of, run_of


def connection(**fields: Any) -> dict[str, Any]:
    base = {
        "capture": "h1-eth0",
        "connection": 0,
        "client": "10.0.0.1:40000",
        "server": "10.0.1.1:5001",
        "a_payload_bytes": 100,
    }
    return {**base, **fields}


def run_with(*rows: dict[str, Any]) -> RunTables:
    return run_of({"connections": frame_of("connections", list(rows))})


SEVERAL = (
    connection(start_ns=5),
    connection(connection=1, client="10.0.0.1:40001", server="10.0.1.1:80", a_payload_bytes=900, start_ns=7),
    connection(connection=2, client="[fd00::1]:40002", server="[fd00:1::1]:5001", start_ns=9),
)


def test_the_only_connection_needs_no_criteria() -> None:
    chosen = select(run_with(connection()))
    assert (chosen.capture, chosen.connection, chosen.sender) == ("h1-eth0", 0, "10.0.0.1:40000")


@pytest.mark.parametrize(
    ("criteria", "expected"),
    [
        ({"port": 80}, 1),
        ({"port": 40002}, 2),
        ({"connection": 0}, 0),
        ({"server": "10.0.1.1:80"}, 1),
        ({"client": "fd00::1"}, 2),
        ({"client": "h1", "port": 5001}, 0),
        ({"pick": "largest"}, 1),
        ({"pick": "first"}, 0),
    ],
)
def test_criteria_choose_one_of_several(criteria: dict[str, Any], expected: int) -> None:
    assert select(run_with(*SEVERAL), **criteria).connection == expected


def test_several_matches_are_refused_and_listed() -> None:
    with pytest.raises(BadInput, match=r"3 connections match.*10\.0\.0\.1:40001 > 10\.0\.1\.1:80"):
        select(run_with(*SEVERAL))


def test_no_match_lists_what_there_is() -> None:
    with pytest.raises(BadInput, match=r"no connection matches; the run has h1-eth0/0 10\.0\.0\.1:40000"):
        select(run_with(connection()), port=1)


def test_long_lists_are_cut() -> None:
    rows = [connection(connection=n, client=f"10.0.0.1:{n + 1}") for n in range(9)]
    with pytest.raises(BadInput, match="and 3 more"):
        select(run_with(*rows))


def test_direction_defaults_to_the_one_with_more_payload() -> None:
    run = run_with(connection(b_payload_bytes=101))
    assert select(run).sender == "10.0.1.1:5001"
    assert select(run, direction="a_to_b").sender == "10.0.0.1:40000"


@pytest.mark.parametrize("criteria", [{"direction": "forward"}, {"pick": "best"}])
def test_words_that_mean_nothing_are_refused(criteria: dict[str, Any]) -> None:
    with pytest.raises(BadInput, match=r"forward|best"):
        select(run_with(connection()), **criteria)


def test_of_several_captures_the_senders_own_is_used() -> None:
    run = run_with(connection(), connection(capture="h2-eth0"))
    assert select(run).capture == "h1-eth0"
    assert select(run, direction="b_to_a").capture == "h2-eth0"
    assert select(run, capture="h2-eth0").capture == "h2-eth0"


def test_captures_on_unknown_nodes_must_be_named() -> None:
    with pytest.raises(BadInput, match="several captures match, name one"):
        select(run_with(connection(capture="x"), connection(capture="y")))


def test_where_tells_the_directions_apart() -> None:
    chosen = select(run_with(connection()))
    rows = pl.DataFrame({"capture": ["h1-eth0"] * 3, "connection": [0, 0, 1], "direction": [0, 1, 0]})
    assert rows.filter(chosen.where()).rows() == [("h1-eth0", 0, 0)]
    assert rows.filter(chosen.where(reverse=True)).rows() == [("h1-eth0", 0, 1)]
    assert rows.filter(chosen.where(direction=False)).height == 2


def test_addresses_split_with_and_without_brackets() -> None:
    assert split_address("[fd00::1]:80") == ("fd00::1", "80")
    assert split_address("10.0.0.1:80") == ("10.0.0.1", "80")


def test_what_is_shown_is_the_selected_connection_in_its_time() -> None:
    run = run_with(connection())
    assert shown(run, {"start": "1ms", "stop": 5_000_000}) == (select(run), (1_000_000, 5_000_000))
    assert shown(run, {}) == (select(run), time_span(None, None))
    with pytest.raises(BadInput, match="is not after start"):
        shown(run, {"start": "2s", "stop": "1s"})
