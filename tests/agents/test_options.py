"""Socket options are set as asked or refused; nothing is clipped."""

from __future__ import annotations

from typing import Any

import pytest

from netemu.agents.programs import check_args
from netemu.errors import BadInput
from tests.agents.harness import Bench, Namespace, go

CLIENT = {"address": "10.0.0.1", "port": 5001}


@pytest.mark.parametrize(
    ("args", "message"),
    [
        ({"address": "h2"}, "'h2' is no IPv4 or IPv6 address"),
        ({"family": 6}, "'10.0.0.1' is not of family 6"),
        ({"source_address": "fd00::1"}, "'fd00::1' is not of the family of 'address'"),
        ({"setsockopt": [["SOL_SOCKET", "SO_PRIORITY"]]}, "must hold items [level, option, integer]"),
        ({"setsockopt": [["SOL_SOCKET", "SO_NOTHING", 1]]}, "'SO_NOTHING', which is no constant"),
        ({"mode": "async"}, "not one of 'blocking', 'nonblocking', 'timeout'"),
        ({"close": "now"}, "not one of 'wait', 'close', 'abort', 'hold'"),
    ],
)
def test_bad_values_are_refused_before_anything_runs(args: dict[str, Any], message: str) -> None:
    with pytest.raises(BadInput) as error:
        check_args("bulk_send", {**CLIENT, **args}, "flow 1")
    assert str(error.value).startswith("flow 1: argument ")
    assert message in str(error.value)


@pytest.mark.lab
def test_options_reach_the_kernel(bench: Bench, cage: Namespace) -> None:
    sink = bench.agent("sink", cage, port=5001, congestion="reno")
    sender = bench.agent(
        "bulk_send",
        cage,
        address="127.0.0.1",
        port=5001,
        bytes=1000,
        close="hold",
        stop_ns=1_500_000_000,
        congestion="cubic",
        mss_bytes=1000,
        sndbuf_bytes=50_000,
        nodelay=True,
        keepalive=True,
        keepalive_idle_s=7,
        keepalive_interval_s=2,
        keepalive_count=3,
        user_timeout_ms=9000,
        linger_s=3,
        setsockopt=[["SOL_SOCKET", "SO_PRIORITY", 5], [6, 25, 16384]],
    )
    go(sink, sender)
    sink_log = bench.log
    shown = ""
    while "cubic" not in shown:
        shown = cage.run("ss", "-tinmo", "dst", "127.0.0.1:5001")
    for text in ("cubic", "mss:988", "tb100000", "keepalive,"):
        assert text in shown, (text, shown)
    assert sender.result()["outcome"] == "deadline"
    assert sink.result()["outcome"] in ("done", "deadline")
    values = {line["call"]: line["detail"]["value"] for line in sink_log(sender) if "setsockopt" in line["call"]}
    assert values["setsockopt mss_bytes"] == 1000
    assert values["setsockopt SO_PRIORITY"] == 5
    assert bytes.fromhex(values["setsockopt TCP_CONGESTION"]) == b"cubic"


@pytest.mark.lab
@pytest.mark.parametrize(
    ("args", "status", "message"),
    [
        ({"congestion": "nosuch"}, 3, "'nosuch': No such file or directory; this kernel has: "),
        ({"sndbuf_bytes": 1 << 30}, 2, "net.core.wmem_max"),
        ({"rcvbuf_bytes": 10}, 2, "asked 20 by 10, the kernel made it "),
        ({"source_address": "192.0.2.7"}, 2, "cannot bind 192.0.2.7 port 0: Cannot assign requested address"),
        ({"setsockopt": [["IPPROTO_TCP", 9999, 1]]}, 2, "the kernel refuses 1: Protocol not available"),
    ],
)
def test_what_the_kernel_refuses_or_alters_is_an_error(
    bench: Bench, cage: Namespace, args: dict[str, Any], status: int, message: str
) -> None:
    spec = bench.spec("bulk_send", **{**CLIENT, **args})
    assert message in bench.start(spec, cage, wait=False).failure(status)


@pytest.mark.lab
def test_a_port_in_use_is_named(bench: Bench, cage: Namespace) -> None:
    bench.agent("sink", cage, port=5001)
    second = bench.start(bench.spec("sink", port=5001), cage, wait=False)
    assert "cannot bind 0.0.0.0 port 5001: Address already in use" in second.failure(2)
