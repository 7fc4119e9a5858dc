"""Where packets were lost."""

from __future__ import annotations

import numpy as np
import polars as pl

from netemu.trace.ends_match import Matches
from netemu.trace.ends_where import dropped_by, last_seen


def matches(sent: list[int], arrived: list[int]) -> Matches:
    zero = np.zeros(len(sent), np.int64)
    return Matches(np.array(sent), np.array(arrived), zero, zero, zero.astype(bool), zero)


def test_the_last_of_those_that_saw_it() -> None:
    whole = matches([0, 1, 2, -1], [0, -1, -1, 1])
    between = [("r1", matches([0, 1, 2], [0, 1, -1])), ("r2", matches([0, 1, 2], [0, -1, -1]))]
    assert last_seen(whole, "h1", between, "h2").to_list() == ["h2", "r1", "h1", "h2"]


def test_without_an_account_no_link_is_named() -> None:
    lost = pl.DataFrame({"row": [0], "t_ns": [1]})
    assert dropped_by(lost, None).is_empty()
