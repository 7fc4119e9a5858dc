"""The bytes of a send() at each place they pass."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest

from netemu.errors import BadInput
from netemu.figures import RunTables
from netemu.figures.life_data import Life, Steps, held, life, step_times
from netemu.figures.scales import time_span
from netemu.figures.selection import select
from tests.figures.traces import MS, frames_with_reads, run_of

EVERYTHING = time_span(None, None)


@pytest.fixture
def frames() -> dict[str, pl.DataFrame]:
    return frames_with_reads()


def of(run: RunTables, send: int | None = None, span: tuple[int, int] = EVERYTHING) -> Life:
    return life(run, select(run), span, send)


def test_all_bytes_pass_every_place_that_saw_them(run: RunTables) -> None:
    data = of(run)
    total = data.sends["done_bytes"].sum()
    assert [int(steps.level[-1]) for steps in (data.handed, data.sent, data.acked)] == [total] * 3
    assert data.arrived.level[-1] == data.in_order.level[-1] == total
    assert data.read.level[-1] == total  # more is asked for than there is


def test_what_is_behind_a_gap_has_arrived_and_is_not_in_order(run: RunTables) -> None:
    data = of(run)
    at = np.array([140 * MS, 150 * MS])
    assert held(data.arrived, data.in_order, at).tolist()[0] > 0
    assert held(data.arrived, data.in_order, at).tolist()[1] == 0  # the retransmission of 129 ms came at 149 ms


def test_one_send_is_clipped_to_its_own_bytes(run: RunTables) -> None:
    first, second = of(run, 1), of(run, 2)
    assert first.sends.height == second.sends.height == 1
    for data in (first, second):
        assert data.sent.level[-1] == data.arrived.level[-1] == data.sends["done_bytes"].item()
    assert first.packets["t_ns"].max() < second.packets["t_ns"].max()  # type: ignore[operator]
    whole = of(run)
    shared = set(first.packets["frame"]) & set(second.packets["frame"])
    assert len(shared) <= 1 and whole.packets.height == first.packets.height + second.packets.height - len(shared)


def test_losses_probes_and_acks_are_there(run: RunTables) -> None:
    data = of(run)
    assert (data.packets["fate"] == "lost").sum() == 4
    assert (data.packets["kind"] == "window_probe").sum() == 1
    assert data.acks.filter(pl.col("arrival_ns") - pl.col("t_ns") != 20 * MS).is_empty() and data.acks.height > 30


def test_without_a_capture_at_the_receiver_the_sender_is_shown_alone(frames: dict[str, pl.DataFrame]) -> None:
    frames["transits"] = frames["transits"].clear()
    del frames["calls"]
    data = of(run_of(frames))
    assert data.packets.height > 30 and data.packets["arrival_ns"].is_null().all()
    assert data.acks.is_empty() and data.reads.is_empty() and not data.arrived.t_ns.size


def test_mistakes_say_what_there_is(run: RunTables, frames: dict[str, pl.DataFrame]) -> None:
    with pytest.raises(BadInput, match=r"send 3: .* has 2 send"):
        of(run, 3)
    with pytest.raises(BadInput, match=r"no send.. of .* between start and stop"):
        of(run, None, (10**15, 2 * 10**15))
    frames["sends"] = frames["sends"].clear()
    with pytest.raises(BadInput, match="it takes an agent's calls and a capture on its node"):
        of(run_of(frames))


def test_steps_hold_their_level() -> None:
    one, other = Steps(np.array([10, 20]), np.array([5, 9])), Steps(np.array([15]), np.array([5]))
    assert one.at(np.array([9, 10, 19, 20])).tolist() == [0, 5, 5, 9]
    assert step_times([one, other]).tolist() == [10, 15, 20]
    assert held(one, other, np.array([10, 15, 20])).tolist() == [5, 0, 4]
