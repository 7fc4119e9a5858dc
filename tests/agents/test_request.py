"""Request and response, whole and in pieces."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from netemu.agents.programs import check_args
from netemu.agents.request import spread
from netemu.errors import BadInput
from tests.agents.harness import MS, Bench, Namespace, go

SIZES = {"request_bytes": 1001, "response_bytes": 20_000}


@pytest.mark.lab
@pytest.mark.parametrize("mode", ["blocking", "nonblocking", "timeout"])
def test_requests_are_answered(bench: Bench, cage: Namespace, mode: str) -> None:
    server = bench.agent("respond", cage, port=5001, mode=mode, **SIZES)
    client = bench.agent("request", cage, address="127.0.0.1", port=5001, count=20, mode=mode, **SIZES)
    go(server, client)
    summary = client.result()
    assert (summary["requests"], summary["sent_bytes"], summary["received_bytes"]) == (20, 20_020, 400_000)
    assert summary["mismatch_bytes"] == server.result()["mismatch_bytes"] == 0


@pytest.mark.lab
def test_a_request_in_three_writes(bench: Bench, cage: Namespace) -> None:
    server = bench.agent("respond", cage, port=5001, delay_ns=5 * MS, writes=2, **SIZES)
    client = bench.agent(
        "request", cage, address="127.0.0.1", port=5001, count=2, writes=3, think_ns=30 * MS, nodelay=True, **SIZES
    )
    go(server, client)
    summary = client.result()
    sends = [line for line in bench.log(client) if line["call"] == "send"]
    assert [line["asked_bytes"] for line in sends] == [334, 334, 333] * 2
    assert summary["response_ns"]["min"] >= 5 * MS
    assert sends[3]["t_ns"] - sends[0]["t_ns"] >= 35 * MS
    server.result()
    assert [line["asked_bytes"] for line in bench.log(server) if line["call"] == "send"] == [10_000] * 4


def test_more_writes_than_bytes_are_refused() -> None:
    with pytest.raises(BadInput, match="'writes': 5 is more than request_bytes"):
        check_args(
            "request", {"address": "::1", "port": 1, "request_bytes": 4, "response_bytes": 0, "writes": 5}, "here"
        )


@given(st.lists(st.integers(0, 10**12), min_size=1))
def test_spread_is_in_order_and_made_of_the_values(times: list[int]) -> None:
    found = spread(times)
    assert found is not None
    assert list(found.values()) == sorted(found.values())
    assert set(found.values()) <= set(times)
    assert (found["min"], found["max"]) == (min(times), max(times))


def test_nothing_has_no_spread() -> None:
    assert spread([]) is None
