"""Sockets of clients and servers before there is a connection, and sums over connections."""

from __future__ import annotations

import pytest

from netemu.agents.endpoints import totals
from tests.agents.harness import Bench, Namespace, go


@pytest.mark.lab
def test_a_client_binds_to_the_source_asked_for(bench: Bench, hosts: tuple[Namespace, Namespace]) -> None:
    hosts[0].run("ip", "addr", "add", "10.0.0.77/24", "dev", "h1-eth0")
    sink = bench.agent("sink", hosts[1], port=5001)
    source = {"source_address": "10.0.0.77", "source_port": 4321}
    sender = bench.agent("bulk_send", hosts[0], address="10.0.0.2", port=5001, bytes=1, **source)
    go(sink, sender)
    assert sender.result()["connections"][0]["connection"] == "10.0.0.77:4321>10.0.0.2:5001"
    assert sink.result()["connections"][0]["connection"] == "10.0.0.2:5001>10.0.0.77:4321"


@pytest.mark.lab
def test_an_ipv6_server_takes_no_ipv4(bench: Bench, cage: Namespace) -> None:
    sink = bench.agent("sink", cage, port=5001, family=6)
    sender = bench.agent("bulk_send", cage, address="127.0.0.1", port=5001, bytes=1)
    go(sink, sender)
    assert "ECONNREFUSED" in sender.result()["error"]
    sink.say("stop")
    assert sink.result()["connections"] == []


@pytest.mark.lab
def test_servers_listen_before_they_are_ready(bench: Bench, cage: Namespace) -> None:
    bench.agent("sink", cage, port=5001, backlog=7)
    (line,) = cage.run("ss", "-ltnH").splitlines()
    assert line.split()[:4] == ["LISTEN", "0", "7", "0.0.0.0:5001"]


def test_totals_add_up() -> None:
    def connection(sent: int, retrans: int) -> dict[str, object]:
        info = {"tcpi_total_retrans": retrans, "tcpi_segs_out": 5}
        return {"sent_bytes": sent, "received_bytes": 1, "mismatch_bytes": 0, "tcp_info": info}

    summary = totals([connection(10, 1), connection(20, 2)])
    assert (summary["sent_bytes"], summary["received_bytes"], summary["mismatch_bytes"]) == (30, 2, 0)
    assert (summary["tcpi_total_retrans"], summary["tcpi_segs_out"], summary["tcpi_bytes_retrans"]) == (3, 10, 0)
    assert len(summary["connections"]) == 2
