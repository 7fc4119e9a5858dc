"""A host's state as plain values."""

from __future__ import annotations

import json

from tests.stack.hosts import Pair


def test_fields_have_the_kernel_s_names_and_plain_values() -> None:
    pair = Pair()
    client, _ = pair.connection()
    pair.listener("a", port=7)
    pair.do("a", "send", client, b"x" * 5000)
    state = pair.hosts["a"].snapshot()
    json.dumps(state)
    sockets = state["sockets"]
    assert isinstance(sockets, list)
    listening, connected = sockets
    assert (listening["sk_state"], connected["sk_state"]) == (10, 1)
    assert connected["snd_nxt"] - connected["snd_una"] == 5000
    assert sum(truesize for _, _, truesize in connected["tcp_rtx_queue"]) == connected["sk_wmem_queued"]
    assert state["memory"] == {"tcp": pair.hosts["a"].tcp_memory_allocated, "udp": 0}
    counters = state["counters"]
    assert isinstance(counters, dict)
    assert counters["TcpActiveOpens"] == 1
