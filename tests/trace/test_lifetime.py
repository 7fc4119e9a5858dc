"""How connections end, and what a RST is to the end that gets it: the smallest conversation for each."""

from __future__ import annotations

from pathlib import Path

import pytest

from netemu.recording.kinds import RESET_KINDS
from netemu.trace import lifetime
from tests.trace.build import ACK, FIN, RST, SYN, Talk, one


def open_talk() -> Talk:
    talk = Talk()
    talk.handshake()
    talk.say(20, "a", 1, 1, 100)
    talk.say(30, "b", 1, 101)
    return talk


def test_codes_are_places_in_the_closed_list() -> None:
    names = [name for name in vars(lifetime) if name.startswith("RESET_")]
    assert [getattr(lifetime, name) for name in names] == list(range(len(RESET_KINDS)))


def test_a_port_that_nobody_listens_on_refuses(tmp_path: Path) -> None:
    talk = Talk()
    talk.say(0, "a", 0, 0, flags=SYN)
    talk.isn["b"] = 0
    talk.say(10, "b", 0, 1, flags=RST | ACK)
    row = one(talk.analyse(tmp_path))
    assert (row["end"], row["b_resets"], row["b_reset_kind"], row["a_resets"]) == ("refused", 1, "refused", 0)


def test_a_reset_that_acknowledges_something_else_refuses_nothing(tmp_path: Path) -> None:
    talk = Talk()
    talk.say(0, "a", 0, 0, flags=SYN)
    talk.say(10, "b", 0, 77, flags=RST | ACK)
    row = one(talk.analyse(tmp_path))
    assert (row["end"], row["b_reset_kind"]) == ("half_open", "out_of_window")


@pytest.mark.parametrize(("side", "end"), [("a", "reset_by_client"), ("b", "reset_by_server")])
def test_a_reset_at_the_next_byte_ends_the_connection(side: str, end: str, tmp_path: Path) -> None:
    talk = open_talk()
    talk.say(40, side, 101 if side == "a" else 1, 1 if side == "a" else 101, flags=RST | ACK)
    row = one(talk.analyse(tmp_path))
    assert (row["end"], row[f"{side}_reset_kind"], row["complete"]) == (end, "in_sequence", True)


def test_a_reset_within_the_window_is_challenged(tmp_path: Path) -> None:
    talk = open_talk()
    talk.say(40, "a", 5101, 1, flags=RST | ACK)
    talk.say(50, "b", 1, 101)
    talk.say(60, "a", 101, 1, 100)
    analysis = talk.analyse(tmp_path)
    row = one(analysis)
    assert (row["end"], row["a_reset_kind"]) == ("established", "in_window")
    assert analysis.packets["ack_kind"][-2] == "challenge"


def test_a_reset_beyond_the_window_is_nothing(tmp_path: Path) -> None:
    talk = open_talk()
    talk.say(40, "a", 10_000_000, 1, flags=RST | ACK)
    row = one(talk.analyse(tmp_path))
    assert (row["end"], row["a_reset_kind"]) == ("established", "out_of_window")


def test_a_reset_after_the_close_changes_nothing(tmp_path: Path) -> None:
    talk = open_talk()
    talk.close(40, 101, 1)
    talk.say(80, "b", 2, 102, flags=RST | ACK)
    row = one(talk.analyse(tmp_path))
    assert (row["end"], row["b_reset_kind"]) == ("closed", "after_close")


def test_a_reset_of_a_connection_that_was_never_seen(tmp_path: Path) -> None:
    talk = Talk()
    talk.say(0, "b", 500, 0, flags=RST)
    row = one(talk.analyse(tmp_path))
    assert (row["end"], row["b_reset_kind"], row["opening"]) == ("reset_by_server", "unplaced", "midstream")


def test_who_goes_on_had_not_taken_the_reset(tmp_path: Path) -> None:
    """Somebody on the path sent a RST in b's name behind the capture; a goes on, and b's data is acknowledged."""
    talk = open_talk()
    talk.say(40, "b", 1, 101, flags=RST)
    talk.say(400, "b", 1, 101, 100)
    talk.say(410, "a", 101, 101)
    row = one(talk.analyse(tmp_path))
    assert (row["end"], row["b_resets"]) == ("established", 1)


def test_closes(tmp_path: Path) -> None:
    talk = open_talk()
    talk.say(40, "a", 101, 1, flags=FIN | ACK)
    talk.say(50, "b", 1, 102)
    assert one(talk.analyse(tmp_path))["end"] == "client_closed"
    talk.say(60, "b", 1, 102, 100)
    talk.say(70, "a", 102, 101)
    talk.say(80, "b", 101, 102, flags=FIN | ACK)
    assert one(talk.analyse(tmp_path))["end"] == "closing"
    talk.say(90, "a", 102, 102)
    assert one(talk.analyse(tmp_path))["end"] == "closed"


def test_the_server_may_close_first(tmp_path: Path) -> None:
    talk = open_talk()
    talk.say(40, "b", 1, 101, flags=FIN | ACK)
    assert one(talk.analyse(tmp_path))["end"] == "server_closed"


def test_a_syn_in_an_open_connection_is_challenged(tmp_path: Path) -> None:
    talk = open_talk()
    talk.say(40, "a", 0, 0, flags=SYN)
    talk.say(50, "b", 1, 101)
    analysis = talk.analyse(tmp_path)
    assert analysis.packets["ack_kind"][-1] == "challenge"
    assert one(analysis)["end"] == "established"


def test_an_ack_from_long_ago_is_challenged(tmp_path: Path) -> None:
    talk = Talk(wscale=0)
    talk.handshake()
    for i in range(10):
        talk.say(20 + i, "a", 1 + 400 * i, 1, 400)
        talk.say(30 + i, "b", 1, 401 + 400 * i)
    talk.say(50, "b", 1, 1)
    talk.say(60, "a", 4001, 1)
    packets = talk.analyse(tmp_path).packets
    assert packets["ack_kind"][-2:].to_list() == ["old", "challenge"]
