"""What a sender waited for: the smallest capture of each limit, and the nearest that is another."""

from __future__ import annotations

from pathlib import Path

import pytest

from netemu.packet.tcp import ACK, PSH
from tests.trace.observe.senders import MSS, Sending, clocked


def _limits(talk: Sending, directory: Path) -> list[str | None]:
    """What held each row that ended with a new round trip."""
    return [row["limited_by"] for row in talk.rows(directory) if row["reason"] == "round"]


def test_cwnd_data_was_left_and_an_acknowledgement_released_more(tmp_path: Path) -> None:
    assert _limits(clocked([4, 4, 4]), tmp_path) == ["cwnd", "cwnd"]


def test_rwnd_the_next_segment_did_not_fit_the_window(tmp_path: Path) -> None:
    talk = Sending()
    talk.handshake()
    window = 4 * MSS // 128 + 1
    talk.say(11, "b", 1, 1, window=window)
    for t_ms, sent in ((20, 0), (30, 4), (40, 8)):
        talk.segments(t_ms, sent, 4)
        talk.acked(t_ms + 9.95, sent + 4, window=window)
    rows = talk.rows(tmp_path)
    assert [row["limited_by"] for row in rows if row["reason"] == "round"] == ["rwnd", "rwnd"]
    assert rows[1]["phase"] == "receiver_limited" and rows[1]["cwnd_estimated_bytes"] is None
    assert 19_000_000 < rows[-1]["rwnd_limited_ns"] < 20_100_000


def test_rwnd_a_segment_that_was_cut_to_fill_the_window_came_from_a_timer(tmp_path: Path) -> None:
    talk = Sending()
    talk.handshake()
    window = (2 * MSS + 1000) // 128
    talk.say(11, "b", 1, 1, window=window)
    talk.segments(20, 0, 2)
    talk.acked(30, 2, window=1000 // 128)
    talk.say(280, "a", 1 + 2 * MSS, 1, 1000 // 128 * 128, ACK | PSH)
    row = talk.rows(tmp_path)[0]
    assert row["limited_by"] == "rwnd" and row["busy_ns"] == pytest.approx(260e6, rel=0.01)


def test_rwnd_holds_through_a_closed_window_and_its_probes_and_counts_as_busy(tmp_path: Path) -> None:
    talk = Sending()
    talk.handshake()
    talk.segments(20, 0, 2)
    talk.acked(30, 2, window=0)
    talk.say(300, "a", MSS * 2, 1)
    talk.acked(310, 2, window=0)
    talk.acked(500, 2, window=500)
    talk.segments(500.01, 2, 2)
    row = next(row for row in talk.rows(tmp_path) if row["reason"] == "round")
    assert row["limited_by"] == "rwnd" and row["rwnd_limited_ns"] == pytest.approx(480e6, rel=0.01)
    assert row["busy_ns"] == pytest.approx(480e6, rel=0.01)


def test_nagle_a_small_segment_waited_for_an_earlier_one(tmp_path: Path) -> None:
    talk = Sending()
    talk.handshake()
    for k in range(4):
        talk.say(20 + 50 * k, "a", 1 + 100 * k, 1, 100, ACK | PSH)
        talk.say(69.99 + 50 * k, "b", 1, 101 + 100 * k)
    assert set(_limits(talk, tmp_path)) == {"nagle"}


def test_application_when_the_peer_spoke_in_between(tmp_path: Path) -> None:
    talk = Sending()
    talk.handshake()
    for k in range(4):
        talk.say(20 + 50 * k, "a", 1 + 100 * k, 1 + 50 * k, 100, ACK | PSH)
        talk.say(69.99 + 50 * k, "b", 1 + 50 * k, 101 + 100 * k, 50, ACK | PSH)
    assert set(_limits(talk, tmp_path)) == {"application"}


def test_application_the_last_segment_was_pushed_and_no_acknowledgement_ended_the_wait(tmp_path: Path) -> None:
    talk = Sending()
    talk.handshake()
    for k in range(4):
        talk.segments(20 + 50 * k, 2 * k, 2, push=True)
        talk.acked(30 + 50 * k, 2 * k + 2)
    assert _limits(talk, tmp_path) == ["application"] * 3


def test_sndbuf_acknowledgements_made_room_and_a_later_one_released_several(tmp_path: Path) -> None:
    talk = Sending()
    talk.handshake()
    talk.segments(20, 0, 6)
    for k in range(12):  # the application is woken when a third of the buffer is free
        talk.acked(30 + 2 * k, 2 * k // 2 + 1)
        if k % 2:
            talk.segments(30.01 + 2 * k, 5 + k, 2)
    rows = talk.rows(tmp_path)
    assert {row["limited_by"] for row in rows if row["reason"] == "round"} == {"sndbuf"}
    assert all(row["cwnd_estimated_bytes"] is None for row in rows)


def test_super_segments_may_wait_for_a_third_of_the_window(tmp_path: Path) -> None:
    talk = Sending()
    talk.handshake()
    talk.say(20, "a", 1, 1, 6 * MSS)
    for k in range(12):
        talk.acked(30 + 2 * k, k + 1)
        if k % 2:
            talk.say(30.01 + 2 * k, "a", 1 + MSS * (5 + k), 1, 2 * MSS)
    assert {row["limited_by"] for row in talk.rows(tmp_path) if row["reason"] == "round"} == {"cwnd"}


def test_a_paced_packet_beside_an_acknowledgement_is_paced_all_the_same(tmp_path: Path) -> None:
    talk = Sending()
    talk.handshake()
    for k in range(30):
        talk.segments(20 + k, k, 1)
        if k >= 10:
            talk.acked(20.99 + k, k - 9)  # 10 us before the next packet
    rows = talk.rows(tmp_path)
    assert {row["limited_by"] for row in rows if row["reason"] == "round"} == {"pacing"}
    assert all(row["cwnd_estimated_bytes"] is None for row in rows)


def test_pacing_even_gaps_that_no_acknowledgement_explains(tmp_path: Path) -> None:
    talk = Sending()
    talk.handshake()
    for k in range(30):
        talk.segments(20 + k, k, 1)
        if k >= 10:
            talk.acked(20.5 + k, k - 9)
    limits = _limits(talk, tmp_path)
    assert len(limits) == 2 and set(limits) == {"pacing"}


def test_uneven_gaps_are_no_pacing(tmp_path: Path) -> None:
    talk, t_ms = Sending(), 20.0
    talk.handshake()
    for k in range(10):
        talk.segments(t_ms, k, 1)
        t_ms += 1 if k % 2 else 0.1
    talk.acked(t_ms + 10, 10)
    talk.segments(t_ms + 10.01, 10, 1)
    row = talk.rows(tmp_path)[0]
    assert row["pacing_limited_ns"] == 0


def test_nothing_is_said_of_limits_where_the_capture_is_far_from_the_sender(tmp_path: Path) -> None:
    talk = Sending()
    talk.say(0, "a", 0, 0, flags=2)
    talk.say(0.01, "b", 0, 1, flags=2 | ACK)
    talk.say(10, "a", 1, 1)
    for t_ms, sent in ((10.1, 0), (20.2, 4), (30.3, 8)):
        talk.segments(t_ms, sent, 4)
        talk.acked(t_ms + 0.05, sent + 4)
    rows = talk.rows(tmp_path)
    assert rows
    for name in ("limited_by", "cwnd_estimated_bytes", "cwnd_limited_ns"):
        assert {row[name] for row in rows} == {None}
