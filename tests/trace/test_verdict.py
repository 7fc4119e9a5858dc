"""Why something was sent again: the sender's congestion state rebuilt, case by case, and sums that always hold."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from netemu.recording.tables import RETRANSMISSION_KINDS as CLASSES
from netemu.recording.tables import SEGMENT_KINDS
from netemu.trace import verdict
from tests.trace.build import ACK, FIN, SYN, Talk, one

MSS = 1448


def at(segment: int) -> int:
    """Offset of the first byte of a segment, counted from 0."""
    return 1 + segment * MSS


def sent(count: int, *, sack: bool = True, stamps: bool = False) -> Talk:
    """A handshake of 10 ms and a burst at 20 ms; the RTO is 220 ms, the loss probe's timer 28 ms."""
    talk = Talk(sack=sack, stamps=stamps)
    talk.handshake()
    for i in range(count):
        talk.say(20 + i / 100, "a", at(i), 1, MSS)
    return talk


def again(talk: Talk, t_ms: float, *segments: int) -> None:
    for i, segment in enumerate(segments):
        talk.say(t_ms + i / 100, "a", at(segment), 1, MSS)


def verdicts(talk: Talk, directory: Path) -> list[str]:
    return [kind for kind in talk.kinds(directory) if kind != "new"]


def test_codes_are_places_in_the_closed_list() -> None:
    for code, kind in enumerate(SEGMENT_KINDS):
        assert getattr(verdict, f"KIND_{kind.upper()}") == code


def test_a_retransmission_lost_within_recovery_is_found_by_rack(tmp_path: Path) -> None:
    talk = sent(6)
    talk.say(30, "b", 1, 1, sack=[(at(1), at(6))])
    again(talk, 30.1, 0)
    for i in (6, 7):  # sent after the retransmission, and delivered: so that was lost
        talk.say(30.2 + i / 100, "a", at(i), 1, MSS)
    talk.say(40.5, "b", 1, 1, sack=[(at(1), at(8))])
    again(talk, 41, 0)
    assert verdicts(talk, tmp_path) == ["fast", "fast"]


def test_a_retransmission_lost_with_nothing_after_it_waits_for_the_timer(tmp_path: Path) -> None:
    talk = sent(6)
    talk.say(30, "b", 1, 1, sack=[(at(1), at(6))])
    again(talk, 30.1, 0)
    again(talk, 300, 0)
    assert verdicts(talk, tmp_path) == ["fast", "timeout"]


def test_all_that_is_sent_again_in_one_recovery_is_fast(tmp_path: Path) -> None:
    talk = sent(8)
    talk.say(30, "b", 1, at(1), sack=[(at(5), at(8))])
    again(talk, 30.1, 1, 2, 3)
    talk.say(40.2, "b", 1, at(4), sack=[(at(5), at(8))])
    again(talk, 40.3, 4)
    talk.say(50.4, "b", 1, at(8))
    row = one(talk.analyse(tmp_path))
    assert (row["a_retransmits_fast"], row["a_retransmitted_segments"]) == (4, 4)
    assert row["a_spurious_retransmits"] == 0


def test_a_loss_after_recovery_is_judged_anew(tmp_path: Path) -> None:
    talk = sent(4)
    talk.say(30, "b", 1, 1, sack=[(at(1), at(4))])
    again(talk, 30.1, 0)
    talk.say(40.2, "b", 1, at(4))
    talk.say(50, "a", at(4), 1, MSS)
    talk.say(50.1, "a", at(5), 1, MSS)
    again(talk, 80, 5)
    again(talk, 500, 4)
    assert verdicts(talk, tmp_path) == ["fast", "tail_loss_probe", "timeout"]


def test_one_loss_probe_an_episode(tmp_path: Path) -> None:
    talk = sent(2)
    again(talk, 50, 1)
    again(talk, 272, 0)
    again(talk, 720, 0)
    again(talk, 1600, 0)
    assert verdicts(talk, tmp_path) == ["tail_loss_probe", "timeout", "timeout", "timeout"]


def test_dsack_of_a_loss_probe_flags_it(tmp_path: Path) -> None:
    talk = sent(2)
    again(talk, 50, 1)
    talk.say(55, "b", 1, at(2))
    talk.say(60, "b", 1, at(2), sack=[(at(1), at(2))])
    row = one(talk.analyse(tmp_path))
    assert (row["a_retransmits_tail_loss_probe"], row["a_spurious_retransmits"]) == (1, 1)


@pytest.mark.parametrize(("duplicates", "kind"), [(3, "fast"), (1, "timeout")])
def test_without_sack_three_duplicate_acks_or_the_timer(duplicates: int, kind: str, tmp_path: Path) -> None:
    talk = sent(6, sack=False)
    talk.say(29, "b", 1, at(1))
    for i in range(duplicates):
        talk.say(30 + i / 100, "b", 1, at(1))
    again(talk, 30.1 if kind == "fast" else 260, 1)
    analysis = talk.analyse(tmp_path)
    assert one(analysis)["b_duplicate_acks"] == duplicates
    assert verdicts(talk, tmp_path) == [kind]


def test_a_partial_ack_within_recovery_without_sack_is_fast(tmp_path: Path) -> None:
    """RFC 6582: each partial acknowledgement makes the next hole be sent again."""
    talk = sent(6, sack=False)
    talk.say(29, "b", 1, at(1))
    for i in range(3):
        talk.say(30 + i / 100, "b", 1, at(1))
    again(talk, 30.1, 1)
    talk.say(40.2, "b", 1, at(3))
    again(talk, 40.3, 3)
    talk.say(50.4, "b", 1, at(6))
    assert verdicts(talk, tmp_path) == ["fast", "fast"]


def test_go_back_n_after_a_timeout_is_the_timers(tmp_path: Path) -> None:
    talk = sent(5, sack=False)
    again(talk, 260, 0)
    talk.say(270, "b", 1, at(1))
    again(talk, 270.1, 1, 2)
    talk.say(280.2, "b", 1, at(3))
    again(talk, 280.3, 3, 4)
    talk.say(290.4, "b", 1, at(5))
    assert verdicts(talk, tmp_path) == ["timeout"] * 5


def test_a_fin_without_payload_is_fin_whatever_the_trigger(tmp_path: Path) -> None:
    talk = sent(0)
    for t_ms in (20, 260, 700):
        talk.say(t_ms, "a", 1, 1, flags=FIN | ACK)
    row = one(talk.analyse(tmp_path))
    assert (row["a_retransmits_fin"], row["a_retransmitted_segments"]) == (2, 2)


def test_a_second_dsack_of_the_same_bytes_flags_the_earlier_retransmission(tmp_path: Path) -> None:
    talk = sent(4)
    again(talk, 260, 0)
    again(talk, 700, 0)
    talk.say(710, "b", 1, at(4))
    for t_ms, flagged in ((711, 1), (712, 2), (713, 2)):
        talk.say(t_ms, "b", 1, at(4), sack=[(at(0), at(1))])
        row = one(talk.analyse(tmp_path))
        assert (row["a_retransmitted_segments"], row["a_spurious_retransmits"]) == (2, flagged)


Step = tuple[str, int, int, int]
STEPS = st.lists(
    st.tuples(
        st.sampled_from(["data", "ack", "sack", "fin"]), st.integers(0, 12), st.integers(1, 4), st.integers(1, 400)
    ),
    max_size=60,
)


@pytest.mark.parametrize(
    ("block", "kind"), [([], "timeout"), ([(at(0), at(1))], "tail_loss_probe")], ids=["unanswered", "both arrived"]
)
def test_only_one_probe_is_out_until_it_is_answered(block: list[tuple[int, int]], kind: str, tmp_path: Path) -> None:
    """An ACK of what was sent when the probe left says nothing of it, a D-SACK does (tcp_process_tlp_ack)."""
    talk = sent(1)
    talk.say(250, "a", at(0), 1, MSS)
    talk.say(260, "b", 1, at(1), sack=block)
    talk.say(270, "a", at(1), 1, MSS)
    talk.say(490, "a", at(1), 1, MSS)
    assert talk.kinds(tmp_path)[1:] == ["new", "tail_loss_probe", "new", kind]


def test_head_and_tail_together_after_a_probe_of_new_data_are_the_timers(tmp_path: Path) -> None:
    """The probe's timer would have needed two round trips; Linux joins small segments when it sends them again."""
    talk = Talk()
    talk.handshake()
    talk.say(20, "a", 1, 1, 100)
    talk.say(240, "a", 101, 1, 100)
    talk.say(455, "a", 1, 1, 200)
    assert talk.kinds(tmp_path)[1:] == ["new", "new", "timeout"]


def test_a_timer_that_fires_in_recovery_is_told_by_the_silence_before_it(tmp_path: Path) -> None:
    """News of other segments does not start the timer anew, so it may fire long before a round trip of silence."""
    talk = sent(6)
    talk.say(30, "b", 1, 1, sack=[(at(1), at(5))])
    talk.say(30.01, "a", at(0), 1, MSS)
    talk.say(200, "b", 1, 1, sack=[(at(1), at(6))])
    talk.say(255, "a", at(0), 1, MSS)
    assert talk.kinds(tmp_path)[7:] == ["fast", "timeout"]


@pytest.mark.parametrize(("silent_ms", "kind"), [(6, "fast"), (230, "timeout")])
def test_without_sack_the_timer_runs_from_the_partial_ack(silent_ms: int, kind: str, tmp_path: Path) -> None:
    """What paces holds a retransmission back; that the hole's first copy left long before is no timer's lateness."""
    talk = sent(6, sack=False)
    talk.say(29, "b", 1, at(1))
    for i in range(3):
        talk.say(30 + i / 100, "b", 1, at(1))
    again(talk, 30.1, 1)
    talk.say(300, "b", 1, at(3))
    again(talk, 300 + silent_ms, 3)
    assert verdicts(talk, tmp_path) == ["fast", kind]


def test_a_long_silence_in_recovery_is_the_timers_though_its_estimate_is_too_long(tmp_path: Path) -> None:
    """Neither pacing nor RACK's timer keeps a sender quiet for most of 464 ms once a loss is proven."""
    talk = Talk()
    talk.handshake()
    talk.say(20, "a", at(0), 1, MSS)
    talk.say(420, "b", 1, at(1))
    for i in range(1, 6):
        talk.say(430 + i, "a", at(i), 1, MSS)
    talk.say(440, "b", 1, at(1), sack=[(at(2), at(6))])
    again(talk, 440.1, 1)
    talk.say(441, "a", at(6), 1, MSS)
    talk.say(451, "b", 1, at(1), sack=[(at(2), at(7))])
    again(talk, 751, 1)
    retransmissions = talk.analyse(tmp_path).retransmissions
    assert retransmissions["kind"].to_list() == ["fast", "timeout"]
    assert retransmissions["sent_after_arrived"].to_list() == [True, True]
    assert retransmissions["rto_ns"][1] > 450_000_000


def test_racks_timer_is_over_once_an_ack_came_after_it(tmp_path: Path) -> None:
    """The head, sent again and found lost, would have left with the ACK 20 ms ago; it left when the RTO was over."""
    talk = sent(6)
    talk.say(30, "b", 1, 1, sack=[(at(1), at(6))])
    again(talk, 30.1, 0)
    for i in range(6, 10):
        talk.say(30.2 + i / 100, "a", at(i), 1, MSS)
    for t_ms in (41, 225):
        talk.say(t_ms, "b", 1, 1, sack=[(at(1), at(10))])
    again(talk, 245, 0)
    rows = talk.analyse(tmp_path).retransmissions
    assert rows["kind"].to_list() == ["fast", "timeout"]
    assert rows["sent_after_arrived"].to_list() == [True, True]


def test_a_retransmission_too_young_for_the_timeout_is_found_lost_by_rack(tmp_path: Path) -> None:
    """Sent 5 ms before the retransmission timer fired, it was in flight yet: that it was lost is news (Recovery)."""
    talk = sent(7)
    talk.say(30, "b", 1, 1, sack=[(at(2), at(6))])
    again(talk, 30.1, 0)
    talk.say(239.9, "b", 1, 1, sack=[(at(2), at(7))])
    again(talk, 240, 1)
    again(talk, 245, 0)
    talk.say(255.1, "b", 1, at(1), sack=[(at(2), at(7))])
    again(talk, 255.2, 1)
    assert verdicts(talk, tmp_path) == ["fast", "fast", "timeout", "fast"]


def test_before_any_rtt_sample_the_shortest_timeout_may_be_an_earlier_connections(tmp_path: Path) -> None:
    """A repeated SYN gives none without timestamps; the kernel then starts from what it kept of the destination."""
    talk = Talk(stamps=False)
    for t_ms in (0, 1020):
        talk.say(t_ms, "a", 0, 0, flags=SYN)
    talk.say(1030, "b", 0, 1, flags=SYN | ACK)
    talk.say(1030.1, "a", 1, 1)
    talk.say(1030.2, "a", 1, 1, 200)
    talk.say(1030.3, "a", 201, 1, 100)
    talk.say(1040, "b", 1, 1, sack=[(201, 301)])
    talk.say(1250, "a", 1, 1, 200)
    assert verdicts(talk, tmp_path) == ["syn", "timeout"]


def test_what_was_sent_again_keeps_the_sender_in_recovery_beyond_its_end(tmp_path: Path) -> None:
    """Data sent since was lost and sent again: it is still marked as lost, and a sender in Recovery does not probe."""
    talk = sent(5)
    talk.say(30, "b", 1, 1, sack=[(at(2), at(5))])
    again(talk, 30.1, 0)
    talk.say(30.2, "a", at(5), 1, MSS)
    again(talk, 30.3, 1)
    talk.say(40.4, "b", 1, 1, sack=[(at(1), at(5))])
    again(talk, 40.5, 0, 5)
    talk.say(50.6, "b", 1, at(5))
    again(talk, 276, 5)
    assert verdicts(talk, tmp_path) == ["fast", "fast", "fast", "fast", "timeout"]


def test_a_proof_that_the_sender_did_not_act_upon_is_none(tmp_path: Path) -> None:
    """The copy was answered 10 us sooner than the shortest round trip: by its original, as the sender's clock had it.

    An original acknowledged beside it ends the timeout's state (F-RTO), so that the tail is probed.
    """
    talk = sent(3, stamps=True)
    again(talk, 260, 0)
    talk.say(269.99, "b", 1, at(2), sack=[(at(0), at(1))], stamps=(1269, 1020))
    again(talk, 545, 2)
    rows = talk.analyse(tmp_path).retransmissions
    assert rows["kind"].to_list() == ["timeout", "tail_loss_probe"]
    assert rows["sent_after_arrived"].to_list() == [False, True]


@pytest.mark.parametrize(("probed", "kind"), [(False, "fast"), (True, "timeout")])
def test_a_dsack_does_not_undo_a_timeout_while_a_probes_may_follow(probed: bool, kind: str, tmp_path: Path) -> None:
    """``tcp_init_undo`` counts the probe's retransmission too: both copies must be reported."""
    talk = sent(3)
    if probed:
        again(talk, 50, 2)
    again(talk, 280, 0)
    talk.say(290, "b", 1, at(1), sack=[(at(0), at(1))])
    again(talk, 290.1, 1)
    assert verdicts(talk, tmp_path)[-2:] == ["timeout", kind]


@given(steps=STEPS, sack=st.booleans(), stamps=st.booleans())
@settings(max_examples=60)
def test_classes_add_up_whatever_is_sent(
    steps: list[Step], sack: bool, stamps: bool, tmp_path_factory: pytest.TempPathFactory
) -> None:
    talk, t_ms = Talk(sack=sack, stamps=stamps), 20
    talk.handshake()
    for action, segment, length, wait_ms in steps:
        t_ms += wait_ms
        if action == "data":
            talk.say(t_ms, "a", at(segment), 1, MSS)
        elif action == "fin":
            talk.say(t_ms, "a", at(segment), 1, flags=FIN | ACK)
        elif action == "ack" or not sack:
            talk.say(t_ms, "b", 1, at(segment))
        else:
            talk.say(t_ms, "b", 1, 1, sack=[(at(segment), at(segment + length))])
    analysis = talk.analyse(tmp_path_factory.getbasetemp())
    row = one(analysis)
    own = analysis.packets.filter(analysis.packets["direction"] == 0)
    kinds = Counter(own["kind"])
    assert set(kinds) <= set(SEGMENT_KINDS)
    assert {name: row[f"a_retransmits_{name}"] for name in CLASSES} == {name: kinds[name] for name in CLASSES}
    assert row["a_retransmitted_segments"] == sum(kinds[name] for name in CLASSES)
    assert row["a_spurious_retransmits"] == own["spurious"].sum() <= row["a_retransmitted_segments"]
    distinct = own.filter(own["payload_bytes"] > 0)["seq_offset_bytes"].n_unique()
    assert row["a_unique_payload_bytes"] <= MSS * distinct
    assert row["a_payload_bytes"] == MSS * row["a_data_segments"]
