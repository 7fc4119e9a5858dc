"""What a UDP sink makes of datagrams that are lost, doubled, reordered, corrupt or dropped by its own socket."""

from __future__ import annotations

import ctypes

import pytest

from netemu.agents.datagrams import HEADER
from netemu.agents.payload import Payload
from netemu.agents.udp_sink import Account
from tests.agents.harness import MS, Bench, Namespace, go


def account_of(*numbers: int, flip: bool = False) -> Account:
    account = Account(Payload(1000))
    for number in numbers:
        data = bytearray(HEADER.pack(number, 100 * number) + account.payload.expected(16, 84))
        data[-1] ^= flip
        ctypes.memmove(account.payload.receive_address, bytes(data), 100)
        assert account.take(100, 100 * number + 7) == {"seq": number, "sent_ns": 100 * number}
    return account


def test_gaps_duplicates_and_order_are_told_apart() -> None:
    summary = account_of(0, 1, 4, 3, 3).summary()
    assert (summary["datagrams"], summary["received_bytes"]) == (5, 500)
    assert (summary["lost"], summary["duplicates"], summary["out_of_order"]) == (1, 1, 2)
    assert summary["delay_ns"] == {"min": 7, "median": 7, "p99": 7, "max": 7}
    assert summary["mismatch_bytes"] == 0


def test_wrong_bytes_are_counted() -> None:
    assert account_of(0, 1, flip=True).summary()["mismatch_bytes"] == 2


def test_a_datagram_without_a_header_is_all_wrong() -> None:
    account = Account(Payload(1000))
    assert account.take(5, 0) is None
    assert account.summary()["mismatch_bytes"] == 5


@pytest.mark.lab
def test_drops_of_its_own_socket_are_reported(bench: Bench, cage: Namespace) -> None:
    sink = bench.agent("udp_sink", cage, port=5001, rcvbuf_bytes=5000, start_ns=400 * MS, stop_ns=700 * MS)
    sender = bench.agent("udp_send", cage, address="127.0.0.1", port=5001, count=100, interval_ns=MS)
    go(sink, sender)
    assert sender.result()["datagrams"] == 100
    summary = sink.result()
    assert summary["outcome"] == "deadline"
    assert summary["socket_drops"] == 100 - summary["datagrams"] > 0


@pytest.mark.lab
def test_each_receipt_is_logged_with_number_and_send_time(bench: Bench, cage: Namespace) -> None:
    sink = bench.agent("udp_sink", cage, port=5001, family=6, count=3)
    sender = bench.agent("udp_send", cage, address="::1", port=5001, count=3, interval_ns=MS, size_bytes=16)
    go(sink, sender)
    sender.result()
    sink.result()
    receipts = [line for line in bench.log(sink) if line["call"] == "recv"]
    sends = [line for line in bench.log(sender) if line["call"] == "send"]
    assert [line["detail"] for line in receipts] == [
        {"seq": number, "sent_ns": line["t_ns"]} for number, line in enumerate(sends)
    ]
