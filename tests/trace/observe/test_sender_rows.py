"""Estimates and phases: windows that grow, shrink, and stand."""

from __future__ import annotations

from pathlib import Path

from tests.trace.observe.senders import MSS, Sending, clocked


def test_the_window_is_what_was_out_when_an_acknowledgement_released_more(tmp_path: Path) -> None:
    rows = clocked([2, 4, 8, 9]).rows(tmp_path)
    rounds = [row for row in rows if row["reason"] == "round"]
    assert [row["cwnd_estimated_bytes"] for row in rounds] == [2 * MSS, 4 * MSS, 8 * MSS]
    assert [row["cwnd_estimated_ns"] for row in rounds] == [29_950_000, 39_950_000, 49_950_000]


def test_slow_start_grows_by_what_is_acknowledged_and_avoidance_by_less(tmp_path: Path) -> None:
    rows = clocked([2, 4, 8, 16, 17, 18, 19]).rows(tmp_path)
    phases = [row["phase"] for row in rows if row["reason"] == "round"]
    assert phases == ["slow_start"] * 4 + ["congestion_avoidance"] * 2
    assert rows[-1]["ssthresh_estimated_bytes"] == 17 * MSS  # one round late: where growth was first seen to be slow


def test_recovery_is_an_episode_and_its_end_gives_ssthresh(tmp_path: Path) -> None:
    talk = clocked([10])
    talk.segments(30, 10, 10)
    for k in range(9):  # the eleventh is lost
        talk.acked(39 + k / 10, 10, sack=[(1 + 11 * MSS, 1 + (12 + k) * MSS)])
    talk.segments(39.31, 10, 1)
    talk.acked(49, 20)
    talk.segments(49.01, 20, 5)
    talk.acked(58, 21)
    talk.segments(58.01, 25, 1)
    rows = talk.rows(tmp_path)
    recovery = [row for row in rows if row["phase"] == "recovery"]
    assert [row["ca_state"] for row in recovery] == ["Recovery"]
    assert (recovery[0]["start_ns"], recovery[0]["t_ns"]) == (39_310_000, 49_000_000)
    assert recovery[0]["retransmitted_segments"] == 1
    assert rows[-1]["ssthresh_estimated_bytes"] == 5 * MSS


def test_loss_is_entered_by_a_timeout(tmp_path: Path) -> None:
    talk = clocked([2])
    talk.segments(30, 2, 2)
    talk.segments(330, 2, 1)
    talk.acked(340, 4)
    rows = talk.rows(tmp_path)
    assert [(row["phase"], row["t_ns"]) for row in rows if row["ca_state"] == "Loss"] == [("loss", 340_000_000)]


def test_a_silence_longer_than_the_rto_is_idle(tmp_path: Path) -> None:
    talk = clocked([2])
    talk.segments(5000, 2, 2, push=True)
    talk.acked(5010, 4)
    rows = talk.rows(tmp_path)
    idle = [row for row in rows if row["phase"] == "idle"]
    assert [(row["start_ns"], row["t_ns"]) for row in idle] == [(29_950_000, 5_000_000_000)]
    assert sum(row["t_ns"] - row["start_ns"] for row in rows) == rows[-1]["t_ns"] - rows[0]["start_ns"]


def test_a_row_says_nothing_of_what_was_not_seen(tmp_path: Path) -> None:
    talk = Sending()
    talk.segments(0, 0, 3)
    rows = talk.rows(tmp_path)
    assert len(rows) == 1
    unknown = ("window_bytes", "cwnd_estimated_bytes", "ssthresh_estimated_bytes", "srtt_ns", "limited_by")
    assert {rows[0][name] for name in unknown} == {None}
