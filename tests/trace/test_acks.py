"""What acknowledgements tell of the sender: RTT, D-SACK, Eifel, duplicate ACKs, path MTU from sizes."""

from __future__ import annotations

from pathlib import Path

import polars as pl

from tests.trace.build import ACK, FIN, SYN, Talk, one

MSS = 1448


def started(**options: object) -> Talk:
    talk = Talk(**options)  # type: ignore[arg-type]
    talk.handshake()
    return talk


def test_rtt_is_taken_from_the_newest_segment_acknowledged(tmp_path: Path) -> None:
    talk = started()
    talk.say(20, "a", 1, 1, MSS)
    talk.say(24, "a", 1 + MSS, 1, MSS)
    talk.say(30, "b", 1, 1 + 2 * MSS)
    talk.say(40, "a", 1 + 2 * MSS, 1, MSS)
    talk.say(49, "b", 1, 1 + 3 * MSS)
    analysis = talk.analyse(tmp_path)
    assert analysis.rtt.select("direction", "t_ns", "rtt_ns").rows() == [
        (0, 30_000_000, 6_000_000),
        (0, 49_000_000, 9_000_000),
    ]
    assert (one(analysis)["a_rtt_min_ns"], one(analysis)["a_rtt_median_ns"]) == (6_000_000, 7_500_000)
    assert one(analysis)["b_rtt_min_ns"] is None


def test_retransmitted_data_gives_no_rtt(tmp_path: Path) -> None:
    talk = started()
    talk.say(20, "a", 1, 1, MSS)
    talk.say(250, "a", 1, 1, MSS)
    talk.say(251, "b", 1, 1 + MSS)
    assert talk.analyse(tmp_path).rtt.height == 0


def test_an_echo_older_than_the_retransmission_flags_it(tmp_path: Path) -> None:
    talk = started()
    talk.say(20, "a", 1, 1, MSS)
    talk.say(250, "a", 1, 1, MSS)
    talk.say(255, "b", 1, 1 + MSS, stamps=(1255, 1020))
    analysis = talk.analyse(tmp_path)
    assert analysis.packets.filter(pl.col("kind") == "tail_loss_probe")["spurious"].to_list() == [True]


def test_an_echo_of_the_retransmission_proves_nothing(tmp_path: Path) -> None:
    talk = started()
    talk.say(20, "a", 1, 1, MSS)
    talk.say(250, "a", 1, 1, MSS)
    talk.say(260, "b", 1, 1 + MSS, stamps=(1260, 1250))
    assert one(talk.analyse(tmp_path))["a_spurious_retransmits"] == 0


def test_the_echoed_time_gives_the_rtt_where_everything_was_sent_again(tmp_path: Path) -> None:
    """The ACK answers the first of two retransmissions, of 10 ms ago: neither the other, nor an original."""
    talk = Talk(stamps=True)
    talk.handshake()
    for i in range(3):
        talk.say(20, "a", 1 + MSS * i, 1, MSS)
    for i, t_ms in enumerate((520, 525)):
        talk.say(t_ms, "a", 1 + MSS * i, 1, MSS)
    talk.say(530, "b", 1, 1 + 2 * MSS, stamps=(1530, 1520))
    talk.say(1030, "a", 1 + 2 * MSS, 1, MSS)
    rows = talk.analyse(tmp_path).retransmissions
    assert rows["start_offset_bytes"].to_list() == [1, 1 + MSS, 1 + 2 * MSS]
    assert rows["rto_ns"][2] == 210_000_000


def test_sending_what_was_acknowledged_is_spurious(tmp_path: Path) -> None:
    talk = started()
    talk.say(20, "a", 1, 1, MSS)
    talk.say(20.1, "b", 1, 1 + MSS)
    talk.say(250, "a", 1, 1, MSS)
    row = one(talk.analyse(tmp_path))
    assert (row["a_retransmitted_segments"], row["a_spurious_retransmits"]) == (1, 1)


def test_duplicate_acks_need_outstanding_data_and_the_same_window(tmp_path: Path) -> None:
    talk = started()
    talk.say(20, "b", 1, 1)
    talk.say(21, "b", 1, 1)  # nothing is outstanding
    talk.say(22, "a", 1, 1, MSS)
    talk.say(23, "b", 1, 1)  # a duplicate
    talk.say(24, "b", 1, 1, window=600)  # a window update
    talk.say(25, "b", 1, 1, 10, window=600)  # carries data
    talk.say(26, "b", 11, 1, flags=FIN | ACK, window=600)  # a FIN
    talk.say(27, "b", 12, 1, window=600)
    analysis = talk.analyse(tmp_path)
    assert analysis.packets.filter(pl.col("duplicate_ack"))["t_ns"].to_list() == [23_000_000, 27_000_000]


def test_flight_is_what_is_sent_and_not_acknowledged(tmp_path: Path) -> None:
    talk = started()
    talk.say(20, "a", 1, 1, MSS)
    talk.say(21, "a", 1 + MSS, 1, MSS)
    talk.say(30, "b", 1, 1 + MSS)
    talk.say(31, "a", 1 + 2 * MSS, 1, MSS)
    assert talk.analyse(tmp_path).packets["flight_bytes"].to_list() == [1, 1, 0, MSS, 2 * MSS, 0, 2 * MSS]


def test_the_window_is_scaled_after_the_handshake(tmp_path: Path) -> None:
    talk = started(wscale=7)
    talk.say(20, "b", 1, 1, window=1000)
    analysis = talk.analyse(tmp_path)
    assert analysis.packets["window_bytes"].to_list() == [500, 500, 500 << 7, 1000 << 7]
    assert one(analysis)["b_max_window_bytes"] == 1000 << 7


def test_one_side_without_the_option_means_no_scaling(tmp_path: Path) -> None:
    talk = Talk(wscale=7)
    talk.say(0, "a", 0, 0, flags=SYN)
    talk.wscale = None
    talk.say(10, "b", 0, 1, flags=SYN | ACK)
    talk.say(11, "a", 1, 1)
    analysis = talk.analyse(tmp_path)
    assert analysis.packets["window_bytes"].to_list() == [500, 500, 500]
    assert (one(analysis)["a_window_scale"], one(analysis)["b_window_scale"]) == (7, None)


def test_full_sized_packets_that_arrive_prove_the_path_mtu(tmp_path: Path) -> None:
    talk = started()
    talk.say(20, "a", 1, 1, MSS)
    talk.say(30, "b", 1, 1 + MSS)
    assert one(talk.analyse(tmp_path))["a_path_mtu_bytes"] == 1500


def test_packets_that_may_be_fragmented_or_never_arrive_prove_none(tmp_path: Path) -> None:
    talk = started()
    talk.say(20, "a", 1, 1, MSS, df=False)
    talk.say(30, "b", 1, 1 + MSS)
    talk.say(40, "a", 1 + MSS, 1, MSS)
    assert one(talk.analyse(tmp_path))["a_path_mtu_bytes"] is None


def test_a_short_message_proves_none(tmp_path: Path) -> None:
    talk = started()
    talk.say(20, "a", 1, 1, 100)
    talk.say(30, "b", 1, 101)
    assert one(talk.analyse(tmp_path))["a_path_mtu_bytes"] is None


def test_a_size_repeated_back_to_back_proves_it_below_the_mss(tmp_path: Path) -> None:
    talk = started()
    for i in range(3):
        talk.say(20 + i, "a", 1 + i * 1000, 1, 1000)
    talk.say(30, "b", 1, 3001)
    assert one(talk.analyse(tmp_path))["a_path_mtu_bytes"] == 1052


def test_acknowledged_data_that_was_not_captured_is_told(tmp_path: Path) -> None:
    talk = started()
    talk.say(20, "b", 1, 5001)
    talk.say(21, "a", 5001, 1, 100)
    analysis = talk.analyse(tmp_path)
    assert any("does not hold" in warning for warning in analysis.warnings)
    assert one(analysis)["a_unique_payload_bytes"] == 100


def test_frto_tells_a_needless_timeout_where_there_are_no_timestamps(tmp_path: Path) -> None:
    """The network held everything for 230 ms; after the timeout's segment the originals are acknowledged one by one."""
    talk = Talk(stamps=False, sack=False)
    talk.handshake()
    for i in range(3):
        talk.say(20 + i / 10, "a", 1 + 1000 * i, 1, 1000)
    talk.say(240, "a", 1, 1, 1000)
    talk.say(250, "b", 1, 1001)
    talk.say(250.1, "b", 1, 2001)
    row = talk.analyse(tmp_path).retransmissions.row(0, named=True)
    assert (row["kind"], row["spurious_by"]) == ("timeout", "frto")


def test_an_ack_of_all_that_was_buffered_is_no_sign_of_a_needless_timeout(tmp_path: Path) -> None:
    talk = Talk(stamps=False, sack=False)
    talk.handshake()
    for i in range(3):
        talk.say(20 + i / 10, "a", 1 + 1000 * i, 1, 1000)
    talk.say(240, "a", 1, 1, 1000)
    talk.say(250, "b", 1, 3001)
    assert talk.analyse(tmp_path).retransmissions["spurious_by"].to_list() == ["none"]
