"""Which connection a packet belongs to: keys, directions, ports used again."""

from __future__ import annotations

from pathlib import Path

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from netemu.trace import analyze
from tests.trace.build import ACK, RST, SYN, Talk, one, write_pcap


def test_ports_used_again_begin_a_new_connection(tmp_path: Path) -> None:
    talk = Talk()
    talk.handshake()
    talk.say(20, "a", 1, 1, 100)
    talk.close(30, 101, 1)
    talk.isn = {"a": 9_000_000, "b": 8_000_000}
    talk.records = [(t, d, w) for t, d, w in talk.records]
    later = Talk(isn={"a": 9_000_000, "b": 8_000_000})
    later.handshake()
    later.say(20, "a", 1, 1, 300)
    records = talk.records + [(t + 10**9, d, w) for t, d, w in later.records]
    analysis = analyze([write_pcap(tmp_path / "x.pcap", records)])
    assert analysis.connections["a_unique_payload_bytes"].to_list() == [100, 300]
    assert analysis.connections["connection"].to_list() == [0, 1]
    assert analysis.connections["complete"].to_list() == [True, False]


def test_a_syn_with_the_same_number_is_a_retransmission(tmp_path: Path) -> None:
    talk = Talk()
    for t_ms in (0, 1000, 3000):
        talk.say(t_ms, "a", 0, 0, flags=SYN)
    assert one(talk.analyse(tmp_path))["a_retransmits_syn"] == 2


def test_a_refused_attempt_and_the_next_are_two(tmp_path: Path) -> None:
    talk = Talk()
    talk.say(0, "a", 0, 0, flags=SYN)
    talk.say(1, "b", 0, 1, flags=RST | ACK)
    talk.isn["a"] += 77_777
    talk.say(100, "a", 0, 0, flags=SYN)
    analysis = talk.analyse(tmp_path)
    assert analysis.connections.height == 2
    assert analysis.connections["a_retransmits_syn"].to_list() == [0, 0]


def test_a_syn_after_data_without_one_begins_anew(tmp_path: Path) -> None:
    talk = Talk()
    talk.say(0, "a", 500, 500, 100)
    talk.isn["a"] += 1_000_000
    talk.say(1000, "a", 0, 0, flags=SYN)
    assert talk.analyse(tmp_path).connections.height == 2


@pytest.mark.parametrize("apart", [10, -50_000_000, 77_777_777])
def test_a_syn_in_an_open_connection_is_challenged_and_changes_nothing(tmp_path: Path, apart: int) -> None:
    """Its other end answers for the connection that is there, whatever numbers the SYN has (RFC 5961 section 4)."""
    talk = Talk()
    talk.handshake()
    talk.say(20, "a", 1, 1, 100)
    talk.say(30, "b", 1, 101)
    for number in range(2):
        talk.say(1000 + 100 * number, "a", 101 + apart + number, 0, flags=SYN)
        talk.say(1001 + 100 * number, "b", 1, 101)
    talk.say(2000, "a", 101, 1, 100)
    talk.say(2010, "b", 1, 201)
    found = talk.analyse(tmp_path)
    assert found.connections["a_unique_payload_bytes"].to_list() == [200, 0, 0]
    assert found.connections["opening"].cast(str).to_list() == ["handshake", "syn_only", "syn_only"]
    answers = found.packets.filter(pl.col("direction") == 1, pl.col("t_ns") > 500_000_000)
    assert set(answers["connection"]) == {0}
    assert answers["ack_kind"].cast(str).to_list()[:2] == ["challenge", "challenge"]


def test_a_syn_whose_answer_was_not_captured_begins_a_connection_all_the_same(tmp_path: Path) -> None:
    talk = Talk()
    talk.handshake()
    talk.say(20, "a", 1, 1, 100)
    talk.isn["a"] += 5000
    talk.say(1000, "a", 0, 0, flags=SYN)
    talk.say(1010, "a", 1, 1)
    talk.say(1011, "a", 1, 1, 300)
    found = talk.analyse(tmp_path)
    assert found.packets.filter(pl.col("payload_bytes") == 300)["connection"].to_list() == [1]


def test_a_syn_that_was_acknowledged_before_it_was_seen_belongs_to_its_answer(tmp_path: Path) -> None:
    talk = Talk()
    talk.say(0, "b", 0, 1, flags=SYN | ACK)
    talk.say(1, "a", 0, 0, flags=SYN)
    row = one(talk.analyse(tmp_path))
    assert (row["client"], row["a_retransmits_syn"]) == ("10.0.0.1:40000", 0)


def test_the_low_port_is_the_server_where_no_syn_tells(tmp_path: Path) -> None:
    talk = Talk()
    talk.say(0, "b", 500, 500, 100)
    assert one(talk.analyse(tmp_path))["server"] == "10.0.0.2:80"


def test_ipv6_ends_are_written_in_brackets(tmp_path: Path) -> None:
    talk = Talk(client="fd00::1", server="fd00::2")
    talk.handshake()
    row = one(talk.analyse(tmp_path))
    assert (row["client"], row["server"]) == ("[fd00::1]:40000", "[fd00::2]:80")


@settings(max_examples=15, deadline=None)
@given(
    st.lists(
        st.tuples(st.integers(1, 200), st.integers(1, 65535), st.integers(1, 65535)),
        min_size=1,
        max_size=60,
        unique=True,
    )
)
def test_every_pair_of_ends_is_one_connection_in_both_directions(tmp_path_factory, ends) -> None:  # type: ignore[no-untyped-def]
    records = []
    for host, client_port, server_port in ends:
        talk = Talk(client=f"10.1.0.{host}", server="10.2.0.1", ports=(client_port, server_port))
        talk.handshake()
        records += talk.records
    analysis = analyze([write_pcap(tmp_path_factory.mktemp("c") / "x.pcap", sorted(records))])
    assert sorted(analysis.connections["client"]) == sorted(f"10.1.0.{host}:{port}" for host, port, _ in ends)
    assert set(analysis.connections["a_packets"]) == {2}
    assert set(analysis.connections["b_packets"]) == {1}


def test_more_connections_than_the_first_table_holds(tmp_path: Path) -> None:
    records = []
    for i in range(5000):
        talk = Talk(client=f"10.1.{i // 250}.{i % 250 + 1}", ports=(1024 + i, 80))
        talk.say(i, "a", 0, 0, flags=SYN)
        talk.say(i + 0.5, "b", 0, 1, flags=SYN | ACK)
        records += talk.records
    analysis = analyze([write_pcap(tmp_path / "many.pcap", records)])
    assert analysis.connections.height == 5000
    assert analysis.connections["connection"].to_list() == list(range(5000))
    assert set(analysis.connections["b_packets"]) == {1}


def test_a_port_used_again_and_a_late_packet_of_the_connection_before(tmp_path: Path) -> None:
    talk = Talk()
    talk.handshake()
    talk.say(20, "a", 1, 1, 100)
    talk.say(30, "b", 1, 101)
    talk.close(40, 101, 1)
    old = dict(talk.isn)
    talk.isn = {"a": old["a"] + 2**30, "b": old["b"] + 2**31}
    for t_ms, side, seq, ack, flags in ((100, "a", 0, 0, SYN), (110, "b", 0, 1, SYN | ACK), (111, "a", 1, 1, ACK)):
        talk.say(t_ms, side, seq, ack, flags=flags)
    new, talk.isn = talk.isn, old
    talk.say(115, "a", 1, 1, 100)
    talk.isn = new
    talk.say(120, "a", 1, 1, 200)
    talk.say(130, "b", 1, 201)
    analysis = talk.analyse(tmp_path)
    assert analysis.connections["end"].to_list() == ["closed", "established"]
    assert analysis.connections["a_unique_payload_bytes"].to_list() == [100, 200]
    assert analysis.packets["connection"][-3:].to_list() == [0, 1, 1]


def test_a_syn_for_a_connection_that_the_server_still_holds(tmp_path: Path) -> None:
    """The client was restarted: its SYN is challenged, its RST ends the old connection, its next SYN is taken."""
    talk = Talk()
    talk.handshake()
    talk.say(20, "a", 1, 1, 100)
    talk.say(30, "b", 1, 101)
    old = dict(talk.isn)
    talk.isn["a"] += 2**30
    talk.say(1000, "a", 0, 0, flags=SYN)
    talk.isn = dict(old)
    talk.say(1010, "b", 1, 101)
    talk.say(1010.1, "a", 101, 0, flags=RST)
    talk.isn = {"a": old["a"] + 2**30, "b": old["b"] + 2**31}
    talk.say(2000, "a", 0, 0, flags=SYN)
    talk.say(2010, "b", 0, 1, flags=SYN | ACK)
    talk.say(2011, "a", 1, 1)
    analysis = talk.analyse(tmp_path)
    assert analysis.connections["end"].to_list() == ["reset_by_client", "established"]
    assert analysis.packets["ack_kind"][6] == "challenge"
    assert analysis.connections["a_retransmits_syn"].to_list() == [0, 1]
