"""What an acknowledgement is and why it was sent: the smallest conversation that shows each kind."""

from __future__ import annotations

from pathlib import Path

import polars as pl
import pytest

from netemu.recording.tables import ACK_KINDS
from netemu.trace import ack_kinds
from tests.trace.build import ACK, FIN, RST, SYN, Talk

MSS = 1448


def kinds(talk: Talk, directory: Path, side: int = 1) -> list[str]:
    """Kinds of the ACKs of one side, the handshake's left out."""
    packets = talk.analyse(directory).packets
    return packets.filter((pl.col("direction") == side) & (pl.col("ack_kind") != "handshake"))["ack_kind"].to_list()


def test_codes_are_places_in_the_closed_list() -> None:
    names = [name for name in vars(ack_kinds) if name.startswith("ACK_")]
    assert [getattr(ack_kinds, name) for name in names] == list(range(len(ACK_KINDS)))


def test_a_handshake_and_data_with_acks_on_it(tmp_path: Path) -> None:
    talk = Talk()
    talk.handshake()
    talk.say(20, "a", 1, 1, 100)
    talk.say(30, "b", 1, 101, 50)
    packets = talk.analyse(tmp_path).packets
    assert packets["ack_kind"].to_list() == ["none", "handshake", "handshake", "piggyback", "piggyback"]
    assert packets["acked_bytes"].to_list() == [0, 1, 1, 0, 100]
    assert packets["ack_rtt_ns"].to_list() == [-1, -1, -1, -1, 10_000_000]


@pytest.mark.parametrize(("segments", "kind"), [(1, "quick"), (2, "every_second"), (3, "stretch")])
def test_an_ack_at_once_is_named_by_what_it_covers(segments: int, kind: str, tmp_path: Path) -> None:
    talk = Talk()
    talk.handshake()
    for i in range(segments):
        talk.say(20 + i / 10, "a", 1 + MSS * i, 1, MSS)
    talk.say(31, "b", 1, 1 + MSS * segments)
    assert kinds(talk, tmp_path) == [kind]


def test_an_ack_40_ms_late_is_delayed(tmp_path: Path) -> None:
    talk = Talk()
    talk.handshake()
    talk.say(20, "a", 1, 1, 100)
    talk.say(70, "b", 1, 101)
    packets = talk.analyse(tmp_path).packets
    assert packets.select("ack_kind", "acked_bytes", "ack_rtt_ns").row(-1) == ("delayed", 100, 50_000_000)


def test_a_queue_does_not_delay_acks(tmp_path: Path) -> None:
    """The RTT of a bulk transfer grows from 10 to 90 ms in its own queue; every segment is acknowledged at once."""
    talk = Talk()
    talk.handshake()
    for i in range(9):
        talk.say(20 + i / 10, "a", 1 + MSS * i, 1, MSS)
    for i in range(9):
        talk.say(30 + 10 * i, "b", 1, 1 + MSS * (i + 1))
    assert kinds(talk, tmp_path) == ["quick"] * 9


def test_near_the_receiver_the_delay_is_what_it_is(tmp_path: Path) -> None:
    """SYN and SYN-ACK lie close together, the handshake's ACK far behind: the capture is at the receiver."""
    talk = Talk()
    talk.say(0, "a", 0, 0, flags=SYN)
    talk.say(0.1, "b", 0, 1, flags=SYN | ACK)
    talk.say(50, "a", 1, 1)
    for i in range(2):
        talk.say(50.1 + i / 10, "a", 1 + MSS * i, 1, MSS)
    talk.say(90.2, "b", 1, 1 + 2 * MSS)
    assert kinds(talk, tmp_path) == ["delayed"]


def test_a_hole_its_duplicates_and_its_filling(tmp_path: Path) -> None:
    talk = Talk()
    talk.handshake()
    for i in range(4):
        talk.say(20 + i / 10, "a", 1 + MSS * i, 1, MSS)
    talk.say(30, "b", 1, 1 + MSS)
    talk.say(31, "b", 1, 1 + MSS, sack=[(1 + 2 * MSS, 1 + 3 * MSS)])
    talk.say(31.1, "b", 1, 1 + MSS, sack=[(1 + 2 * MSS, 1 + 4 * MSS)], window=499)
    talk.say(32, "a", 1 + MSS, 1, MSS)
    talk.say(42, "b", 1, 1 + 4 * MSS)
    packets = talk.analyse(tmp_path).packets
    rows = packets.filter(pl.col("direction") == 1).select("ack_kind", "duplicate_ack").rows()[2:]
    assert rows == [("duplicate", True), ("duplicate", False), ("gap_filled", False)]


def test_a_report_of_a_duplicate_alone(tmp_path: Path) -> None:
    talk = Talk()
    talk.handshake()
    talk.say(20, "a", 1, 1, 100)
    talk.say(30, "b", 1, 101)
    talk.say(250, "a", 1, 1, 100)
    talk.say(260, "b", 1, 101, sack=[(1, 101)])
    assert kinds(talk, tmp_path) == ["quick", "dsack"]


def test_the_window_alone(tmp_path: Path) -> None:
    talk = Talk()
    talk.handshake()
    talk.say(20, "a", 1, 1, 100)
    talk.say(30, "b", 1, 101, window=0)
    talk.say(50, "b", 1, 101, window=900)
    talk.say(51, "b", 1, 101, window=900)
    packets = talk.analyse(tmp_path).packets.filter(pl.col("direction") == 1)
    assert packets["ack_kind"].to_list()[1:] == ["quick", "window_update", "repeated"]
    assert packets["zero_window"].to_list() == [False, True, False, False]


def test_answers_to_probes(tmp_path: Path) -> None:
    talk = Talk()
    talk.handshake()
    talk.say(20, "a", 1, 1, 100)
    talk.say(30, "b", 1, 101, window=0)
    talk.say(300, "a", 100, 1)
    talk.say(310, "b", 1, 101, window=0)
    talk.say(700, "a", 100, 1)
    talk.say(710, "b", 1, 101, window=9)
    talk.say(720, "a", 101, 1, 100)
    talk.say(730, "b", 1, 201, window=9)
    talk.say(9000, "a", 200, 1)
    talk.say(9010, "b", 1, 201, window=9)
    assert kinds(talk, tmp_path) == ["quick", "window_probe_ack", "window_update", "quick", "keepalive_ack"]


def test_the_end(tmp_path: Path) -> None:
    talk = Talk()
    talk.handshake()
    talk.say(20, "a", 1, 1, flags=FIN | ACK)
    talk.say(30, "b", 1, 2)
    talk.say(40, "b", 1, 2, flags=FIN | ACK)
    talk.say(41, "b", 2, 2, flags=RST | ACK)
    talk.say(42, "b", 2, 2, flags=RST)
    assert kinds(talk, tmp_path) == ["fin", "piggyback", "reset", "none"]


def test_an_overtaken_ack_and_one_of_what_was_not_seen(tmp_path: Path) -> None:
    talk = Talk()
    talk.handshake()
    talk.say(20, "a", 1, 1, 100)
    talk.say(20.1, "a", 101, 1, 100)
    talk.say(30, "b", 1, 201)
    talk.say(30.1, "b", 1, 101)
    talk.say(40, "b", 1, 999)
    assert kinds(talk, tmp_path) == ["quick", "old", "unseen"]


def test_the_first_ack_of_a_capture_that_began_late_tells_nothing(tmp_path: Path) -> None:
    talk = Talk()
    talk.say(0, "a", 500, 500, 100)
    talk.say(10, "b", 500, 600)
    talk.say(20, "a", 600, 500, 100)
    talk.say(30, "b", 500, 700)
    assert kinds(talk, tmp_path) == ["unseen", "quick"]


def test_a_segment_that_fills_the_window(tmp_path: Path) -> None:
    talk = Talk(wscale=0)
    talk.handshake()
    talk.say(20, "a", 1, 1, 400)
    talk.say(20.1, "a", 401, 1, 100)
    assert talk.analyse(tmp_path).packets["window_full"].to_list() == [False] * 4 + [True]


def test_congestion_state_follows_the_acks(tmp_path: Path) -> None:
    talk = Talk()
    talk.handshake()
    for i in range(4):
        talk.say(20 + i / 10, "a", 1 + MSS * i, 1, MSS)
    for i in range(2):
        talk.say(31 + i / 10, "b", 1, 1, sack=[(1 + MSS, 1 + (i + 2) * MSS)])
    talk.say(32, "a", 1 + 4 * MSS, 1, MSS)
    talk.say(32.1, "a", 1, 1, MSS)
    talk.say(42, "b", 1, 1 + 5 * MSS)
    talk.say(50, "a", 1 + 5 * MSS, 1, MSS)
    talk.say(60, "b", 1, 1 + 6 * MSS, flags=ACK | 64)
    talk.say(61, "a", 1 + 6 * MSS, 1, MSS)
    states = talk.analyse(tmp_path).packets.filter(pl.col("direction") == 0)["ca_state"].to_list()
    assert states == ["Open"] * 6 + ["Disorder", "Recovery", "Open", "CWR"]


def test_the_timer_is_started_by_the_first_segment(tmp_path: Path) -> None:
    """At the receiver: 41 ms after the first of three segments, 21 ms after the last; nothing came when it was sent."""
    talk = Talk()
    talk.say(0, "a", 0, 0, flags=SYN)
    talk.say(0.1, "b", 0, 1, flags=SYN | ACK)
    talk.say(50, "a", 1, 1)
    for i in range(3):
        talk.say(50 + 10 * i, "a", 1 + MSS * i, 1, MSS)
    talk.say(91, "b", 1, 1 + 3 * MSS)
    assert kinds(talk, tmp_path) == ["delayed"]


def test_a_report_of_a_duplicate_is_no_gap(tmp_path: Path) -> None:
    talk = Talk()
    talk.handshake()
    talk.say(20, "a", 1, 1, 100)
    talk.say(30, "b", 1, 101)
    talk.say(31, "a", 101, 1, 100)
    talk.say(32, "b", 1, 101, sack=[(1, 101)])
    talk.say(41, "b", 1, 201)
    assert kinds(talk, tmp_path) == ["quick", "dsack", "quick"]
