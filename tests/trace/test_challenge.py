"""Challenge ACKs and keepalives of this kernel, provoked one by one, against its counters."""

from __future__ import annotations

from pathlib import Path

import polars as pl
import pytest

from netemu.trace import analyze
from tests.trace.challenge_rig import CHALLENGED, FORGED, run

pytestmark = pytest.mark.lab


def test_challenge_acks_and_keepalives_are_those_the_kernels_counted(tmp_path: Path) -> None:
    counted = run(tmp_path)
    for capture in "ab":
        analysis = analyze(tmp_path / f"{capture}.pcap")
        assert analysis.connections["opening"].cast(pl.String).to_list() == ["handshake", "syn_only", "syn_only"]
        packets = analysis.packets.filter(pl.col("connection") == 0)
        packets = packets.with_columns(pl.col("kind", "ack_kind").cast(pl.String))
        challenges = packets.filter(pl.col("ack_kind") == "challenge")
        assert set(challenges["direction"]) == {1}
        assert challenges.height == counted["b"]["TcpExtTCPChallengeACK"] == CHALLENGED
        probes = packets.filter(pl.col("kind") == "keepalive")
        assert set(probes["direction"]) == {0} and probes.height == counted["a"]["TcpExtTCPKeepAlive"] >= 2
        assert packets.filter(pl.col("ack_kind") == "keepalive_ack").height == probes.height
        row = analysis.connection(0).figures
        assert row["end"] == "closed" and row["a_retransmitted_segments"] == 1  # the data forged to have come before


def test_each_challenge_answers_what_was_forged(tmp_path: Path) -> None:
    run(tmp_path)
    packets = analyze(tmp_path / "b.pcap").packets.with_columns(pl.col("ack_kind").cast(pl.String))
    forged = packets.filter(pl.col("direction") == 0, pl.col("ts_val") == -1, pl.col("tcp_options") == 0)
    assert forged.height == len(FORGED)
    after = {int(frame) for frame in forged["frame"]}
    answers = packets.filter(pl.col("frame").is_in([frame + 1 for frame in after]), pl.col("direction") == 1)
    told = dict(answers.select(pl.col("frame").cast(pl.Int64) - 1, "ack_kind").iter_rows())
    names = {name: told.get(int(frame)) for name, frame in zip(FORGED, forged["frame"], strict=True)}
    assert names["RST behind the window"] is None
    assert [name for name, kind in names.items() if kind == "challenge"] == list(FORGED)[:CHALLENGED]
