"""Two run directories compared."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import polars as pl
import pytest

from netemu.compare.runs import diff_runs
from netemu.errors import BadInput
from tests.compare.runs_by_hand import run_directory
from tests.figures.traces import all_frames

VIRTUAL: dict[str, Any] = {"guest": {"time": "virtual"}}


@pytest.fixture
def pair(tmp_path: Path) -> tuple[Path, Path]:
    return run_directory(tmp_path / "a", **VIRTUAL), run_directory(tmp_path / "b", **VIRTUAL)


def shifted(by_ns: int) -> dict[str, pl.DataFrame]:
    frames = all_frames()
    frames["packets"] = frames["packets"].with_columns(pl.col("t_ns") + by_ns)
    frames["connections"] = frames["connections"].with_columns(pl.col("start_ns") + by_ns)
    return frames


def test_equal_runs_are_identical(pair: tuple[Path, Path]) -> None:
    diff = diff_runs(*pair)
    assert diff.identical and diff.identical_ratio == 1.0 and diff.first() is None
    assert diff.tolerance_ns == 0


def test_times_are_compared_only_where_both_clocks_are_virtual(pair: tuple[Path, Path], tmp_path: Path) -> None:
    real = run_directory(tmp_path / "real", guest={"time": "real"})
    assert diff_runs(pair[0], real).tolerance_ns is None
    assert diff_runs(pair[0], real, tolerance_ns=5).tolerance_ns == 5


def test_a_connection_that_begins_later_is_a_difference_of_its_own(pair: tuple[Path, Path], tmp_path: Path) -> None:
    later = run_directory(tmp_path / "later", shifted(4), **VIRTUAL)
    diff = diff_runs(pair[0], later)
    assert diff.identical_ratio == 1.0 and not diff.identical
    assert [(start.flow, start.a_ns, start.b_ns) for start in diff.starts] == [("bulk", 0, 4)]
    assert diff_runs(pair[0], later, tolerance_ns=4).identical


def test_the_first_difference_is_the_earliest_on_the_clock(pair: tuple[Path, Path], tmp_path: Path) -> None:
    frames = all_frames()
    changed = pl.col("frame").is_in([30, 9])
    frames["packets"] = frames["packets"].with_columns(window_bytes=pl.when(changed).then(1).otherwise("window_bytes"))
    diff = diff_runs(pair[0], run_directory(tmp_path / "c", frames, **VIRTUAL))
    found = diff.first()
    assert found is not None
    stream, number = found
    assert diff.a.packets.row(int(stream.pairs[number, 0]), named=True)["frame"] == 9


def test_flows_are_named_in_the_order_in_which_they_begin_each_with_its_own_first_difference(
    pair: tuple[Path, Path],
) -> None:
    diff = diff_runs(*pair)
    assert diff.flows == ["bulk"]
    assert len(diff.of_flow("bulk")) == len(diff.streams) == 2
    assert diff.of_flow("web") == () and diff.first("web") is None


def test_a_capture_that_one_run_has_alone_is_named(pair: tuple[Path, Path], tmp_path: Path) -> None:
    frames = all_frames()
    for name in ("packets", "connections"):
        other = frames[name].with_columns(capture=pl.lit("h9-eth0"))
        frames[name] = pl.concat([frames[name], other])
    diff = diff_runs(pair[0], run_directory(tmp_path / "c", frames, **VIRTUAL))
    assert diff.left_out == ("h9-eth0",)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"capture": "h7-eth0"}, r"no capture 'h7-eth0'.*h1-eth0"),
        ({"flow": "web"}, r"no connection of a flow 'web' \(flows: bulk\)"),
        ({"ignore": ("windows",)}, r"--ignore 'windows': the fields are seq"),
    ],
)
def test_what_is_not_there_is_named(pair: tuple[Path, Path], options: dict, message: str) -> None:
    with pytest.raises(BadInput, match=message):
        diff_runs(*pair, **options)


def test_a_directory_that_is_none_is_refused(pair: tuple[Path, Path], tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="no such directory; RUN_B"):
        diff_runs(pair[0], tmp_path / "gone")
    with pytest.raises(BadInput, match="no tables"):
        diff_runs(pair[0], tmp_path)
