"""One server, several clients."""

from __future__ import annotations

import pytest

from netemu.agents.programs import check_args
from netemu.errors import BadInput
from tests.agents.harness import Bench, Namespace, go


@pytest.mark.lab
@pytest.mark.parametrize("mode", ["blocking", "nonblocking"])
def test_each_client_gets_its_answers(bench: Bench, cage: Namespace, mode: str) -> None:
    sizes = {"request_bytes": 100, "response_bytes": 300_000}
    server = bench.agent("respond", cage, port=5001, mode=mode, connections=3, **sizes)
    clients = [bench.agent("request", cage, address="127.0.0.1", port=5001, count=5, **sizes) for _ in range(3)]
    go(server, *clients)
    for client in clients:
        summary = client.result()
        assert (summary["requests"], summary["received_bytes"], summary["mismatch_bytes"]) == (5, 1_500_000, 0)
    summary = server.result()
    assert (summary["outcome"], summary["sent_bytes"], summary["received_bytes"]) == ("done", 4_500_000, 1500)


@pytest.mark.lab
def test_an_empty_response_is_no_send(bench: Bench, cage: Namespace) -> None:
    server = bench.agent("respond", cage, port=5001, request_bytes=10, response_bytes=0)
    client = bench.agent("request", cage, address="127.0.0.1", port=5001, count=3, request_bytes=10, response_bytes=0)
    go(server, client)
    assert client.result()["requests"] == 3
    assert server.result()["sent_bytes"] == 0
    assert not [line for line in bench.log(server) if line["call"] == "send"]


def test_more_writes_than_bytes_are_refused() -> None:
    with pytest.raises(BadInput, match="'writes': 2 is more than response_bytes"):
        check_args("respond", {"port": 1, "request_bytes": 1, "response_bytes": 1, "writes": 2}, "here")
