"""The table ``path_mtu``: its order, its types, and that it says what ``connections`` says."""

from __future__ import annotations

from pathlib import Path

import pytest

from netemu.recording.path_tables import PATH_MTU
from netemu.trace import analyze
from netemu.trace.tables import polars_schema
from tests.trace.build import MS, Talk, one, write_pcap
from tests.trace.test_track import ROUTER, report, talk_of

MSS = 1448


@pytest.mark.parametrize(("version", "cause"), [(4, "icmp_fragmentation_needed"), (6, "icmp_packet_too_big")])
def test_it_ends_with_the_path_mtu_of_the_connection(version: int, cause: str, tmp_path: Path) -> None:
    talk = talk_of(version)
    header = 32 + (20 if version == 4 else 40)
    talk.handshake()
    talk.say(20, "a", 1, 1, MSS)
    report(talk, 21, 1400, 1)
    talk.say(21.1, "a", 1, 1, 1400 - header)
    report(talk, 22, 1280, 1)
    talk.say(22.1, "a", 1, 1, 1280 - header)
    talk.say(32, "b", 1, 1 + 1280 - header)
    analysis = talk.analyse(tmp_path)
    table = analysis.tables["path_mtu"]
    assert table.schema == polars_schema(PATH_MTU)
    assert table["cause"].to_list() == ["handshake", cause, cause]
    assert table["mtu_bytes"].to_list()[1:] == [1400, 1280]
    assert table["router"].to_list() == [None, ROUTER[version], ROUTER[version]]
    assert table["proven_ns"].to_list() == [None, None, 32 * MS]
    assert one(analysis)["a_path_mtu_bytes"] == 1280


def test_rows_are_in_order_of_connection_direction_and_time(tmp_path: Path) -> None:
    records = []
    for port in (40000, 40001):
        talk = Talk(ports=(port, 80))
        talk.handshake()
        talk.say(20, "b", 1, 1, MSS)
        talk.say(21, "a", 1, 1 + MSS, MSS)
        talk.say(30, "b", 1 + MSS, 1 + MSS)
        records += talk.records
    records.sort(key=lambda record: record[0])
    table = analyze([write_pcap(tmp_path / "two.pcap", records)]).tables["path_mtu"]
    assert table.select("capture", "connection", "direction", "mtu_bytes", "proven_ns").rows() == [
        ("two", 0, 0, 1500, 30 * MS),
        ("two", 0, 1, 1500, 21 * MS),
        ("two", 1, 0, 1500, 30 * MS),
        ("two", 1, 1, 1500, 21 * MS),
    ]
