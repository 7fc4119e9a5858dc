"""An agent's life: it starts on time, and whatever it is blocked in, the deadline, a stop or SIGTERM ends it."""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from typing import Any

import pytest

from tests.agents.harness import MS, ROOT, Bench, Namespace, S, go

pytestmark = pytest.mark.lab

BLOCKED: list[tuple[str, dict[str, Any], str]] = [
    ("sink", {}, "accept"),
    ("sink", {"mode": "nonblocking"}, "epoll_wait"),
    ("sink", {"mode": "nonblocking", "connections": 0}, "epoll_wait"),
    ("udp_sink", {}, "recv"),
]


@pytest.mark.parametrize(("program", "args", "call"), BLOCKED)
def test_the_deadline_ends_a_blocked_call(
    bench: Bench, cage: Namespace, program: str, args: dict[str, Any], call: str
) -> None:
    agent = bench.agent(program, cage, stop_ns=300 * MS, port=5001, **args)
    begin = time.monotonic()
    agent.go()
    summary = agent.result()
    assert 0.3 <= time.monotonic() - begin < 3
    assert summary["outcome"] == "deadline"
    last = [line for line in bench.log(agent) if line["call"] == call][-1]
    assert last["errno"] == "EINTR"
    assert last["t_ns"] + last["blocked_ns"] >= 300 * MS


def test_the_deadline_ends_a_blocked_send_and_its_bytes_are_counted(bench: Bench, cage: Namespace) -> None:
    sink = bench.agent("sink", cage, port=5001, stop_after_bytes=1000, close="hold", stop_ns=2 * S)
    sender = bench.agent("bulk_send", cage, port=5001, address="127.0.0.1", close="close", stop_ns=400 * MS)
    go(sink, sender)
    summary = sender.result()
    log = bench.log(sender)
    sends = [line for line in log if line["call"] == "send"]
    assert summary["outcome"] == "deadline"
    assert sends[-1]["t_ns"] + sends[-1]["blocked_ns"] >= 400 * MS
    assert sum(line["done_bytes"] or 0 for line in sends) == summary["sent_bytes"] > 100_000
    info = log[-2]["detail"]
    assert info["tcpi_bytes_acked"] - 1 + info["tcpi_notsent_bytes"] <= summary["sent_bytes"]
    assert sink.result()["received_bytes"] == 1000


@pytest.mark.parametrize("how", ["stop", "eof"])
def test_a_command_ends_a_blocked_call_at_once(bench: Bench, cage: Namespace, how: str) -> None:
    agent = bench.agent("sink", cage, port=5001)
    agent.go()
    time.sleep(0.2)
    begin = time.monotonic()
    if how == "stop":
        agent.say("stop")
    assert agent.result(eof=how == "eof")["outcome"] == "stop"
    assert time.monotonic() - begin < 2


def test_stop_together_with_go_is_heard(bench: Bench, cage: Namespace) -> None:
    agent = bench.agent("sink", cage, port=5001)
    agent.say(f"go {time.monotonic_ns()}\nstop")
    assert agent.popen.stdout is not None
    assert '"outcome":"stop"' in agent.popen.stdout.readline()


def test_end_of_input_before_go_ends_it(bench: Bench, cage: Namespace) -> None:
    agent = bench.agent("bulk_send", cage, port=5001, address="127.0.0.1")
    assert agent.result(eof=True)["outcome"] == "stop"


def test_sigterm_flushes_the_log(bench: Bench, cage: Namespace) -> None:
    agent = bench.agent("sink", cage, port=5001)
    agent.go()
    time.sleep(0.2)
    agent.popen.send_signal(signal.SIGTERM)
    assert agent.result(status=128 + signal.SIGTERM)["outcome"] == "SIGTERM"
    assert [line["call"] for line in bench.log(agent)][:2] == ["bind", "listen"]


def test_it_starts_at_its_start_time(bench: Bench, cage: Namespace) -> None:
    sink = bench.agent("sink", cage, port=5001)
    sender = bench.agent("bulk_send", cage, port=5001, address="127.0.0.1", bytes=1, start_ns=150 * MS)
    go(sink, sender)
    assert sender.result()["outcome"] == "done"
    connect = next(line for line in bench.log(sender) if line["call"] == "connect")
    assert 150 * MS <= connect["t_ns"] < 2 * S
    sink.result()


def test_standard_input_must_be_a_pipe(bench: Bench, cage: Namespace) -> None:
    agent = bench.agent("sink", cage, port=5001)
    agent.result(eof=True)
    command = [sys.executable, "-S", "-s", "-m", "netemu.agents", str(bench.directory / "spec0.json")]
    done = subprocess.run(command, cwd=ROOT, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert "standard input must be a pipe" in done.stderr


def test_a_wrong_first_line_is_an_error(bench: Bench, cage: Namespace) -> None:
    agent = bench.agent("sink", cage, port=5001)
    agent.say("start")
    assert "'start' is not 'go <t0" in agent.failure(2)


def test_a_full_disk_is_a_failure(bench: Bench, cage: Namespace) -> None:
    spec = bench.spec("sink", port=5001)
    spec["log"] = "/dev/full"
    message = bench.start(spec, cage, wait=False).failure(4)
    assert "cannot write /dev/full: No space left on device" in message
