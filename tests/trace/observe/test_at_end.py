"""Rows kept chunk by chunk come at the end, by flow and time."""

from __future__ import annotations

from netemu.trace.observe import path_mtu_scan
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
    found = part.end(4)
    assert found[["flow", "t_ns", "frame"]].tolist() == [(1, 40, 1), (1, 40, 2), (1, 60, 7), (3, 50, 9)]


def test_the_end_of_a_flow_gives_the_row_that_holds() -> None:
    part = PathMtu()
    part.reserve(2, 1)
    part.state.array["row_cause"][1] = path_mtu_scan.HANDSHAKE
    part.state.array["mtu"][1] = 1500
    assert part.end(2)[["flow", "after"]].tolist() == [(1, 1500)]
