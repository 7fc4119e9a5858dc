"""The estimates beside what a kernel said: which of its values, and how far apart."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import polars as pl
import pytest

from netemu.recording.tables import SOCKETS
from netemu.trace.analysis import Analysis
from netemu.trace.observe.sender_kernel import agreement, beside_kernel
from netemu.trace.tables import polars_schema
from tests.trace.observe.senders import MSS, clocked

ACCOUNTS = {"busy_ns": 0, "rwnd_limited_ns": 0, "sndbuf_limited_ns": 0}
ENDS = {"local": "10.0.0.1:40000", "remote": "10.0.0.2:80"}


def _sample(t_ms: float, **values: Any) -> dict[str, Any]:
    known = {"state": "ESTABLISHED", "ca_state": "Open", "snd_cwnd_segments": 10, "snd_mss_bytes": MSS}
    return {
        "t_ns": int(t_ms * 1e6),
        **ENDS,
        **known,
        "busy_ns": 0,
        "rwnd_limited_ns": 0,
        "sndbuf_limited_ns": 0,
    } | values


def _samples(*rows: dict[str, Any]) -> pl.DataFrame:
    return pl.DataFrame(list(rows), schema=polars_schema(SOCKETS))


@pytest.fixture
def found(tmp_path: Path) -> Analysis:
    return clocked([2, 4, 8]).analyse(tmp_path)


def _beside(found: Analysis, sockets: pl.DataFrame, trace: pl.DataFrame | None = None) -> pl.DataFrame:
    return beside_kernel(found.tables["sender"], found.connections, sockets, trace)


def test_a_row_is_beside_the_sample_before_it(found: Analysis) -> None:
    sockets = _samples(_sample(29, srtt_ns=11, rto_ns=5), _sample(35, srtt_ns=12, rto_ns=6))
    rows = _beside(found, sockets)
    assert rows["t_ns"].to_list() == [30_000_000, 40_000_000, 49_950_000]
    assert rows["kernel_srtt_ns"].to_list() == [11, 12, 12] and rows["kernel_rto_ns"].to_list() == [5, 6, 6]


def test_the_window_is_that_of_the_event_nearest_the_estimate(found: Analysis) -> None:
    times = [29_951_000, 39_951_000]
    ends = {name: [value] * 2 for name, value in ENDS.items()}
    trace = pl.DataFrame({"t_ns": times, "event": ["tcp_probe"] * 2, **ends, "snd_cwnd": [2, 5]})
    rows = _beside(found, _samples(_sample(11, snd_ssthresh_segments=7)), trace)
    assert rows["kernel_cwnd_bytes"].to_list()[:2] == [2 * MSS, 5 * MSS]
    assert rows["kernel_ssthresh_bytes"].to_list()[:2] == [7 * MSS] * 2
    told = agreement(rows).row(0, named=True)
    assert told["cwnd_rows"] == 2 and told["cwnd_error"] == pytest.approx((0 + 1 / 5) / 2)


def test_without_events_the_window_is_that_of_the_nearest_sample(found: Analysis) -> None:
    sockets = _samples(_sample(30, snd_cwnd_segments=3), _sample(39, snd_cwnd_segments=4))
    assert _beside(found, sockets)["kernel_cwnd_bytes"].to_list()[:2] == [3 * MSS, 4 * MSS]


def test_sockets_that_were_not_sampled_are_left_out(found: Analysis) -> None:
    assert _beside(found, _samples(_sample(11, local="10.0.0.9:1"))).is_empty()


def test_accounts_agree_as_far_as_they_run_together(found: Analysis) -> None:
    busy = [_sample(t_ms, busy_ns=int((t_ms - 20) * 1e6)) for t_ms in (30, 40, 49.95)]
    told = agreement(_beside(found, _samples(*busy))).row(0, named=True)
    assert told["busy_agrees"] == pytest.approx(1, abs=0.01) and told["rwnd_agrees"] == 1
    idle = [_sample(t_ms) for t_ms in (30, 40, 49.95)]
    assert agreement(_beside(found, _samples(*idle))).row(0, named=True)["busy_agrees"] < 0.1


def test_a_state_that_differs_is_counted_by_its_time(found: Analysis) -> None:
    states = [_sample(29), _sample(39, ca_state="Disorder"), _sample(49, ca_state="Recovery")]
    told = agreement(_beside(found, _samples(*states))).row(0, named=True)
    assert told["ca_state_equal"] == pytest.approx(2 / 3, abs=0.01)
