"""Connections that a router gives other ends, told by their initial sequence numbers."""

from __future__ import annotations

from pathlib import Path

import pytest

from netemu.trace import analyze
from netemu.trace.show.findings import findings_of
from netemu.trace.translated import translated
from tests.trace.build import Talk, write_pcap
from tests.trace.ends_rig import CLIENT, SERVER, Captures

OUTSIDE = ("192.0.2.1:61000", SERVER)


def talk(client: str, isn: int) -> Talk:
    """A handshake and one segment of a client with this address."""
    made = Talk(client=client, isn={"a": isn, "b": isn + 9})
    made.handshake()
    made.say(30, "a", 1, 1, 100)
    return made


def test_equal_numbers_between_other_ends_are_the_same_connection(tmp_path: Path) -> None:
    files = [
        write_pcap(tmp_path / f"{name}.pcap", talk(client, 1000).records)
        for name, client in (("inside", "10.0.0.1"), ("outside", "192.0.2.1"))
    ]
    analysis = analyze(files)
    found = translated(analysis.connections)
    assert found.select("capture", "client").rows() == [
        ("inside", "10.0.0.1:40000"),
        ("outside", "192.0.2.1:40000"),
    ]
    told = [one for one in findings_of(analysis) if one.kind in ("translated", "not_matched")]
    assert [(one.kind, one.capture, one.connection, one.side) for one in told] == [
        ("translated", "outside", 0, "client")
    ]
    assert told[0].text == ("10.0.0.1:40000 > 10.0.0.2:80 at inside is 192.0.2.1:40000 > 10.0.0.2:80 at outside")


@pytest.mark.parametrize("isn", [1000, 2000])
def test_the_same_ends_are_no_translation_whatever_their_numbers(tmp_path: Path, isn: int) -> None:
    files = [
        write_pcap(tmp_path / f"{name}.pcap", talk("10.0.0.1", number).records)
        for name, number in (("a", 1000), ("b", isn))
    ]
    analysis = analyze(files)
    assert translated(analysis.connections).is_empty()
    assert not [one for one in findings_of(analysis) if one.kind in ("translated", "not_matched")]


def test_captures_at_one_time_that_share_nothing_are_told(tmp_path: Path) -> None:
    files = [
        write_pcap(tmp_path / f"{name}.pcap", talk(client, isn).records)
        for name, client, isn in (("inside", "10.0.0.1", 1000), ("outside", "192.0.2.1", 5000))
    ]
    found = list(findings_of(analyze(files)))
    assert [(one.kind, one.connection, one.count) for one in found] == [("not_matched", -1, 2)]


def test_captures_at_other_times_need_not_share_anything(tmp_path: Path) -> None:
    late = talk("192.0.2.1", 5000)
    late.records = [(t + 10**9, data, wire) for t, data, wire in late.records]
    files = [
        write_pcap(tmp_path / "a.pcap", talk("10.0.0.1", 1000).records),
        write_pcap(tmp_path / "b.pcap", late.records),
    ]
    assert not list(findings_of(analyze(files)))


def test_both_ends_of_a_translated_connection_are_joined() -> None:
    c = Captures(translated={"b": OUTSIDE})
    c.open()
    c.pass_by(0, {"a": 30, "b": 40}, 1, 100)
    c.pass_by(0, {"a": 31}, 101, 100)
    c.pass_by(1, {"b": 50, "a": 60}, 1, 10, ack=101)
    assert c.fates() == [(1, 100, "arrived"), (101, 100, "lost")]
    assert c.fates(1) == [(1, 10, "arrived")]


def test_the_server_may_be_translated_and_sort_first_at_one_end_alone() -> None:
    c = Captures(ends=("172.16.0.1:40000", "192.0.2.9:80"), translated={"b": ("172.16.0.1:40000", "10.9.9.9:8080")})
    c.open()
    c.pass_by(0, {"a": 30, "b": 40}, 1, 100)
    assert c.fates() == [(1, 100, "arrived")]
    assert c.join().transits.filter(direction=1)["fate"].to_list() == ["arrived"]


def test_a_capture_that_holds_it_twice_is_left_out() -> None:
    c = Captures(translated={"b": OUTSIDE})
    c.open()
    inner = [dict(row, connection=1) for row in c.rows if row["capture"] == "b"]
    c.rows += inner
    assert translated(c.connections()).is_empty() and c.ends[0] == CLIENT
