"""Counters by nstat's names."""

from __future__ import annotations

import socket

import pytest

from netemu.agents.counters import differences, parse_pairs, parse_snmp6, read_counters_of, to_lines
from netemu.recording.tables import COUNTERS
from tests.agents.harness import Namespace


def test_pairs_of_lines_give_prefixed_names() -> None:
    text = "Tcp: RtoMin MaxConn RetransSegs\nTcp: 200 -1 5\nTcpExt: TCPLossProbes\nTcpExt: 3\n"
    assert parse_pairs(text) == {"TcpRtoMin": 200, "TcpMaxConn": -1, "TcpRetransSegs": 5, "TcpExtTCPLossProbes": 3}


def test_snmp6_has_a_name_per_line() -> None:
    assert parse_snmp6("Ip6InReceives   \t12\nIcmp6InMsgs 3\n") == {"Ip6InReceives": 12, "Icmp6InMsgs": 3}


def test_rows_have_the_keys_of_the_table() -> None:
    rows = differences("h1", {"A": 1}, {"A": 4, "B": 2})
    assert rows == [
        {"host": "h1", "counter": "A", "before": 1, "after": 4},
        {"host": "h1", "counter": "B", "before": 0, "after": 2},
    ]
    assert set(rows[0]) == set(COUNTERS)
    assert to_lines(rows).count("\n") == 2


@pytest.mark.lab
def test_the_namespaces_own_counters_are_read(cage: Namespace) -> None:
    before = read_counters_of(cage.path)
    with cage.entered():
        server = socket.create_server(("::1", 5001), family=socket.AF_INET6)
        client = socket.create_connection(("::1", 5001))
        refused = socket.socket()
        with pytest.raises(ConnectionRefusedError):
            refused.connect(("127.0.0.1", 9))
    after = read_counters_of(cage.path)
    grown = {row["counter"]: row["after"] - row["before"] for row in differences("h1", before, after)}
    assert (grown["TcpActiveOpens"], grown["TcpPassiveOpens"], grown["TcpOutRsts"]) == (2, 1, 1)
    assert grown["Ip6OutRequests"] == grown["Ip6InReceives"] > 0
    assert "TcpExtTCPLossProbes" in grown
    for sock in (server, client, refused):
        sock.close()
