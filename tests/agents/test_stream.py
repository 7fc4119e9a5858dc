"""One connection in every mode: all bytes arrive, every call is logged, the end is awaited."""

from __future__ import annotations

import socket
import struct
from typing import Any

import pytest

from netemu.agents.stream import StreamError
from tests.agents.harness import MS, Bench, Namespace, go

pytestmark = pytest.mark.lab

MODES = ("blocking", "nonblocking", "timeout")


@pytest.mark.parametrize("sink_mode", MODES)
@pytest.mark.parametrize("mode", MODES)
def test_every_mode_moves_every_byte(bench: Bench, cage: Namespace, mode: str, sink_mode: str) -> None:
    sink = bench.agent("sink", cage, port=5001, mode=sink_mode, rcvbuf_bytes=20_000, initial_pause_ns=50 * MS)
    sender = bench.agent(
        "bulk_send", cage, address="127.0.0.1", port=5001, bytes=3_000_001, mode=mode, sndbuf_bytes=100_000
    )
    go(sink, sender)
    sent, received = sender.result(), sink.result()
    assert (sent["outcome"], received["outcome"]) == ("done", "done")
    assert sent["sent_bytes"] == received["received_bytes"] == 3_000_001
    assert received["mismatch_bytes"] == 0
    for process, call in ((sender, "send"), (sink, "recv")):
        done = [line["done_bytes"] or 0 for line in bench.log(process) if line["call"] == call]
        assert sum(done) == 3_000_001
    if mode == "nonblocking":
        calls = [(line["call"], line["errno"]) for line in bench.log(sender)]
        assert ("connect", "EINPROGRESS") in calls
        assert calls[calls.index(("send", "EAGAIN")) + 1][0] == "epoll_wait"


def test_ipv6(bench: Bench, hosts: tuple[Namespace, Namespace]) -> None:
    sink = bench.agent("sink", hosts[1], port=5001, address="fd00::2")
    sender = bench.agent("bulk_send", hosts[0], address="fd00::2", port=5001, bytes=100_000, source_port=4000)
    go(sink, sender)
    assert sender.result()["connections"][0]["connection"] == "[fd00::1]:4000>[fd00::2]:5001"
    assert sink.result()["received_bytes"] == 100_000


def test_a_send_that_times_out_is_logged_and_tried_again(bench: Bench, cage: Namespace) -> None:
    sink = bench.agent("sink", cage, port=5001, initial_pause_ns=500 * MS, rcvbuf_bytes=10_000)
    options: dict[str, Any] = {"mode": "timeout", "timeout_ns": 100 * MS, "sndbuf_bytes": 20_000}
    sender = bench.agent("bulk_send", cage, address="127.0.0.1", port=5001, bytes=500_000, **options)
    go(sink, sender)
    assert sender.result()["outcome"] == "done"
    assert sink.result()["received_bytes"] == 500_000
    timeouts = [line for line in bench.log(sender) if line["call"] == "send" and line["errno"] == "EAGAIN"]
    assert timeouts
    assert all(100 * MS <= line["blocked_ns"] < 400 * MS for line in timeouts)


def test_a_refused_connection_is_a_result_not_a_failure(bench: Bench, cage: Namespace) -> None:
    for mode in MODES:
        sender = bench.agent("bulk_send", cage, address="127.0.0.1", port=9, bytes=1, mode=mode)
        sender.go()
        summary = sender.result()
        assert (summary["outcome"], summary["error"]) == ("error", "connect 127.0.0.1:9: ECONNREFUSED")


def test_the_last_fin_is_acknowledged_before_tcp_info_is_read(bench: Bench, cage: Namespace) -> None:
    sink = bench.agent("sink", cage, port=5001)
    sender = bench.agent("bulk_send", cage, address="127.0.0.1", port=5001, bytes=100_000)
    go(sink, sender)
    for process in (sender, sink):
        info = process.result()["connections"][0]["tcp_info"]
        assert info["tcpi_state"] == 7
        assert info["tcpi_unacked"] == 0
        logged = [line for line in bench.log(process) if line["call"] == "getsockopt TCP_INFO"]
        assert [line["detail"] for line in logged] == [info]
        assert bench.log(process)[-1]["call"] == "close"


def test_abort_sends_a_reset(bench: Bench, cage: Namespace) -> None:
    sink = bench.agent("sink", cage, port=5001)
    sender = bench.agent("bulk_send", cage, address="127.0.0.1", port=5001, bytes=1000, close="abort")
    go(sink, sender)
    assert sender.result()["outcome"] == "done"
    summary = sink.result()
    assert summary["error"] is None or "ECONNRESET" in summary["error"]
    assert cage.run("cat", "/proc/net/snmp").split("Tcp:")[2].split()[13] == "1"  # OutRsts


def test_hold_keeps_the_connection_open_until_the_stop(bench: Bench, cage: Namespace) -> None:
    sink = bench.agent("sink", cage, port=5001)
    sender = bench.agent("bulk_send", cage, address="127.0.0.1", port=5001, bytes=10, close="hold", stop_ns=300 * MS)
    go(sink, sender)
    summary = sender.result()
    assert summary["outcome"] == "deadline"
    assert summary["duration_ns"] >= 290 * MS
    assert summary["connections"][0]["tcp_info"]["tcpi_state"] == 1
    assert sink.result()["outcome"] == "done"


def test_corrupt_bytes_are_counted(bench: Bench, cage: Namespace) -> None:
    sink = bench.agent("sink", cage, port=5001)
    sink.go()
    with cage.entered():
        client = socket.create_connection(("127.0.0.1", 5001))
    client.sendall(struct.pack(">3I", 0, 1, 2) + b"\xff" * 4)
    client.close()
    assert sink.result()["mismatch_bytes"] == 4


def test_an_error_names_call_connection_and_errno() -> None:
    assert str(StreamError("send", "1.1.1.1:1>2.2.2.2:2", 104)) == "send 1.1.1.1:1>2.2.2.2:2: ECONNRESET"
    assert str(StreamError("accept", None, 24)) == "accept: EMFILE"
