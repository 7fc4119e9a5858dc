"""A process runs until it blocks, goes on after its instant's interrupts, and a signal ends its call."""

from __future__ import annotations

from typing import Any

import pytest

from netemu.sim.engine import INTERRUPT, Engine
from netemu.sim.process import Process
from tests.sim.fake import fake_host


def run(main: Any, *, until_ns: int = 1000) -> tuple[list[Any], Engine]:
    host, _, engine = fake_host()
    seen: list[Any] = []
    process = Process(host, engine, lambda: main(process, seen))
    for packet in (300, 700):
        engine.at(packet, INTERRUPT, lambda _: host.receive("eth0", None))  # type: ignore[arg-type]
    process.start()
    engine.run(until_ns)
    return seen, engine


def test_calls_that_are_answered_at_once_do_not_block() -> None:
    seen, _ = run(lambda process, seen: seen.extend([process.call("now"), process.call("fail")]))
    assert seen == [(0, 0), (None, 32)]


def test_a_call_that_blocks_goes_on_when_its_packet_has_come() -> None:
    seen, _ = run(lambda process, seen: seen.extend([process.call("wait"), process.call("wait")]))
    assert seen == [(300, 0), (700, 0)]


def test_a_sleep_ends_on_time_or_at_a_signal() -> None:
    def main(process: Process, seen: list[Any]) -> None:
        seen.extend([process.sleep_until(200), process.sleep_until(100), process.sleep_until(900)])

    host, _, engine = fake_host()
    seen: list[Any] = []
    process = Process(host, engine, lambda: main(process, seen))
    process.start()
    engine.run(500)
    process.signal()
    engine.run(500)
    assert seen == [True, True, False] and process.ended
    engine.run(2000)  # what the ended sleep had asked for wakes nobody


def test_a_signal_ends_a_blocked_call() -> None:
    host, _, engine = fake_host()
    seen: list[Any] = []
    process = Process(host, engine, lambda: seen.append(process.call("wait")))
    process.start()
    process.signal()
    assert not seen
    engine.run(0)
    assert seen == [(None, 4)]


def test_a_pause_lasts_until_resume() -> None:
    host, _, engine = fake_host()
    seen: list[Any] = []

    def main() -> None:
        process.pause()
        seen.append(engine.now_ns)

    process = Process(host, engine, main)
    process.start()
    engine.run(50)
    assert not seen
    process.resume()
    assert seen == [50]


def test_what_a_program_raises_comes_out_where_it_was_run() -> None:
    def main(process: Process, seen: list[Any]) -> None:
        process.sleep_until(10)
        raise ValueError("wrong option")

    with pytest.raises(ValueError, match="wrong option"):
        run(main)
