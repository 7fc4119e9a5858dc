"""Events in order of time, then of who goes first, then of asking."""

from __future__ import annotations

import pytest

from netemu.sim.engine import INTERRUPT, PROCESS, RECORDER, Engine


def test_an_instants_interrupts_come_before_its_processes_and_these_before_recorders() -> None:
    engine, seen = Engine(0), []
    engine.at(5, RECORDER, seen.append, "recorder")
    engine.at(5, PROCESS, seen.append, "process")
    engine.at(5, INTERRUPT, seen.append, "first packet")
    engine.at(5, INTERRUPT, seen.append, "second packet")
    engine.at(4, RECORDER, seen.append, "earlier")
    engine.run(5)
    assert seen == ["earlier", "first packet", "second packet", "process", "recorder"]


def test_what_is_asked_for_now_goes_on_at_once() -> None:
    engine, seen = Engine(10), []
    engine.at(10, PROCESS, lambda _: engine.at(10, INTERRUPT, seen.append, "packet"))
    engine.at(10, PROCESS, seen.append, "other process")
    engine.run(10)
    assert seen == ["packet", "other process"]


def test_the_clock_stands_at_the_end_of_a_run_or_where_it_was_stopped() -> None:
    engine = Engine(0)
    engine.run(7)
    assert engine.now_ns == 7
    engine.at(9, PROCESS, lambda _: setattr(engine, "stopped", True))
    engine.run(20)
    assert engine.now_ns == 9


def test_the_past_is_refused() -> None:
    with pytest.raises(ValueError, match="asked for at 5 ns"):
        Engine(5).at(4, PROCESS, print)
