"""The definition of duplicate ACKs, case by case."""

from __future__ import annotations

import pytest

from tests.accuracy.ack_truth import mark_duplicates
from tests.accuracy.frames import ACK, FIN, SYN, Frame

A, B = (b"\n\0\0\1", 1000), (b"\n\0\0\2", 80)


def data(number: int, seq: int, payload: int = 100, flags: int = ACK) -> Frame:
    return Frame(number, number, A, B, seq, 1, flags, 100, payload, number, -1, -1)


def ack(number: int, acked: int, window: int = 500, payload: int = 0, flags: int = ACK) -> Frame:
    return Frame(number, number, B, A, 1, acked, flags, window, payload, number, -1, -1)


@pytest.mark.parametrize(
    ("answer", "duplicate"),
    [
        (ack(5, 200), True),
        (ack(5, 200, window=501), False),
        (ack(5, 300), False),
        (ack(5, 150), False),
        (ack(5, 200, payload=1), False),
        (ack(5, 200, flags=ACK | FIN), False),
    ],
)
def test_the_same_ack_again_while_data_is_outstanding(answer: Frame, duplicate: bool) -> None:
    sent = [data(1, 100), data(2, 200), data(4, 300)]
    mark_duplicates(sent, [ack(3, 200), answer])
    assert ("duplicate_ack" in answer.truth) is duplicate


def test_nothing_outstanding_makes_none() -> None:
    answers = [ack(2, 200), ack(3, 200)]
    mark_duplicates([data(1, 100)], answers)
    assert not any(answer.truth for answer in answers)


def test_ports_used_again_begin_anew() -> None:
    answer = ack(6, 5001)
    mark_duplicates([data(1, 100), data(4, 5000, 0, SYN), data(5, 5001)], [ack(2, 200), ack(3, 200), answer])
    assert not answer.truth
