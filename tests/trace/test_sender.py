"""What a packet's sequence space is to its sender: conversations told by hand, one per rule."""

from __future__ import annotations

from pathlib import Path

from tests.trace.build import ACK, FIN, PSH, RST, SYN, Talk, one

MSS = 1448


def started(**options: object) -> Talk:
    talk = Talk(**options)  # type: ignore[arg-type]
    talk.handshake()
    return talk


def burst(talk: Talk, t_ms: float, first: int, count: int) -> None:
    for i in range(count):
        talk.say(t_ms + i / 100, "a", 1 + (first + i) * MSS, 1, MSS)


def test_new_data_is_new_and_counts_once(tmp_path: Path) -> None:
    talk = started()
    burst(talk, 20, 0, 3)
    talk.say(30, "b", 1, 1 + 3 * MSS)
    row = one(talk.analyse(tmp_path))
    assert (row["a_data_segments"], row["a_payload_bytes"], row["a_unique_payload_bytes"]) == (3, 3 * MSS, 3 * MSS)
    assert row["a_retransmitted_segments"] == 0
    assert (row["a_mss_announced_bytes"], row["a_mss_used_bytes"], row["a_window_scale"]) == (1460, MSS, 7)


def test_sack_above_a_hole_makes_a_fast_retransmission(tmp_path: Path) -> None:
    talk = started()
    burst(talk, 20, 0, 5)
    for i in range(2, 6):
        talk.say(30 + i / 100, "b", 1, 1, sack=[(1 + MSS, 1 + i * MSS)])
    talk.say(30.1, "a", 1, 1, MSS)
    talk.say(40.2, "b", 1, 1 + 5 * MSS)
    assert talk.kinds(tmp_path) == ["new"] * 6 + ["fast"]
    row = one(talk.analyse(tmp_path))
    assert (row["a_retransmits_fast"], row["a_unique_payload_bytes"]) == (1, 5 * MSS)
    assert row["b_duplicate_acks"] == 3  # the first of them changes the window: a SYN's is not scaled
    assert row["b_sack_blocks"] == 4


def test_three_duplicate_acks_without_sack_make_a_fast_retransmission(tmp_path: Path) -> None:
    talk = started(sack=False)
    burst(talk, 20, 0, 5)
    for i in range(4):
        talk.say(30 + i / 100, "b", 1, 1)
    talk.say(30.05, "a", 1, 1, MSS)
    assert talk.kinds(tmp_path)[-1] == "fast"


def test_a_silent_tail_is_probed_and_then_timed_out(tmp_path: Path) -> None:
    talk = started()
    burst(talk, 20, 0, 3)
    talk.say(48, "a", 1 + 2 * MSS, 1, MSS)
    talk.say(260, "a", 1, 1, MSS)
    talk.say(680, "a", 1, 1, MSS)
    assert talk.kinds(tmp_path) == ["new"] * 4 + ["tail_loss_probe", "timeout", "timeout"]


def test_without_sack_there_is_no_tail_loss_probe(tmp_path: Path) -> None:
    talk = started(sack=False)
    burst(talk, 20, 0, 1)
    talk.say(240, "a", 1, 1, MSS)
    assert talk.kinds(tmp_path)[-1] == "timeout"


def test_what_follows_a_timeout_until_recovery_is_of_its_class(tmp_path: Path) -> None:
    talk = started(sack=False)
    burst(talk, 20, 0, 4)
    talk.say(240, "a", 1, 1, MSS)
    talk.say(250, "b", 1, 1 + MSS)
    talk.say(250.1, "a", 1 + MSS, 1, MSS)
    talk.say(250.2, "a", 1 + 2 * MSS, 1, MSS)
    talk.say(260, "b", 1, 1 + 4 * MSS)
    talk.say(261, "a", 1 + 4 * MSS, 1, MSS)
    assert talk.kinds(tmp_path) == ["new"] * 5 + ["timeout"] * 3 + ["new"]


def test_syn_syn_ack_and_fin_have_classes_of_their_own(tmp_path: Path) -> None:
    talk = Talk()
    talk.say(0, "a", 0, 0, flags=SYN)
    talk.say(1000, "a", 0, 0, flags=SYN)
    talk.say(1010, "b", 0, 1, flags=SYN | ACK)
    talk.say(2010, "b", 0, 1, flags=SYN | ACK)
    talk.say(2011, "a", 1, 1)
    talk.say(2020, "a", 1, 1, flags=FIN | ACK)
    talk.say(2300, "a", 1, 1, flags=FIN | ACK)
    talk.say(2310, "b", 1, 2, flags=FIN | ACK)
    row = one(talk.analyse(tmp_path))
    assert (row["a_retransmits_syn"], row["b_retransmits_syn_ack"], row["a_retransmits_fin"]) == (1, 1, 1)
    assert (row["a_retransmitted_segments"], row["b_retransmitted_segments"]) == (2, 1)
    assert row["complete"] is True


def test_an_answer_to_a_copied_syn_is_sent_again_and_a_copied_answer_is_not(tmp_path: Path) -> None:
    """Both have the same timestamps; the server's kernel answers each copy of the SYN that reaches it."""
    talk = Talk()
    talk.say(0, "a", 0, 0, flags=SYN, ip_id=0)
    talk.say(0.0001, "b", 0, 1, flags=SYN | ACK, ip_id=0)
    talk.say(0.0002, "a", 0, 0, flags=SYN, ip_id=0)
    talk.say(0.0003, "b", 0, 1, flags=SYN | ACK, ip_id=0)
    talk.say(0.0004, "b", 0, 1, flags=SYN | ACK, ip_id=0)
    packets = talk.analyse(tmp_path).packets
    assert packets["kind"].to_list() == ["new", "new", "none", "syn_ack", "none"]
    assert packets["network_duplicate"].to_list() == [False, False, True, False, True]


def test_a_fin_with_payload_is_of_its_triggers_class(tmp_path: Path) -> None:
    talk = started()
    talk.say(20, "a", 1, 1, 100, flags=FIN | PSH | ACK)
    talk.say(250, "a", 1, 1, 100, flags=FIN | PSH | ACK)
    assert talk.kinds(tmp_path)[-1] == "tail_loss_probe"


def test_simultaneous_open_retransmits_nothing(tmp_path: Path) -> None:
    talk = Talk()
    talk.say(0, "a", 0, 0, flags=SYN)
    talk.say(1, "b", 0, 0, flags=SYN)
    talk.say(10, "a", 0, 1, flags=SYN | ACK)
    talk.say(11, "b", 0, 1, flags=SYN | ACK)
    talk.say(20, "a", 1, 1, 100)
    row = one(talk.analyse(tmp_path))
    assert row["a_retransmitted_segments"] == row["b_retransmitted_segments"] == 0
    assert row["client"] == "10.0.0.1:40000"


def test_zero_window_probes_are_no_keepalives(tmp_path: Path) -> None:
    talk = started()
    talk.say(20, "a", 1, 1, MSS)
    talk.say(30, "b", 1, 1 + MSS, window=0)
    for t_ms in (240, 660, 1500):
        talk.say(t_ms, "a", MSS, 1)
        talk.say(t_ms + 10, "b", 1, 1 + MSS, window=0)
    talk.say(2000, "b", 1, 1 + MSS, window=500)
    talk.say(2001, "a", 1 + MSS, 1, MSS)
    row = one(talk.analyse(tmp_path))
    assert (row["a_window_probes"], row["a_keepalives"], row["b_zero_windows"]) == (3, 0, 4)
    assert (row["a_retransmitted_segments"], row["a_unique_payload_bytes"]) == (0, 2 * MSS)


def test_probes_of_one_byte_beyond_a_closed_window_are_probes(tmp_path: Path) -> None:
    talk = started()
    talk.say(20, "a", 1, 1, MSS)
    talk.say(30, "b", 1, 1 + MSS, window=0)
    for t_ms in (240, 660):
        talk.say(t_ms, "a", 1 + MSS, 1, 1)
        talk.say(t_ms + 10, "b", 1, 1 + MSS, window=0)
    row = one(talk.analyse(tmp_path))
    assert (row["a_window_probes"], row["a_retransmitted_segments"]) == (2, 0)


def test_keepalives_of_both_forms(tmp_path: Path) -> None:
    talk = started()
    talk.say(20, "a", 1, 1, 100)
    talk.say(30, "b", 1, 101)
    talk.say(7_200_000, "a", 100, 1)
    talk.say(7_200_010, "b", 1, 101)
    talk.say(14_400_000, "a", 100, 1, 1)
    talk.say(14_400_010, "b", 1, 101)
    row = one(talk.analyse(tmp_path))
    assert (row["a_keepalives"], row["a_window_probes"], row["a_retransmitted_segments"]) == (2, 0, 0)


def test_a_full_segment_sent_again_into_a_closed_window_is_a_timeout(tmp_path: Path) -> None:
    talk = started(sack=False)
    burst(talk, 20, 0, 2)
    talk.say(30, "b", 1, 1 + MSS, window=0)
    talk.say(260, "a", 1 + MSS, 1, MSS)
    assert talk.kinds(tmp_path)[-1] == "timeout"


def test_reordering_seen_at_the_receiver_is_no_retransmission(tmp_path: Path) -> None:
    talk = started()
    talk.say(20, "a", 1, 1, MSS, ip_id=200, stamps=(1020, 1009))
    talk.say(20.1, "a", 1 + 2 * MSS, 1, MSS, ip_id=202, stamps=(1020, 1009))
    talk.say(20.2, "a", 1 + MSS, 1, MSS, ip_id=201, stamps=(1020, 1009))
    row = one(talk.analyse(tmp_path))
    assert (row["a_out_of_order_segments"], row["a_retransmitted_segments"]) == (1, 0)
    assert row["a_unique_payload_bytes"] == 3 * MSS


def test_a_hole_filled_by_a_later_packet_is_a_retransmission(tmp_path: Path) -> None:
    talk = started()
    talk.say(20, "a", 1, 1, MSS, stamps=(1020, 1009))
    talk.say(20.1, "a", 1 + 2 * MSS, 1, MSS, stamps=(1020, 1009))
    talk.say(20.2, "b", 1, 1 + MSS, sack=[(1 + 2 * MSS, 1 + 3 * MSS)])
    talk.say(30.3, "a", 1 + MSS, 1, MSS, stamps=(1030, 1020))
    row = one(talk.analyse(tmp_path))
    assert (row["a_out_of_order_segments"], row["a_retransmits_fast"]) == (0, 1)
    assert row["a_unique_payload_bytes"] == 3 * MSS


def test_a_copy_made_by_the_network_is_neither(tmp_path: Path) -> None:
    talk = started()
    talk.say(20, "a", 1, 1, MSS, ip_id=200, stamps=(1020, 1009))
    talk.say(20.1, "a", 1, 1, MSS, ip_id=200, stamps=(1020, 1009))
    analysis = talk.analyse(tmp_path)
    row = one(analysis)
    assert (row["a_retransmitted_segments"], row["a_out_of_order_segments"]) == (0, 0)
    assert analysis.packets["network_duplicate"].to_list() == [False] * 4 + [True]


def test_one_lost_run_filled_from_both_ends(tmp_path: Path) -> None:
    talk = started(stamps=False)
    talk.say(20, "a", 1, 1, 100)
    talk.say(20.1, "a", 501, 1, 100)
    for t_ms, start in ((40, 401), (41, 101), (42, 201), (43, 301)):
        talk.say(t_ms, "a", start, 1, 100)
    row = one(talk.analyse(tmp_path))
    assert row["a_unique_payload_bytes"] == 600
    assert row["a_retransmitted_segments"] == 4


def test_jumbo_frames_and_super_segments_are_told_apart(tmp_path: Path) -> None:
    """What the receiver's MSS allows is a packet of the path's; what it does not is several put together."""
    for mss, payload, jumbo, together in (
        (8960, 8948, 3, 0),
        (1460, 8948, 0, 3),
        (1460, 1448, 0, 0),
        (8960, 9000, 0, 3),
    ):
        talk = Talk(mss=mss)
        talk.handshake()
        for k in range(3):
            talk.say(20 + k, "a", 1 + k * payload, 1, payload)
        row = one(talk.analyse(tmp_path))
        assert (row["a_jumbo_segments"], row["a_super_segments"]) == (jumbo, together), mss
        assert (row["b_jumbo_segments"], row["b_super_segments"]) == (0, 0)


def test_super_segments_are_counted_as_the_kernel_counts_them(tmp_path: Path) -> None:
    talk = started()
    talk.say(20, "a", 1, 1, 3 * MSS)
    talk.say(20.1, "a", 1 + 3 * MSS, 1, MSS)
    talk.say(30, "b", 1, 1, sack=[(1 + 3 * MSS, 1 + 4 * MSS)])
    talk.say(30.1, "a", 1, 1, 3 * MSS)
    analysis = talk.analyse(tmp_path)
    row = one(analysis)
    assert (row["a_retransmits_fast"], row["a_mss_used_bytes"]) == (3, MSS)
    assert any("super-segments" in warning for warning in analysis.warnings)


def test_sequence_numbers_wrap(tmp_path: Path) -> None:
    talk = started(isn={"a": 0xFFFFFF00, "b": 0xFFFFFFF0})
    burst(talk, 20, 0, 4)
    talk.say(30, "b", 1, 1 + 4 * MSS)
    analysis = talk.analyse(tmp_path)
    row = one(analysis)
    assert (row["a_unique_payload_bytes"], row["a_retransmitted_segments"]) == (4 * MSS, 0)
    assert analysis.packets["seq_offset_bytes"].to_list()[3:7] == [1 + i * MSS for i in range(4)]
    assert analysis.packets["ack_offset_bytes"][-1] == 1 + 4 * MSS


def test_a_stray_segment_moves_nothing(tmp_path: Path) -> None:
    talk = started()
    talk.say(20, "a", 1, 1, 100)
    talk.say(21, "a", 0x60000000, 1, 100)
    talk.say(22, "a", 101, 1, 100)
    analysis = talk.analyse(tmp_path)
    assert one(analysis)["a_unique_payload_bytes"] == 200
    assert any("far outside" in warning for warning in analysis.warnings)


def test_a_reset_with_any_number_moves_nothing(tmp_path: Path) -> None:
    talk = started()
    talk.say(20, "a", 1, 1, 100)
    talk.say(21, "b", 1, 101)
    talk.say(22, "a", 50_000, 0, flags=RST)
    analysis = talk.analyse(tmp_path)
    assert one(analysis)["complete"] is True
    assert analysis.packets["kind"][-1] == "none"
    assert analysis.packets["flight_bytes"][-1] == 0


def test_a_capture_that_begins_in_the_middle(tmp_path: Path) -> None:
    talk = Talk()
    talk.say(0, "a", 90_001, 70_001, MSS)
    talk.say(1, "b", 70_001, 90_001 + MSS)
    talk.say(2, "a", 90_001 + MSS, 70_001, MSS)
    analysis = talk.analyse(tmp_path)
    row = one(analysis)
    assert (row["client"], row["server"], row["complete"]) == ("10.0.0.1:40000", "10.0.0.2:80", False)
    assert (row["a_unique_payload_bytes"], row["a_mss_announced_bytes"], row["a_window_scale"]) == (2 * MSS, None, None)
    assert analysis.packets["seq_offset_bytes"].to_list() == [1, 1, 1 + MSS]
    assert analysis.packets["window_bytes"].to_list() == [500, 500, 500]


def test_data_in_the_syn_belongs_to_the_stream(tmp_path: Path) -> None:
    talk = Talk()
    talk.say(0, "a", 0, 0, 200, flags=SYN)
    talk.say(10, "b", 0, 201, flags=SYN | ACK)
    talk.say(11, "a", 201, 1, 100)
    row = one(talk.analyse(tmp_path))
    assert (row["a_unique_payload_bytes"], row["a_retransmitted_segments"], row["a_data_segments"]) == (300, 0, 2)


def test_every_copy_of_a_packet_is_a_copy_however_many_there_are(tmp_path: Path) -> None:
    """A capture that saw each packet four times (a mirror port, several interfaces)."""
    talk = started()
    for i in range(5):
        for copy in range(4):
            talk.say(20 + i + copy / 10, "a", 1 + i * MSS, 1, MSS, ip_id=300 + i, stamps=(1020 + i, 1010))
    analysis = talk.analyse(tmp_path)
    row = one(analysis)
    assert (row["a_retransmitted_segments"], analysis.packets["network_duplicate"].sum()) == (0, 15)
    assert row["a_unique_payload_bytes"] == 5 * MSS


def test_a_copy_at_the_same_instant_needs_no_identification(tmp_path: Path) -> None:
    talk = Talk(stamps=False)
    for _ in range(2):
        talk.say(0, "a", 0, 0, flags=SYN, ip_id=0)
    talk.say(10, "b", 0, 1, flags=SYN | ACK)
    talk.say(10.01, "a", 1, 1)
    for _ in range(3):
        talk.say(20, "a", 1, 1, MSS, ip_id=0)
    analysis = talk.analyse(tmp_path)
    assert (one(analysis)["a_retransmitted_segments"], analysis.packets["network_duplicate"].sum()) == (0, 3)


def test_a_stack_that_numbers_every_packet_alike_sends_again_all_the_same(tmp_path: Path) -> None:
    talk = Talk(stamps=False)
    for t_ms in (0, 3000, 9000):
        talk.say(t_ms, "a", 0, 0, flags=SYN, ip_id=1)
    talk.say(9010, "b", 0, 1, flags=SYN | ACK)
    talk.say(9010.01, "a", 1, 1, ip_id=1)
    for t_ms in (9020, 10_020):
        talk.say(t_ms, "a", 1, 1, MSS, ip_id=1)
    row = one(talk.analyse(tmp_path))
    assert (row["a_retransmits_syn"], row["a_retransmitted_segments"]) == (2, 3)
