"""Path MTU steps: which packets make one, of which cause, and which do not."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from netemu.recording.kinds import PATH_MTU_CAUSES
from netemu.trace.observe import path_mtu_scan as scan
from tests.trace.build import ACK, MS, PSH, SYN, Talk
from tests.trace.test_track import ROUTER, report

HEADERS = 52
"""IPv4, TCP and timestamps."""


def rows(talk: Talk, directory: Path, *names: str) -> list[Any]:
    """Columns of ``path_mtu`` for a's data."""
    table = talk.analyse(directory).tables["path_mtu"]
    return table.filter(table["direction"] == 0).select(*names).rows()


def send(talk: Talk, t_ms: float, seq: int, sizes: list[int], *, push_last: bool = False) -> int:
    """Segments of these IP sizes back to back from ``seq``; returns the next sequence number."""
    for index, size in enumerate(sizes):
        last = index == len(sizes) - 1
        talk.say(t_ms + index / 100, "a", seq, 1, payload=size - HEADERS, flags=ACK | PSH * (push_last and last))
        seq += size - HEADERS
    return seq


def ack(talk: Talk, t_ms: float, number: int) -> None:
    talk.say(t_ms, "b", 1, number)


def opened(**options: Any) -> Talk:
    talk = Talk(**options)
    talk.handshake()
    return talk


def test_the_causes_have_their_names_numbers() -> None:
    names = [name.upper() for name in PATH_MTU_CAUSES]
    assert [getattr(scan, name) for name in names] == list(range(1, len(names) + 1))


def test_the_handshake_gives_the_first_row_and_an_acknowledged_packet_proves_it(tmp_path: Path) -> None:
    talk = opened()
    end = send(talk, 20, 1, [1500, 1500])
    ack(talk, 30, end)
    found = rows(talk, tmp_path, "cause", "mtu_before_bytes", "mtu_bytes", "t_ns", "proven_ns")
    assert found == [("handshake", None, 1500, 10 * MS, 30 * MS)]


def test_short_messages_prove_nothing(tmp_path: Path) -> None:
    talk = opened()
    end = send(talk, 20, 1, [300], push_last=True)
    ack(talk, 30, end)
    end = send(talk, 40, end, [300], push_last=True)
    ack(talk, 50, end)
    assert rows(talk, tmp_path, "cause", "mtu_bytes", "proven_ns") == [("handshake", 1500, None)]


def test_a_direction_without_payload_has_no_row(tmp_path: Path) -> None:
    assert rows(opened(), tmp_path, "cause") == []


def test_a_report_is_a_step_that_names_its_router(tmp_path: Path) -> None:
    talk = opened()
    send(talk, 20, 1, [1500, 1500])
    report(talk, 25, 1400, 1)
    assert rows(talk, tmp_path, "cause", "mtu_before_bytes", "mtu_bytes", "frame", "router") == [
        ("handshake", None, 1500, 2, None),
        ("icmp_fragmentation_needed", 1500, 1400, 6, ROUTER[4]),
    ]


def test_packets_under_way_when_the_report_came_are_no_probe(tmp_path: Path) -> None:
    talk = opened()
    end = send(talk, 20, 1, [1500, 1500])
    report(talk, 25, 1400, 1)
    send(talk, 26, end, [1500, 1500])
    assert [row[0] for row in rows(talk, tmp_path, "cause")] == ["handshake", "icmp_fragmentation_needed"]


def test_a_report_that_is_no_smaller_changes_nothing(tmp_path: Path) -> None:
    talk = opened()
    send(talk, 20, 1, [1500])
    report(talk, 25, 1500, 1)
    assert len(rows(talk, tmp_path, "cause")) == 1


def test_full_segments_smaller_than_the_handshake_allows_were_known_before(tmp_path: Path) -> None:
    talk = opened()
    end = send(talk, 20, 1, [1400, 1400, 1400])
    ack(talk, 30, end)
    assert rows(talk, tmp_path, "cause", "mtu_bytes", "t_ns", "proven_ns")[1:] == [
        ("known_before", 1400, 20 * MS, 30 * MS)
    ]


def test_messages_of_one_size_are_no_full_segments(tmp_path: Path) -> None:
    talk = opened()
    seq = 1
    for number in range(5):
        seq = send(talk, 20 + number, seq, [1000], push_last=True)
    assert len(rows(talk, tmp_path, "cause")) == 1


def test_a_small_window_decides_about_sizes_and_is_no_path(tmp_path: Path) -> None:
    talk = Talk(wscale=None)
    talk.say(0, "a", 0, 0, flags=SYN, window=2000)
    talk.say(10, "b", 0, 1, flags=SYN | ACK, window=2000)
    talk.say(10.01, "a", 1, 1, window=2000)
    talk.say(11, "b", 1, 1, window=2000)
    send(talk, 20, 1, [1000, 1000, 1000])
    assert len(rows(talk, tmp_path, "cause")) == 1


def test_without_a_syn_the_first_full_segments_tell(tmp_path: Path) -> None:
    talk = Talk()
    ack(talk, 0, 1)
    end = send(talk, 20, 1, [1300, 1300, 700])
    ack(talk, 30, end)
    assert rows(talk, tmp_path, "cause", "mtu_before_bytes", "mtu_bytes", "proven_ns") == [
        ("known_before", None, 1300, 30 * MS)
    ]


def test_a_single_larger_packet_is_a_probe_and_its_ack_confirms_it(tmp_path: Path) -> None:
    talk = opened()
    end = send(talk, 20, 1, [1100, 1100])
    ack(talk, 30, end)
    end = send(talk, 40, end, [1300, 1100, 1100])
    ack(talk, 50, end)
    send(talk, 60, end, [1100, 1100, 1300, 1300])  # two were cut before the ACK came
    assert rows(talk, tmp_path, "cause", "mtu_before_bytes", "mtu_bytes", "probe_bytes", "since_ns")[2:] == [
        ("mtu_probe_confirmed", 1100, 1300, 1300, 40 * MS)
    ]


def test_a_probe_sent_again_in_pieces_was_lost(tmp_path: Path) -> None:
    talk = opened()
    end = send(talk, 20, 1, [1100, 1100])
    ack(talk, 30, end)
    probe = end
    end = send(talk, 40, end, [1300, 1100, 1100, 1100])
    talk.say(50, "b", 1, probe, sack=[(probe + 1300 - HEADERS, end)])
    send(talk, 50.1, probe, [1100])
    found = rows(talk, tmp_path, "cause", "mtu_before_bytes", "mtu_bytes", "probe_bytes", "t_ns")
    assert found[2:] == [("mtu_probe_lost", 1100, 1100, 1300, int(50.1 * MS))]


def black_hole(*, smaller: bool) -> Talk:
    talk = opened()
    send(talk, 20, 1, [1500, 1500])
    for number in range(3):
        talk.say(20 + 250 * 2**number, "a", 1, 1, payload=1448)
    if smaller:
        talk.say(4020, "a", 1, 1, payload=1024)
        ack(talk, 4040, 1025)
    return talk


def test_three_timeouts_of_full_segments_that_never_passed_are_suspected(tmp_path: Path) -> None:
    talk = black_hole(smaller=False)
    assert rows(talk, tmp_path, "cause", "mtu_bytes", "timeouts", "since_ns")[1:] == [
        ("black_hole_suspected", 1500, 3, 20 * MS)
    ]


def test_smaller_after_timeouts_is_a_black_hole_probe_and_its_ack_proves_it(tmp_path: Path) -> None:
    talk = black_hole(smaller=True)
    assert rows(talk, tmp_path, "cause", "mtu_before_bytes", "mtu_bytes", "proven_ns")[2:] == [
        ("blackhole_probe", 1500, 1076, 4040 * MS)
    ]


def test_timeouts_of_a_size_that_has_passed_are_no_black_hole(tmp_path: Path) -> None:
    talk = opened()
    end = send(talk, 20, 1, [1500, 1500])
    ack(talk, 30, end)
    send(talk, 40, end, [1500, 1500])
    for number in range(4):
        talk.say(40 + 300 * 2**number, "a", end, 1, payload=1448)
    assert len(rows(talk, tmp_path, "cause")) == 1


def test_super_segments_say_nothing_of_the_path(tmp_path: Path) -> None:
    talk = opened()
    end = send(talk, 20, 1, [2948, 2948, 2948])
    ack(talk, 30, end)
    assert rows(talk, tmp_path, "mtu_bytes", "proven_ns") == [(1500, None)]


def test_packets_that_may_be_fragmented_prove_nothing(tmp_path: Path) -> None:
    talk = opened()
    talk.say(20, "a", 1, 1, payload=1448, df=False)
    ack(talk, 30, 1449)
    assert rows(talk, tmp_path, "mtu_bytes", "proven_ns") == [(1500, None)]
