"""Each attribute's texts and numbers, and one clear line for each thing that is no value of it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from netemu.errors import BadInput
from netemu.specs import DropRule, FixedLoss, GilbertElliott, Queue
from netemu.topology.values import (
    parse_cost,
    parse_drops,
    parse_ecn_threshold,
    parse_flag,
    parse_loss,
    parse_mtu_bytes,
    parse_overhead_bytes,
    parse_positive_rate_bps,
    parse_queue,
)

anything = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(["p", "r", "model", "kind", "nth", "port", "packets", "bytes", "x"]), inner)
    ),
    max_leaves=6,
)
PARSERS: list[Callable[[Any, str], Any]] = [
    parse_cost,
    parse_drops,
    parse_flag,
    parse_loss,
    parse_mtu_bytes,
    parse_overhead_bytes,
    parse_positive_rate_bps,
    parse_queue,
    lambda value, place: parse_ecn_threshold(value, Queue(packets=9), place),
]


@given(anything)
def test_any_value_is_read_or_refused_in_one_line_that_names_the_place(value: object) -> None:
    for parse in PARSERS:
        try:
            parse(value, "edge a-b: x")
        except BadInput as error:
            assert str(error).startswith("edge a-b: x")
            assert len(str(error).splitlines()) == 1


@pytest.mark.parametrize(("value", "mtu_bytes"), [(68, 68), ("1280", 1280), (65535, 65535), ("9kB", 9000)])
def test_mtus(value: object, mtu_bytes: int) -> None:
    assert parse_mtu_bytes(value, "x") == mtu_bytes


@pytest.mark.parametrize(
    ("value", "loss"),
    [
        (0.01, FixedLoss(0.01)),
        ("1%", FixedLoss(0.01)),
        ({"model": "fixed", "ratio": "5%"}, FixedLoss(0.05)),
        ({"ratio": 0.5}, FixedLoss(0.5)),
        (FixedLoss(0.2), FixedLoss(0.2)),
        ({"p": "1%", "r": 0.5}, GilbertElliott(0.01, 0.5)),
        ({"model": "gilbert_elliott", "p": 0, "r": 1, "loss_in_bad": 0.5}, GilbertElliott(0.0, 1.0, 0.5)),
        (GilbertElliott(0.1, 0.2, 0.3, 0.4), GilbertElliott(0.1, 0.2, 0.3, 0.4)),
    ],
)
def test_losses(value: object, loss: object) -> None:
    assert parse_loss(value, "x") == loss


@pytest.mark.parametrize(
    ("value", "queue"),
    [
        ("30p", Queue(packets=30)),
        (" 30 p ", Queue(packets=30)),
        ("64KiB", Queue(packets=None, bytes=65536)),
        ({"packets": 3}, Queue(packets=3)),
        ({"bytes": 1500, "packets": None}, Queue(packets=None, bytes=1500)),
        (Queue(bytes=9000), Queue(bytes=9000)),
    ],
)
def test_queues(value: object, queue: Queue) -> None:
    assert parse_queue(value, "x") == queue


def test_drops_are_sorted_and_keep_what_specs_say() -> None:
    given = [{"kind": "new_data", "nth": [5, 3], "port": 5001}, DropRule("syn", (1,)), {"kind": "icmp", "nth": "all"}]
    rules = (DropRule("new_data", (3, 5), 5001), DropRule("syn", (1,)), DropRule("icmp", "all"))
    assert parse_drops(given, "x") == rules


def test_ecn_thresholds_are_in_the_unit_of_the_queue() -> None:
    assert parse_ecn_threshold("20p", Queue(packets=30), "x") == 20
    assert parse_ecn_threshold("3KiB", Queue(bytes=65536), "x") == 3072


@pytest.mark.parametrize(
    ("parse", "value", "reason"),
    [
        (parse_mtu_bytes, 67, "67 is out of range; use 68 (IPv4's minimum) to 65535 bytes"),
        (parse_mtu_bytes, 65536, "65536 is out of range"),
        (parse_mtu_bytes, -1, "-1 is negative"),
        (parse_mtu_bytes, 1500.0, "1500.0 is not a size"),
        (parse_positive_rate_bps, "0Mbit/s", "'0Mbit/s' is zero; use a rate above 0, or leave it out for no limit"),
        (parse_positive_rate_bps, "fast", "'fast' is not a rate such as"),
        (parse_overhead_bytes, 70000, "70000 is more than 65535 bytes"),
        (parse_loss, 1.5, "1.5 is out of range"),
        (parse_loss, "-1%", "'-1%' is out of range"),
        (parse_loss, FixedLoss(2.0), "2.0 is out of range"),
        (parse_loss, GilbertElliott(2.0, 0.1), "p: 2.0 is out of range"),
        (parse_loss, {"p": 0.1}, "lacks 'r'"),
        (parse_loss, {"p": 0.1, "r": 0.1, "q": 1}, "unknown attribute 'q'"),
        (parse_loss, {"model": "markov", "p": 1}, "model: 'markov' is no loss model"),
        (parse_loss, {}, "lacks 'p'"),
        (parse_drops, {"kind": "data", "nth": [1]}, "is not a list of drop rules"),
        (parse_drops, [{"kind": "data"}], "[0]: {'kind': 'data'} lacks 'nth'"),
        (parse_drops, [{"kind": "ping", "nth": [1]}], "[0]: kind: 'ping' is no kind of segment; use one of any, data"),
        (parse_drops, [{"kind": "data", "nth": [0]}], "[0]: nth: 0 is not a whole number from 1 up"),
        (parse_drops, [{"kind": "data", "nth": []}], "nth: [] is neither a list of at least one number"),
        (parse_drops, [{"kind": "data", "nth": 3}], "nth: 3 is neither a list"),
        (parse_drops, [{"kind": "data", "nth": [3, 3]}], "names a packet twice"),
        (parse_drops, [{"kind": "data", "nth": [True]}], "nth: True is not a whole number"),
        (parse_drops, [{"kind": "data", "nth": [1], "port": 0}], "port: 0 is not a port from 1 to 65535"),
        (parse_drops, [{"kind": "data", "nth": [1], "prot": 1}], "did you mean 'port'?"),
        (parse_drops, ["data"], "[0]: 'data' is not a drop rule"),
        (parse_queue, 30, "30 has no unit; use a queue limit such as '30p' (packets) or '64KiB' (bytes), at least 1"),
        (parse_queue, "30", "'30' has no unit"),
        (parse_queue, "0p", "'0p' is zero"),
        (parse_queue, "-3p", "'-3p' is not a queue limit"),
        (parse_queue, {"packets": 3, "bytes": 4}, "sets 2 limits; set packets or bytes"),
        (parse_queue, Queue(packets=None), "sets 0 limits"),
        (parse_queue, {"packets": 0}, "packets: 0 is not a whole number from 1 up"),
        (parse_queue, {"bytes": "1KiB"}, "bytes: '1KiB' is not a whole number"),
        (parse_flag, 1, "1 is not true or false"),
        (parse_cost, -1, "-1 is not a whole number from 0 to 4294967295"),
        (parse_cost, 0.5, "0.5 is not a whole number"),
    ],
)
def test_what_is_refused_and_why(parse: Callable[[object, str], object], value: object, reason: str) -> None:
    with pytest.raises(BadInput, match=r"^edge a-b: x") as caught:
        parse(value, "edge a-b: x")
    assert reason in str(caught.value)


@pytest.mark.parametrize(
    ("value", "queue", "reason"),
    [
        ("20p", Queue(packets=None, bytes=65536), "'20p' is in packets, yet the queue limit '64KiB' is not"),
        ("31p", Queue(packets=30), "'31p' is above the queue limit '30p', so nothing would ever be marked"),
        (20, Queue(packets=30), "20 has no unit"),
    ],
)
def test_ecn_thresholds_that_cannot_be_are_refused(value: object, queue: Queue, reason: str) -> None:
    with pytest.raises(BadInput, match=r"^x: ") as caught:
        parse_ecn_threshold(value, queue, "x")
    assert reason in str(caught.value)
