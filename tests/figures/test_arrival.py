"""When each byte of a transfer arrived first."""

from __future__ import annotations

import numpy as np
import pytest

from netemu.errors import BadInput
from netemu.figures import FigureSpec, draw
from netemu.figures.arrival import GRID_POINTS, Data, at_receiver, common_offsets, data_of
from netemu.figures.scales import time_span
from netemu.figures.selection import select
from tests.figures.traces import MS, MSS, all_frames, run_of


def data(*packets: tuple[int, int, int]) -> Data:
    """Packets as (t_ns, first byte, byte after the last)."""
    return Data(*(np.array(column) for column in zip(*packets, strict=True)))


def test_the_first_packet_that_carried_a_byte_counts() -> None:
    sent = data((10, 0, 100), (20, 200, 300), (30, 100, 200), (40, 0, 300))
    assert sent.first_arrivals(np.array([0, 99, 100, 199, 200, 299])).tolist() == [10, 10, 30, 30, 20, 20]


def test_a_byte_that_never_came_has_no_time() -> None:
    assert np.isnan(data((10, 0, 100)).first_arrivals(np.array([50, 100]))).tolist() == [False, True]


def test_offsets_are_common_to_all_transfers() -> None:
    offsets = common_offsets([data((1, 0, 100)), data((1, 50, 1_000_000))])
    assert (offsets[0], offsets[-1], offsets.size) == (0, 999_999, GRID_POINTS)
    assert common_offsets([data((1, 0, 3))]).tolist() == [0, 1, 2]
    nothing = Data(*(np.zeros(0, np.int64),) * 3)
    assert common_offsets([nothing]).size == 0


def test_a_segment_sent_twice_arrived_when_it_came_first() -> None:
    run = run_of(all_frames())
    found = data_of(run, select(run), time_span(None, None)).first_arrivals(np.array([1, 1 + MSS * 34]))
    assert found[0] == 40.2 * MS
    assert found[1] < 300 * MS  # its timeout came at 470 ms


def test_without_a_capture_the_receivers_own_is_taken() -> None:
    frames = all_frames()
    here = run_of(frames)
    assert at_receiver(here, {"port": 5001}) == {"port": 5001}  # the run has no capture there
    assert at_receiver(here, {"capture": "h1-eth0"}) == {"capture": "h1-eth0"}
    there = {
        name: frame.with_columns(capture=frame["capture"].str.replace("h1", "h2"))
        for name, frame in frames.items()
        if "capture" in frame.columns
    }
    assert at_receiver(run_of({**frames, **there}), {"port": 5001}) == {"port": 5001, "capture": "h2-eth0"}


def test_the_figure_has_a_point_for_each_offset() -> None:
    axes = draw(FigureSpec("a", "arrival", {"title": "one"}), run_of(all_frames()), width_in=3.33).axes[0]
    x, y = axes.lines[0].get_data()
    assert x.size == GRID_POINTS
    assert (np.diff(x) > 0).all() and np.isfinite(y).all()
    assert (axes.get_xlabel(), axes.get_ylabel()) == ("Sequence offset (kB)", "First arrival (ms)")


def test_a_stretch_without_data_is_refused() -> None:
    with pytest.raises(BadInput, match=r"figure 'a': a run by hand: no data of .* between start and stop"):
        draw(FigureSpec("a", "arrival", {"start": "1h"}), run_of(all_frames()), width_in=3.33)
