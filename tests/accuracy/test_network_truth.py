"""What two captures tell of the network between them."""

from __future__ import annotations

from dataclasses import replace

from tests.accuracy.frames import ACK, Frame
from tests.accuracy.network_truth import UNJUDGED, follow, mark_needless, mark_received

ENDS = (b"\n\0\0\1", 1000), (b"\n\0\0\2", 80)


def frame(seq: int, ip_id: int, *truth: str) -> Frame:
    return Frame(1, 0, *ENDS, seq, 1, ACK, 100, 100, ip_id, -1, -1, set(truth))


def arrive(*sent: Frame) -> list[Frame]:
    return [replace(one, truth=set()) for one in sent]


def test_a_copy_is_what_arrives_twice() -> None:
    sent = [frame(0, 1)]
    received = arrive(sent[0], sent[0])
    mark_received(sent, received, follow(sent, received))
    assert [one.truth for one in received] == [set(), {"network_duplicate"}]


def test_an_overtaken_packet_is_out_of_order_unless_it_was_sent_again() -> None:
    sent = [frame(0, 1), frame(100, 2), frame(0, 3, "fast"), frame(200, 4)]
    received = arrive(sent[1], sent[0], sent[3], sent[2])
    mark_received(sent, received, follow(sent, received))
    assert [one.truth for one in received] == [set(), {"out_of_order"}, set(), {UNJUDGED}]


def test_needless_is_what_was_delivered_by_earlier_packets() -> None:
    sent = [frame(0, 1), frame(100, 2), frame(0, 3, "fast"), frame(100, 4, "fast")]
    received = arrive(sent[0], sent[2], sent[3])
    mark_needless(sent, follow(sent, received))
    assert [one.truth for one in sent[2:]] == [{"fast", "spurious"}, {"fast"}]
