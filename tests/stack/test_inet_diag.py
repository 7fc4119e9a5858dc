"""What sock_diag tells of a host's sockets."""

from __future__ import annotations

import pytest

from netemu.agents.sock_rows import row_of
from netemu.stack.inet_diag import inet_diag_dump
from tests.stack.hosts import PORT, SYN, Lone, Pair


@pytest.mark.parametrize("family", [4, 6])
def test_connections_are_listed_with_what_they_are(family: int) -> None:
    pair = Pair(family=family)
    client, _ = pair.connection()
    [entry] = inet_diag_dump(pair.hosts["a"])
    identity, info, memory, congestion = entry
    ends = "{}:{}" if family == 4 else "[{}]:{}"
    port = pair.do("a", "getsockname", client)[1]
    assert identity[:2] == (ends.format(pair.address["a"], port), ends.format(pair.address["b"], PORT))
    assert identity[2:] == (pair.do("a", "getsockopt", client, 1, 57), 1)
    assert info is not None
    assert memory is not None
    assert (info["tcpi_state"], len(memory), congestion) == (1, 9, "cubic")
    assert row_of(*entry)[3] == "ESTABLISHED"


def test_requests_have_no_info_and_listeners_are_not_listed() -> None:
    lone = Lone()
    lone.listener()
    lone.say(SYN, 1000)
    [entry] = inet_diag_dump(lone.hosts["b"])
    assert entry[1:3] == (None, None)
    assert row_of(*entry)[3] == "SYN_RECV"


def test_time_wait_is_not_listed() -> None:
    pair = Pair()
    client, server = pair.connection()
    pair.do("a", "close", client)
    pair.run(pair.now_ms + 50)
    pair.do("b", "close", server)
    pair.run(pair.now_ms + 50)
    assert list(inet_diag_dump(pair.hosts["a"])) == []
