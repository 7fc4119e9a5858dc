"""UDP sockets of agents are bound, connected and set as asked."""

from __future__ import annotations

import pytest

from netemu.agents.datagrams import HEADER
from tests.agents.harness import MS, Bench, Namespace, go


def test_the_header_is_sixteen_bytes_big_endian() -> None:
    assert HEADER.pack(1, -2) == bytes(7) + b"\x01" + b"\xff" * 7 + b"\xfe"


@pytest.mark.lab
def test_the_source_is_bound_and_options_are_set(bench: Bench, hosts: tuple[Namespace, Namespace]) -> None:
    sink = bench.agent("udp_sink", hosts[1], port=5001, address="10.0.0.2", rcvbuf_bytes=50_000, count=2)
    assert "10.0.0.2:5001" in hosts[1].run("ss", "-lunH")
    options = {"source_address": "10.0.0.1", "source_port": 4000, "setsockopt": [["SOL_IP", "IP_TOS", 0x20]]}
    sender = bench.agent(
        "udp_send", hosts[0], address="10.0.0.2", port=5001, count=2, interval_ns=5 * MS, size_bytes=500, **options
    )
    go(sink, sender)
    assert sender.result()["datagrams"] == 2
    assert sink.result()["received_bytes"] == 1000
    calls = [line["call"] for line in bench.log(sender)]
    assert calls[:3] == ["setsockopt IP_TOS", "bind", "send"]


@pytest.mark.lab
def test_a_refused_buffer_is_named(bench: Bench, cage: Namespace) -> None:
    spec = bench.spec("udp_sink", port=5001, rcvbuf_bytes=1 << 30)
    assert "net.core.rmem_max" in bench.start(spec, cage, wait=False).failure(2)
