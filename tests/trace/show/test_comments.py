"""One line for a person who reads the capture packet by packet."""

from __future__ import annotations

from pathlib import Path

import polars as pl

from netemu.recording.tables import ACK_KINDS, SEGMENT_KINDS, SPURIOUS_BY
from netemu.trace.show import comments
from netemu.trace.show.comments import comments_of, icmp_comments
from tests.trace.build import ACK, Talk
from tests.trace.show.scenes import lossy


def comments_in(talk: Talk, directory: Path) -> dict[int, str]:
    analysis = talk.analyse(directory)
    return comments_of(analysis.packets, analysis.retransmissions)


def test_plain_packets_have_none_and_a_timeout_gives_its_evidence(tmp_path: Path) -> None:
    assert comments_in(lossy(), tmp_path) == {
        7: "netemu: retransmission: the retransmission timer had fired; last sent in frame 4;"
        " waited 280 ms, RTO 210 ms; its sender was in Open"
    }


def test_flags_and_windows_are_named_and_what_proves_a_spurious_one(tmp_path: Path) -> None:
    talk = lossy()
    talk.say(320, "a", 1, 1, 1000)
    talk.say(321, "b", 1, 3001, window=0)
    talk.say(322, "a", 3001, 1, flags=ACK | 4, window=0)  # the window of a RST means nothing
    found = comments_in(talk, tmp_path)
    assert "spurious: its bytes had been acknowledged" in found[9] and "zero window" in found[10] and 11 not in found


def test_every_name_is_of_the_closed_lists() -> None:
    assert set(comments.KINDS) == set(SEGMENT_KINDS) - {"none", "new"}
    assert set(comments.ACKS) < set(ACK_KINDS)
    assert set(comments.SPURIOUS) == set(SPURIOUS_BY) - {"none"}


def test_icmp_errors_name_mtu_and_connection() -> None:
    rows = [(5, "fragmentation_needed", 1400, 2, 0), (6, "3/1", None, -1, -1)]
    icmp = pl.DataFrame(rows, ["frame", "kind", "mtu_bytes", "connection", "direction"], orient="row")
    assert icmp_comments(icmp) == {
        5: "netemu: ICMP fragmentation needed, MTU 1400, quotes connection 2 a_to_b",
        6: "netemu: ICMP 3/1",
    }
