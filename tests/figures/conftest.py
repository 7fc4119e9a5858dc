"""The run by hand as fixtures."""

from __future__ import annotations

import polars as pl
import pytest

from netemu.figures import RunTables
from tests.figures.traces import all_frames, run_of


@pytest.fixture
def frames() -> dict[str, pl.DataFrame]:
    return all_frames()


@pytest.fixture
def run(frames: dict[str, pl.DataFrame]) -> RunTables:
    return run_of(frames)
