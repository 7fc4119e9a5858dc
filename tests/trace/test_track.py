"""One packet through the state of its connection: windows, ICMP reports about it, what belongs to none."""

from __future__ import annotations

import struct
from pathlib import Path
from typing import Any

import pytest

from tests.trace.build import ACK, MS, RST, SYN, Talk, ethernet, ip_header, one

MSS = 1448
ROUTER = {4: "10.0.9.9", 6: "fd00::99"}


def talk_of(version: int) -> Talk:
    return Talk() if version == 4 else Talk(client="fd00::1", server="fd00::2")


def report(talk: Talk, t_ms: float, mtu: int, seq: int, payload: int = MSS) -> None:
    """A router tells a that its segment at ``seq`` was too big."""
    version = 6 if ":" in talk.client else 4
    quoted = talk.frame("a", seq, 1, ACK, payload, 500, b"")[14:]
    if version == 4:
        body = struct.pack("!BBHHH", 3, 4, 0, 0, mtu) + quoted[:28]
    else:
        body = struct.pack("!BBHI", 2, 0, 0, mtu) + quoted[:600]
    data = ethernet(ip_header(ROUTER[version], talk.client, 1 if version == 4 else 58, len(body)) + body)
    talk.records.append((int(t_ms * MS), data, len(data)))


@pytest.mark.parametrize(("version", "kind"), [(4, "fragmentation_needed"), (6, "packet_too_big")])
def test_a_routers_report_gives_the_path_mtu_and_makes_the_sender_send_again(
    version: int, kind: str, tmp_path: Path
) -> None:
    talk = talk_of(version)
    talk.handshake()
    for i in range(2):
        talk.say(20, "a", 1 + MSS * i, 1, MSS)
    report(talk, 21, 1280, 1)
    for i in range(3):
        talk.say(21.1, "a", 1 + 1200 * i, 1, min(1200, 2 * MSS - 1200 * i))
    talk.say(32, "b", 1, 1 + 2 * MSS)
    analysis = talk.analyse(tmp_path)
    row = one(analysis)
    assert (row["a_path_mtu_bytes"], row["b_path_mtu_bytes"]) == (1280, None)
    assert (row["a_retransmits_fast"], row["a_retransmitted_segments"]) == (3, 3)
    assert row["a_unique_payload_bytes"] == 2 * MSS
    assert analysis.icmp.rows() == [("talk", 6, 21 * MS, kind, ROUTER[version], 1280, 0, 0)]


def test_a_report_about_what_was_delivered_changes_the_mtu_and_not_the_verdict(tmp_path: Path) -> None:
    talk = Talk()
    talk.handshake()
    talk.say(20, "a", 1, 1, MSS)
    talk.say(30, "b", 1, 1 + MSS)
    report(talk, 31, 1400, 1)
    talk.say(40, "a", 1 + MSS, 1, 1000)
    talk.say(300, "a", 1 + MSS, 1, 1000)
    row = one(talk.analyse(tmp_path))
    assert row["a_path_mtu_bytes"] == 1400
    assert (row["a_retransmits_tail_loss_probe"], row["a_retransmitted_segments"]) == (1, 1)


def test_an_old_routers_report_has_no_mtu(tmp_path: Path) -> None:
    talk = Talk()
    talk.handshake()
    talk.say(20, "a", 1, 1, MSS)
    report(talk, 21, 0, 1)
    analysis = talk.analyse(tmp_path)
    assert analysis.icmp["mtu_bytes"].to_list() == [None]
    assert one(analysis)["a_path_mtu_bytes"] is None


def test_a_report_about_a_strangers_packet_belongs_to_no_connection(tmp_path: Path) -> None:
    talk, stranger = Talk(), Talk(ports=(41000, 80))
    talk.handshake()
    report(stranger, 21, 1280, 1)
    talk.records += stranger.records
    analysis = talk.analyse(tmp_path)
    assert analysis.icmp.select("connection", "direction").rows() == [(-1, -1)]
    assert one(analysis)["a_path_mtu_bytes"] is None


def test_other_errors_are_kept_by_type_and_code(tmp_path: Path) -> None:
    talk = Talk()
    talk.handshake()
    quoted = talk.frame("a", 1, 1, ACK, 100, 500, b"")[14:42]
    body = struct.pack("!BBHI", 11, 0, 0, 0) + quoted
    data = ethernet(ip_header(ROUTER[4], talk.client, 1, len(body)) + body)
    talk.records.append((30 * MS, data, len(data)))
    assert talk.analyse(tmp_path).icmp.select("kind", "mtu_bytes", "connection").rows() == [("11/0", None, 0)]


def windows(talk: Talk, directory: Path) -> list[int]:
    return talk.analyse(directory).packets["window_bytes"].to_list()


def test_a_window_is_scaled_from_the_third_packet_on(tmp_path: Path) -> None:
    talk = Talk(wscale=3)
    talk.handshake()
    assert windows(talk, tmp_path) == [500, 500, 4000]


def test_without_both_syns_the_field_is_all_there_is(tmp_path: Path) -> None:
    talk = Talk()
    talk.handshake()
    del talk.records[0]
    talk.say(20, "a", 1, 1, 100)
    row: dict[str, Any] = one(talk.analyse(tmp_path))
    assert windows(talk, tmp_path) == [500, 500, 500]
    assert (row["a_window_scale"], row["b_window_scale"], row["a_max_window_bytes"]) == (None, 7, 500)


def test_zero_windows_are_those_after_the_handshake_and_without_a_reset(tmp_path: Path) -> None:
    talk = Talk()
    talk.say(0, "a", 0, 0, flags=SYN, window=0)
    talk.say(10, "b", 0, 1, flags=SYN | ACK, window=0)
    talk.say(10.1, "a", 1, 1)
    talk.say(20, "b", 1, 1, window=0)
    talk.say(30, "b", 1, 1, window=2)
    talk.say(40, "b", 1, 1, window=0)
    talk.say(50, "b", 1, 1, flags=RST | ACK, window=0)
    row = one(talk.analyse(tmp_path))
    assert (row["a_zero_windows"], row["b_zero_windows"], row["b_max_window_bytes"]) == (0, 2, 256)


def test_what_is_no_tcp_belongs_to_no_connection(tmp_path: Path) -> None:
    talk = Talk()
    udp = struct.pack("!HHHH", 5000, 53, 38, 0) + bytes(30)
    for t_ms, data in (
        (0, ethernet(ip_header("10.0.0.1", "10.0.0.2", 17, len(udp)) + udp)),
        (1, bytes(12) + b"\x08\x06" + bytes(28)),
    ):
        talk.records.append((t_ms * MS, data, len(data)))
    analysis = talk.analyse(tmp_path)
    assert analysis.connections.is_empty()
    rows = analysis.packets.select("ip_version", "protocol", "payload_bytes", "connection", "direction", "kind").rows()
    assert rows == [(4, 17, 30, -1, -1, "none"), (0, 0, 0, -1, -1, "none")]


def test_tables_grow_with_what_a_file_holds(tmp_path: Path) -> None:
    """More retransmissions, ICMP errors and segments in flight than the first tables hold."""
    talk = Talk(sack=False)
    talk.handshake()
    for i in range(17_000):
        talk.say(20 + i / 1000, "a", 1 + 10 * i, 1, 10)
    for i in range(5_000):
        talk.say(400 + i / 1000, "a", 1 + 10 * i, 1, 10)
    for i in range(5_000):
        report(talk, 500, 1280, 1 + 10 * i, 10)
    talk.say(600, "b", 1, 170_001)
    analysis = talk.analyse(tmp_path)
    row = one(analysis)
    assert (row["a_retransmitted_segments"], row["a_unique_payload_bytes"]) == (5_000, 170_000)
    assert analysis.icmp.height == 5_000 and analysis.icmp["connection"].unique().to_list() == [0]
    assert analysis.packets["flight_bytes"].max() == 170_000 and analysis.packets["flight_bytes"][-1] == 0
