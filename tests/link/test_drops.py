from __future__ import annotations

import pytest

from netemu.link.drops import DropList
from netemu.link.headers import Headers, parse_headers
from netemu.link.parameters import DropParameters
from tests.link.packets import ipv4, ipv6, tcp, udp

FIN, SYN, RST, ACK = 1, 2, 4, 16


def segment(payload: int = 0, **fields: object) -> Headers:
    headers = parse_headers(ipv4(6, tcp(bytes(payload), **fields)))
    assert headers is not None
    return headers


def dropped(kind: str, nth: tuple[int, ...] | None, arriving: list[Headers], port: int | None = None) -> list[int]:
    """The positions, from 0, of the packets that a list of one rule drops."""
    rules = DropList([DropParameters(kind, nth, port)])
    return [at for at, headers in enumerate(arriving) if rules.drops(headers)]


def test_retransmissions_count_as_data_and_not_as_new_data() -> None:
    flow = [segment(flags=SYN, seq=99), segment(100, seq=100), segment(100, seq=200), segment(100, seq=100)]
    flow += [segment(100, seq=300)]
    assert dropped("data", (1, 3), flow) == [1, 3]
    assert dropped("new_data", (1, 3), flow) == [1, 4]


def test_a_rule_for_all_drops_every_packet_of_its_kind_and_none_is_unmet() -> None:
    flow = [segment(flags=SYN), segment(100), segment(), segment(100)]
    assert dropped("data", None, flow) == [1, 3]
    assert DropList([DropParameters("icmp", None, None)]).unmet() == []


def test_new_data_is_per_connection_and_survives_the_wrap() -> None:
    one = [segment(100, seq=2**32 - 50, ports=(1, 2)), segment(100, seq=50, ports=(1, 2))]
    other = [segment(100, seq=10, ports=(3, 2))]
    assert dropped("new_data", (1, 2, 3), [*one, *other, one[0], one[1]]) == [0, 1, 2]


def test_a_new_syn_begins_the_connection_anew() -> None:
    flow = [segment(100, seq=5000), segment(flags=SYN, seq=10), segment(100, seq=11)]
    assert dropped("new_data", (2,), flow) == [2]


def test_a_segment_that_is_partly_new_is_new() -> None:
    assert dropped("new_data", (2,), [segment(100, seq=100), segment(150, seq=100)]) == [1]


def test_a_window_update_opens_a_closed_window() -> None:
    flow = [segment(window=0), segment(window=0), segment(10, window=5), segment(window=0), segment(window=7)]
    flow += [segment(window=9)]
    assert dropped("window_update", (1,), flow) == [4]  # the data segment opened it too, but is no pure ACK


@pytest.mark.parametrize(
    ("kind", "expected"),
    [
        ("any", [0, 1, 2, 3, 4, 5, 6, 7, 8]),
        ("syn", [0]),
        ("syn_ack", [1]),
        ("ack", [2]),
        ("data", [3]),
        ("fin", [4]),
        ("rst", [5]),
        ("udp", [6]),
        ("icmp", [7]),
    ],
)
def test_each_kind_means_what_the_spec_says(kind: str, expected: list[int]) -> None:
    arriving = [
        segment(flags=SYN),
        segment(flags=SYN | ACK),
        segment(),
        segment(5),
        segment(flags=FIN | ACK),
        segment(flags=RST | ACK),
        parse_headers(ipv4(17, udp(b"x"))),
        parse_headers(ipv6(58, bytes((2, 0)) + bytes(6))),
        parse_headers(ipv6(58, bytes((135, 0)) + bytes(6))),
    ]
    assert dropped(kind, tuple(range(1, 10)), [headers for headers in arriving if headers is not None]) == expected


def test_a_port_restricts_the_count_to_either_end() -> None:
    arriving = [segment(5, ports=(80, 9)), segment(5, ports=(9, 80)), segment(5, ports=(7, 9))]
    assert dropped("data", (2,), arriving, port=80) == [1]
    assert dropped("data", (1,), arriving, port=7) == [2]


def test_every_rule_counts_what_another_drops() -> None:
    rules = DropList([DropParameters("any", (1,), None), DropParameters("data", (2,), None)])
    assert [rules.drops(segment(5, seq=5 * n)) for n in range(3)] == [True, True, False]


def test_what_never_came_is_told() -> None:
    rules = DropList([DropParameters("data", (1, 3), 80), DropParameters("any", (1,), None)])
    rules.drops(segment(5, ports=(80, 1)))
    assert rules.unmet() == ["data port 80: saw 1, asked to drop number 3"]
