"""What SACK blocks tell: needless retransmissions (D-SACK)."""

from __future__ import annotations

from pathlib import Path

import polars as pl

from tests.trace.build import Talk, one

MSS = 1448


def started(**options: object) -> Talk:
    talk = Talk(**options)  # type: ignore[arg-type]
    talk.handshake()
    return talk


def test_a_dsack_flags_the_retransmission_it_means(tmp_path: Path) -> None:
    talk = started()
    talk.say(20, "a", 1, 1, MSS)
    talk.say(250, "a", 1, 1, MSS)
    talk.say(260, "b", 1, 1 + MSS, stamps=(1260, 1250))
    talk.say(261, "b", 1, 1 + MSS, sack=[(1, 1 + MSS)], stamps=(1261, 1250))
    analysis = talk.analyse(tmp_path)
    assert analysis.packets["dsack"].to_list() == [False] * 6 + [True]
    assert analysis.packets.filter(pl.col("kind") == "tail_loss_probe")["spurious"].to_list() == [True]
    assert one(analysis)["a_spurious_retransmits"] == 1


def test_a_dsack_within_the_second_block_is_one_too(tmp_path: Path) -> None:
    talk = started()
    for i in range(4):
        talk.say(20 + i, "a", 1 + i * MSS, 1, MSS)
    third = (1 + 2 * MSS, 1 + 3 * MSS)
    talk.say(30, "b", 1, 1, sack=[third, (1 + MSS, 1 + 4 * MSS)])
    analysis = talk.analyse(tmp_path)
    assert analysis.packets["dsack"][-1] is True
    assert analysis.sacks.select("start_offset_bytes", "end_offset_bytes").rows() == [third, (1 + MSS, 1 + 4 * MSS)]
