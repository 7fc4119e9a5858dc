"""Which rows are shown."""

from __future__ import annotations

import polars as pl
import pytest

from netemu.errors import BadInput
from netemu.trace.analysis import analyze
from netemu.trace.show.result import Analysis
from netemu.trace.show.selection import EVERYTHING, OPTIONS, Selection, parse_selection
from tests.trace.build import write_pcap
from tests.trace.show.scenes import several


@pytest.fixture(scope="module")
def three(tmp_path_factory: pytest.TempPathFactory) -> Analysis:
    directory = tmp_path_factory.mktemp("three")
    return analyze([write_pcap(directory / f"{name}.pcap", several(5, 1, 9)) for name in ("left", "right")])


def numbers(analysis: Analysis, **asked: object) -> list[tuple[str, int]]:
    return analysis.where(**asked).connections.select("capture", "connection").rows()  # type: ignore[arg-type]


def test_a_number_is_of_every_capture_unless_one_is_named(three: Analysis) -> None:
    assert numbers(three, connection=2) == [("left", 2), ("right", 2)]
    assert numbers(three, connection="right/2") == [("right", 2)]
    assert numbers(three, connection=["right/2", "left/0"]) == [("left", 0), ("right", 2)]


@pytest.mark.parametrize(
    "ends",
    [
        "10.0.0.1:40001>10.0.0.2:80",
        "10.0.0.2:80 > 10.0.0.1:40001",
        "10.0.0.1:40001>10.0.0.2",
        "10.0.0.1:40001>10.0.0.2:*",
    ],
)
def test_two_ends_in_either_order(three: Analysis, ends: str) -> None:
    assert numbers(three, connection=ends) == [("left", 1), ("right", 1)]


def test_hosts_and_ports_narrow_each_other(three: Analysis) -> None:
    assert len(numbers(three, host="10.0.0.0/30")) == len(numbers(three, host="10.0.0.2")) == 6
    assert numbers(three, host="10.0.0.2", port=40002) == [("left", 2), ("right", 2)]
    assert numbers(three, host="192.0.2.1", port=40002) == []
    assert numbers(three, host=["192.0.2.1", "10.0.0.1"], port=[40000]) == [("left", 0), ("right", 0)]


def test_every_table_and_the_packets_follow(three: Analysis) -> None:
    shown = three.where(connection="left/1")
    assert shown.packets.height == 6 and set(shown.packets["connection"]) == {1}
    for name, frame in shown.tables.items():
        if "connection" not in frame.columns:
            continue
        assert frame.equals(three.tables[name].filter((pl.col("capture") == "left") & (pl.col("connection") == 1))), (
            name
        )
    assert (shown.packet_count, shown.connection_count) == (three.packet_count, 6)


def test_time_is_half_open_and_a_connection_is_shown_while_it_lives(three: Analysis) -> None:
    assert set(three.where(start="20ms", end=300_000_000).packets["t_ns"]) == {
        20_000_000 + i * 100_000 for i in range(9)
    }
    assert three.where(start="310ms").connections.height == 6
    assert three.where(start="311ms").connections.height == 0


def test_tables_of_spans_and_of_addresses_are_cut_by_the_same_rule() -> None:
    spans = pl.DataFrame({"start_ns": [0, 10, 20], "end_ns": [5, 15, None]})
    stalls = pl.DataFrame({"t_ns": [0, 10, 21], "end_ns": [5, 15, None]})
    datagrams = pl.DataFrame(
        {"t_ns": [1, 2], "source": ["10.0.0.1:53", "[fd00::1]:53"], "destination": ["10.0.0.2:9"] * 2}
    )
    asked = parse_selection(start=12, end=21)
    assert asked.rows(spans, pl.DataFrame())["start_ns"].to_list() == [10, 20]
    assert asked.rows(stalls, pl.DataFrame())["t_ns"].to_list() == [10]
    assert parse_selection(hosts=["fd00::/16"]).rows(datagrams, spans)["t_ns"].to_list() == [2]
    assert parse_selection(connections=[3]).rows(datagrams, spans).is_empty()


def test_nothing_asked_is_nothing_left_out(three: Analysis) -> None:
    assert not EVERYTHING and three.where().packets.equals(three.packets)
    assert Selection() == EVERYTHING and str(EVERYTHING) == ""


def test_a_selection_says_what_it_is() -> None:
    asked = parse_selection([3, "a/1", "[fd00::1]:1>[fd00::2]"], ["10.0.0.9/8", "fd00::1"], ["80"], "1.5s", "2s")
    assert str(asked) == (
        "connection 3 or a/1 or [fd00::1]:1>[fd00::2], host 10.0.0.0/8 or fd00::1, port 80, from 1.5s, to 2s"
    )


@pytest.mark.parametrize(
    ("asked", "message"),
    [
        ({"connections": ["x"]}, "--connection: 'x' is not a number such as 3, CAPTURE/3, or two ends"),
        ({"connections": ["10.0.0.1:99999>10.0.0.2:80"]}, "--connection: '10.0.0.1:99999>10.0.0.2:80' is not"),
        ({"connections": ["10.0.0.1>"]}, "--connection: '10.0.0.1>' is not"),
        ({"connections": ["-1"]}, "--connection: '-1' is not"),
        ({"hosts": ["example"]}, "--host: 'example' is no address"),
        ({"ports": ["65536"]}, "--port: '65536' is no port"),
        ({"ports": ["http"]}, "--port: 'http' is no port"),
        ({"start": "soon"}, "--from: 'soon' is not a time"),
        ({"start": "2s", "end": "1s"}, "--to: '1s' is not after --from '2s'"),
    ],
)
def test_what_cannot_be_meant_is_one_line_with_the_value(asked: dict[str, object], message: str) -> None:
    with pytest.raises(BadInput) as refused:
        parse_selection(**asked, places=OPTIONS)  # type: ignore[arg-type]
    assert str(refused.value).startswith(message) and "\n" not in str(refused.value)


def test_a_number_that_no_capture_has(three: Analysis) -> None:
    with pytest.raises(BadInput, match="connection 7: no such number; there is connections 0 to 2"):
        three.where(connection=7)
    with pytest.raises(BadInput, match="connection up/1: no such capture; there is left, right"):
        three.where(connection="up/1")
