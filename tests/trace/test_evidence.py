"""The evidence that stands beside every retransmission."""

from __future__ import annotations

from pathlib import Path

from tests.trace.build import SYN, Talk

MSS = 1448


def test_a_timeout_waited_for_the_timer_and_heard_nothing(tmp_path: Path) -> None:
    talk = Talk(sack=False)
    talk.handshake()
    talk.say(20, "a", 1, 1, MSS)
    talk.say(230, "a", 1, 1, MSS)
    talk.say(650, "a", 1, 1, MSS)
    first, second = talk.analyse(tmp_path).retransmissions.to_dicts()
    assert (first["kind"], first["frame"], first["last_frame"], first["waited_ns"]) == ("timeout", 5, 4, 210_000_000)
    assert (first["rto_ns"], first["backoff"], first["ca_state"]) == (210_000_000, 0, "Open")
    assert (second["rto_ns"], second["backoff"], second["ca_state"]) == (420_000_000, 1, "Loss")
    assert (second["last_frame"], second["waited_ns"]) == (5, 420_000_000)
    assert first["silence_ns"] == 220_000_000 and not first["sent_after_arrived"]


def test_a_fast_retransmission_follows_reports_of_what_was_sent_after_it(tmp_path: Path) -> None:
    talk = Talk()
    talk.handshake()
    for i in range(4):
        talk.say(20 + i / 10, "a", 1 + MSS * i, 1, MSS)
    for i in range(3):
        talk.say(31 + i / 10, "b", 1, 1, sack=[(1 + MSS, 1 + (i + 2) * MSS)])
    talk.say(32, "a", 1, 1, MSS)
    (row,) = talk.analyse(tmp_path).retransmissions.to_dicts()
    assert (row["kind"], row["sacked_segments"], row["sent_after_arrived"]) == ("fast", 3, True)
    assert (row["ca_state"], row["silence_ns"], row["spurious_by"]) == ("Disorder", 800_000, "none")
    assert (row["start_offset_bytes"], row["end_offset_bytes"]) == (1, 1 + MSS)


def test_a_syn_sent_again(tmp_path: Path) -> None:
    talk = Talk()
    talk.say(0, "a", 0, 0, flags=SYN)
    talk.say(1000, "a", 0, 0, flags=SYN)
    (row,) = talk.analyse(tmp_path).retransmissions.to_dicts()
    assert (row["kind"], row["last_frame"], row["waited_ns"], row["rto_ns"]) == ("syn", 1, 10**9, 10**9)


def test_what_the_capture_does_not_hold_is_null(tmp_path: Path) -> None:
    talk = Talk(stamps=False)
    talk.handshake()
    talk.say(20, "a", 1 + MSS, 1, MSS, ip_id=0)
    talk.say(60, "a", 1, 1, MSS, ip_id=0)
    (row,) = talk.analyse(tmp_path).retransmissions.to_dicts()
    assert (row["last_frame"], row["waited_ns"]) == (None, None)
