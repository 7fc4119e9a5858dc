"""Datagrams at a constant rate."""

from __future__ import annotations

from typing import Any

import pytest

from netemu.agents.programs import check_args
from netemu.errors import BadInput
from tests.agents.harness import MS, Bench, Namespace, go

CLIENT = {"address": "127.0.0.1", "port": 5001}


@pytest.mark.lab
@pytest.mark.parametrize("pace", [{"rate_bps": 8_000_000}, {"interval_ns": MS}])
def test_the_rate_is_kept(bench: Bench, cage: Namespace, pace: dict[str, Any]) -> None:
    sink = bench.agent("udp_sink", cage, port=5001, count=200)
    sender = bench.agent("udp_send", cage, count=200, size_bytes=1000, **pace, **CLIENT)
    go(sink, sender)
    summary = sender.result()
    assert (summary["datagrams"], summary["failed"], summary["sent_bytes"]) == (200, 0, 200_000)
    times = [line["t_ns"] for line in bench.log(sender)]
    assert times[-1] - times[0] == pytest.approx(199 * MS, abs=20 * MS)
    received = sink.result()
    assert (received["datagrams"], received["lost"], received["mismatch_bytes"]) == (200, 0, 0)


@pytest.mark.lab
def test_icmp_errors_are_logged_and_sending_goes_on(bench: Bench, cage: Namespace) -> None:
    sender = bench.agent("udp_send", cage, count=4, interval_ns=10 * MS, **CLIENT)
    sender.go()
    summary = sender.result()
    assert summary["datagrams"] + summary["failed"] == 4
    assert summary["errors"] == {"ECONNREFUSED": summary["failed"]}
    assert summary["failed"] >= 1


def test_exactly_one_pace_is_given() -> None:
    for pace in ({}, {"rate_bps": 1, "interval_ns": 1000}):
        with pytest.raises(BadInput, match="exactly one of 'rate_bps' and 'interval_ns'"):
            check_args("udp_send", {**CLIENT, **pace}, "here")
    with pytest.raises(BadInput, match="'size_bytes': 15 is less than 16"):
        check_args("udp_send", {**CLIENT, "rate_bps": 1, "size_bytes": 15}, "here")
