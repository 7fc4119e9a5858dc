"""Rows kept chunk by chunk come at the end, by flow and time."""

from __future__ import annotations

import numpy as np
import pytest

from netemu.trace.observe import at_end, path_mtu_scan
from netemu.trace.observe.path_mtu import PathMtu


def test_rows_are_kept_and_put_in_order() -> None:
    part = PathMtu()
    for rows in ([(3, 50, 9), (1, 60, 7)], [(1, 40, 2), (1, 40, 1)]):
        part.reserve(4, 10)
        assert part.rows.size >= path_mtu_scan.ROWS_PER_PACKET * 10
        for place, row in enumerate(rows):
            for name, value in zip(("flow", "t_ns", "frame"), row, strict=True):
                part.rows[name][place] = value
        part.keep(len(rows))
    found = part.end(4, np.int64([]))
    assert found[["flow", "t_ns", "frame"]].tolist() == [(1, 40, 1), (1, 40, 2), (1, 60, 7), (3, 50, 9)]


def test_too_many_rows_are_taken_before_the_end(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(at_end, "MOST", 2)
    part = PathMtu()
    part.reserve(4, 2)
    part.rows["flow"][:3], part.rows["t_ns"][:3] = [3, 1, 1], [50, 60, 40]
    part.keep(2)
    assert not part.is_full
    part.keep(3)
    assert part.is_full
    assert part.take()[["flow", "t_ns"]].tolist() == [(1, 40), (1, 60), (1, 60), (3, 50), (3, 50)]
    assert not part.is_full
    assert part.end(4, np.int64([])).size == 0


def test_the_end_of_a_flow_gives_the_row_that_holds() -> None:
    part = PathMtu()
    part.reserve(2, 1)
    part.state.array["row_cause"][1] = path_mtu_scan.HANDSHAKE
    part.state.array["mtu"][1] = 1500
    assert part.end(2, np.int64([]))[["flow", "after"]].tolist() == [(1, 1500)]


def test_flows_that_go_on_keep_their_rows_and_get_other_numbers() -> None:
    part = PathMtu()
    part.reserve(4, 2)
    part.rows["flow"][:2], part.rows["t_ns"][:2] = [1, 3], [70, 50]
    part.keep(2)
    part.state.array["mtu"][:4] = [1, 2, 3, 4]
    part.state.array["row_cause"][:4] = path_mtu_scan.HANDSHAKE
    first = part.end(4, np.int64([2, 3]))
    assert first[["flow", "after"]].tolist()[0] == (0, 1) and set(first["flow"]) == {0, 1}
    assert part.state.array["mtu"][:3].tolist() == [3, 4, 0]
    last = part.end(2, np.int64([]))
    assert last[["flow", "t_ns"]].tolist() == [(0, 0), (1, 0), (1, 50)]
