"""Windows: which advertisements make an episode, and which do not."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from netemu.recording.kinds import WINDOW_ENDS, WINDOW_KINDS
from netemu.trace.observe import windows_scan as scan
from tests.trace.build import ACK, MS, RST, SYN, Talk

MSS = 1448


def rows(talk: Talk, directory: Path, kind: str, *names: str) -> list[Any]:
    table = talk.analyse(directory).tables["windows"]
    return table.filter(table["kind"] == kind).select(*names).rows()


def opened(*, window: int = 10_000, **options: Any) -> Talk:
    """After the handshake b has offered ``window`` bytes, unscaled unless told otherwise."""
    talk = Talk(**{"wscale": 0, **options})
    talk.say(0, "a", 0, 0, flags=SYN)
    talk.say(10, "b", 0, 1, flags=SYN | ACK, window=window)
    talk.say(10.01, "a", 1, 1)
    talk.say(11, "b", 1, 1, window=window)
    return talk


def test_the_kinds_and_ends_have_their_names_numbers() -> None:
    assert [getattr(scan, name.upper()) for name in WINDOW_KINDS] == list(range(1, len(WINDOW_KINDS) + 1))
    assert [getattr(scan, name.upper()) for name in WINDOW_ENDS] == list(range(1, len(WINDOW_ENDS) + 1))


def full(*, probes: int) -> tuple[Talk, int]:
    """b's window is used up at 30 ms; a probes."""
    talk = opened(window=2 * MSS)
    talk.say(20, "a", 1, 1, MSS)
    talk.say(20.1, "a", 1 + MSS, 1, MSS)
    end = 1 + 2 * MSS
    talk.say(30, "b", 1, end, window=0)
    for number in range(probes):
        talk.say(230 * 2**number, "a", end - 1, 1)
        talk.say(230 * 2**number + 10, "b", 1, end, window=0)
    return talk, end


ZERO = ("direction", "t_ns", "end_ns", "ended_by", "before_bytes", "after_bytes", "count", "caused_by")


def test_a_window_update_ends_a_zero_window(tmp_path: Path) -> None:
    talk, end = full(probes=2)
    talk.say(2000, "b", 1, end, window=5000)
    assert rows(talk, tmp_path, "zero_window", *ZERO) == [
        (1, 30 * MS, 2000 * MS, "window_update", 2 * MSS, 5000, 2, "receiver")
    ]


def test_the_answer_to_a_probe_may_end_it_too(tmp_path: Path) -> None:
    talk, end = full(probes=1)
    talk.say(800, "a", end - 1, 1)
    talk.say(810, "b", 1, end, window=5000)
    assert rows(talk, tmp_path, "zero_window", *ZERO) == [
        (1, 30 * MS, 810 * MS, "probe_answer", 2 * MSS, 5000, 2, "receiver")
    ]


def test_a_zero_window_may_end_by_a_reset_or_not_at_all(tmp_path: Path) -> None:
    talk, end = full(probes=1)
    assert rows(talk, tmp_path, "zero_window", "end_ns", "ended_by", "count") == [(None, None, 1)]
    talk.say(900, "b", 1, end, flags=RST | ACK, window=0)
    assert rows(talk, tmp_path, "zero_window", "end_ns", "ended_by", "count") == [(900 * MS, "reset", 1)]


def test_a_right_edge_that_moves_back_has_shrunk_until_it_is_there_again(tmp_path: Path) -> None:
    talk = opened(window=10_000)
    talk.say(20, "a", 1, 1, MSS)
    talk.say(30, "b", 1, 1 + MSS, window=8000)
    talk.say(40, "a", 1 + MSS, 1, MSS)
    talk.say(50, "b", 1, 1 + 2 * MSS, window=6000)
    talk.say(60, "b", 1, 1 + 2 * MSS, window=10_000)
    found = rows(talk, tmp_path, "shrunk", "direction", "t_ns", "end_ns", "before_bytes", "moved_bytes", "count")
    lowest = 1 + 2 * MSS + 6000
    assert found == [(1, 30 * MS, 60 * MS, 10_000, 10_001 - lowest, 2)]


def test_rounding_to_the_scale_is_no_shrinking(tmp_path: Path) -> None:
    talk = opened(window=100, wscale=7)
    talk.say(20, "a", 1, 1, 100)
    talk.say(30, "b", 1, 101, window=99)
    assert rows(talk, tmp_path, "shrunk", "t_ns") == []
    talk.say(40, "a", 101, 1, 100)
    talk.say(50, "b", 1, 201, window=97)
    assert rows(talk, tmp_path, "shrunk", "moved_bytes") == [(100 * 128 - 97 * 128 - 200,)]


def test_an_overtaken_acknowledgement_shrinks_nothing(tmp_path: Path) -> None:
    talk = opened(window=10_000)
    talk.say(20, "a", 1, 1, MSS)
    talk.say(20.1, "a", 1 + MSS, 1, MSS)
    talk.say(30, "b", 1, 1 + 2 * MSS, window=10_000, ip_id=7010, stamps=(1030, 1020))
    talk.say(31, "b", 1, 1 + MSS, window=9_000, ip_id=7009, stamps=(1030, 1020))
    talk.say(32, "b", 1, 1 + 2 * MSS, window=9_000, ip_id=7008, stamps=(1030, 1020))
    assert rows(talk, tmp_path, "shrunk", "t_ns") == []


def silly(advances: list[int], *, fill: bool) -> Talk:
    talk, end = full(probes=0)
    edge = end
    for number, advance in enumerate(advances):
        t_ms = 40 + 20 * number
        talk.say(t_ms, "b", 1, edge, window=advance)
        size = advance if fill else advance // 2
        talk.say(t_ms + 1, "a", edge, 1, size)
        talk.say(t_ms + 2, "b", 1, edge + size, window=advance - size)
        edge += advance
        if size < advance:
            return talk
    return talk


def test_small_advances_that_small_segments_fill_are_silly(tmp_path: Path) -> None:
    found = rows(silly([100, 100, 200], fill=True), tmp_path, "silly", "direction", "moved_bytes", "count", "t_ns")
    assert found == [(1, 400, 3, 40 * MS)]


def test_one_small_advance_or_one_that_is_not_filled_is_no_episode(tmp_path: Path) -> None:
    assert rows(silly([100], fill=True), tmp_path, "silly", "count") == []
    assert rows(silly([100, 100], fill=False), tmp_path, "silly", "count") == []


def test_growth_has_a_row_for_each_doubling_and_the_rest(tmp_path: Path) -> None:
    talk = opened(window=10_000)
    for number, window in enumerate((12_000, 19_999, 20_000, 30_000, 41_000, 45_000, 44_000)):
        talk.say(20 + number, "b", 1, 1, window=window)
    found = rows(talk, tmp_path, "growth", "before_bytes", "after_bytes", "t_ns", "end_ns")
    assert found == [
        (10_000, 20_000, 11 * MS, 22 * MS),
        (20_000, 41_000, 22 * MS, 24 * MS),
        (41_000, 45_000, 24 * MS, 25 * MS),
    ]


def test_without_syns_what_is_sent_shows_the_least_scale(tmp_path: Path) -> None:
    talk = Talk()
    talk.say(0, "b", 1, 1, window=500)
    for number in range(4):
        talk.say(1 + number, "a", 1 + number * MSS, 1, MSS)
    assert rows(talk, tmp_path, "scale_inferred", "direction", "count", "t_ns") == [(1, 4, 3 * MS)]
    assert rows(talk, tmp_path, "growth", "count") == []


def test_within_the_window_as_sent_nothing_is_inferred(tmp_path: Path) -> None:
    talk = Talk()
    talk.say(0, "b", 1, 1, window=5000)
    talk.say(1, "a", 1, 1, MSS)
    assert rows(talk, tmp_path, "scale_inferred", "count") == []


def idle(times: list[float], *, window: int = 60_000) -> Talk:
    talk = opened(window=window)
    for number, t_ms in enumerate(times):
        start = 1 + 100 * number
        talk.say(t_ms, "a", start, 1, 100)
        talk.say(t_ms + 10, "b", 1, start + 100, window=window)
    return talk


def test_a_silent_sender_with_an_open_window_is_idle(tmp_path: Path) -> None:
    talk = idle([20, 200, 1000, 1500])
    found = rows(talk, tmp_path, "sender_idle", "direction", "count", "total_ns", "t_ns", "end_ns", "caused_by")
    assert found == [(0, 2, (790 + 490) * MS, 210 * MS, 1000 * MS, "sender")]


def test_a_sender_that_waits_for_the_window_is_not_idle(tmp_path: Path) -> None:
    talk, end = full(probes=0)
    talk.say(1000, "b", 1, end, window=5000)
    talk.say(1001, "a", end, 1, MSS)
    assert rows(talk, tmp_path, "sender_idle", "count") == []
