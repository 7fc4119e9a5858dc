"""The object that ``netemu.analyze`` returns."""

from __future__ import annotations

import copy
from pathlib import Path

import pytest

import netemu
from netemu.errors import BadInput
from netemu.recording.tables import PACKET_TABLES
from netemu.trace.analysis import analyze_to_tables
from netemu.trace.show.machine import json_text
from netemu.trace.show.text import as_text
from tests.trace.build import write_pcap
from tests.trace.show.scenes import lossy, several


def test_one_path_or_several(tmp_path: Path) -> None:
    path = write_pcap(tmp_path / "one.pcap", lossy().records)
    assert netemu.analyze(path).connections.equals(netemu.analyze([str(path)]).connections)  # type: ignore[operator]


def test_every_table_is_an_attribute(tmp_path: Path) -> None:
    analysis = lossy().analyse(tmp_path)
    for name in PACKET_TABLES:
        assert getattr(analysis, name) is analysis.tables[name] and name in dir(analysis)
    with pytest.raises(AttributeError, match="no table 'packet_loss'"):
        analysis.packet_loss  # noqa: B018
    assert copy.copy(analysis).connections.height == 1


def test_a_connection_has_its_rows_of_every_table_and_its_verdicts(tmp_path: Path) -> None:
    analysis = netemu.analyze(write_pcap(tmp_path / "two.pcap", several(5, 2)))  # type: ignore[operator]
    one = analysis.connection(1)
    assert (one.number, one.capture, one.figures["client"]) == (1, "two", "10.0.0.1:40001")
    assert one.packets.height == 7 and one.rtt.equals(analysis.where(connection=1).rtt)
    assert one.verdicts.filter(kind="timeout").rows() == [(0, "timeout", 1, 0)]
    assert "10.0.0.1:40001 -> 10.0.0.2:80" in repr(one) and "rtt" in dir(one)
    with pytest.raises(AttributeError, match="no table 'sockets'"):
        one.sockets  # noqa: B018


def test_a_connection_that_is_not_there_or_in_several_captures(tmp_path: Path) -> None:
    paths = [write_pcap(tmp_path / f"{name}.pcap", lossy().records) for name in ("left", "right")]
    analysis = netemu.analyze(paths)  # type: ignore[operator]
    assert analysis.connection(0, "right").capture == "right"
    with pytest.raises(BadInput, match="connection 0 is in several captures; give capture= one of 'left', 'right'"):
        analysis.connection(0)
    with pytest.raises(BadInput, match="connection 5 is not among the 2"):
        analysis.connection(5)


def test_it_says_what_it_is(tmp_path: Path) -> None:
    text = repr(lossy().analyse(tmp_path))
    assert text.startswith("<Analysis: 8 packets, 1 TCP connection, 4,000 B of payload in 310 ms; rows: packets 8, ")
    assert "\n" not in text


@pytest.mark.parametrize("chosen", [{}, {"connection": [0, 2]}, {"start": "20ms"}, {"host": "10.0.0.1", "end": "1s"}])
def test_tables_in_files_tell_the_same_as_tables_in_memory(tmp_path: Path, chosen: dict[str, object]) -> None:
    path = write_pcap(tmp_path / "three.pcap", several(5, 1, 9))
    here = netemu.analyze(path, keep_packets=False).where(**chosen)  # type: ignore[operator]
    there = analyze_to_tables([path], tmp_path, keep_packets=False).where(**chosen)
    assert not (tmp_path / "packets.parquet").exists()
    assert as_text(there, 2) == as_text(here, 2)
    assert list(json_text(there)) == list(json_text(here))
    for name in PACKET_TABLES:
        assert there.tables[name].equals(here.tables[name]), name
        assert there.height(name) == here.height(name) == here.scan(name).collect().height
