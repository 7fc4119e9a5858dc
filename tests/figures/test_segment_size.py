from __future__ import annotations

from typing import Any

import polars as pl
import pytest

from netemu.errors import BadInput
from netemu.figures import FigureSpec, RunTables, draw
from tests.figures.traces import MS, Trace, frame_of, handshake, run_of


def path_mtu_run(**tables: pl.DataFrame) -> RunTables:
    """Segments of 1500, then 1400 and 1280 after an ICMP message each, the first message sent twice."""
    trace = Trace()
    handshake(trace)
    trace.send(41)
    for t_ms, mtu, reporter in ((62, 1400, "10.0.0.2"), (62.1, 1400, "10.0.0.2"), (90, 1280, "10.0.2.2")):
        trace.icmp.append(
            {
                "capture": "h1-eth0",
                "t_ns": round(t_ms * MS),
                "kind": "fragmentation_needed",
                "reporter": reporter,
                "mtu_bytes": mtu,
            }
        )
    trace.send(63, at=1, size=1348, kind="fast")
    trace.send(91, at=1, size=1228, kind="fast")
    trace.send(130, size=1228)
    return run_of({**trace.finish(), **tables})


def drawn(run: RunTables, **options: Any) -> Any:
    return draw(FigureSpec("a", "segment_size", options), run, width_in=3.33)


def legend(figure: Any) -> list[str]:
    return [text.get_text() for text in figure.legends[0].get_texts()]


def test_every_step_names_the_message_behind_it_once() -> None:
    figure = drawn(path_mtu_run())
    assert [t.get_text() for t in figure.axes[0].texts] == ["1400 B from 10.0.0.2", "1280 B from 10.0.2.2"]
    assert legend(figure) == ["segment", "retransmission", "path MTU (ICMP)", "ICMP fragmentation needed"]
    triangles = [line for line in figure.axes[0].lines if line.get_marker() == "v"]
    assert [int(line.get_ydata()[0]) for line in triangles] == [1400, 1400, 1280]


def test_the_path_mtu_steps_with_the_messages() -> None:
    (steps,) = [line for line in drawn(path_mtu_run()).axes[0].lines if line.get_drawstyle() == "steps-post"]
    assert list(steps.get_ydata()) == [1400, 1400, 1280, 1280]
    assert steps.get_xdata()[-1] == pytest.approx(130)


def test_the_sockets_own_path_mtu_comes_first() -> None:
    rows = [
        {"t_ns": t * MS, "local": "10.0.0.1:40000", "remote": "10.0.1.1:5001", "pmtu_bytes": mtu}
        for t, mtu in ((41, 1500), (64, 1400), (92, 1280))
    ]
    figure = drawn(path_mtu_run(sockets=frame_of("sockets", rows)))
    assert "path MTU (socket)" in legend(figure)


def test_messages_about_other_connections_stay_out(run: RunTables, frames: dict[str, pl.DataFrame]) -> None:
    rows = [{"capture": "h1-eth0", "connection": 7, "kind": "fragmentation_needed", "mtu_bytes": 1300, "t_ns": MS}]
    figure = drawn(run_of({**frames, "icmp": frame_of("icmp", rows)}))
    assert not figure.axes[0].texts


def test_a_direction_without_data_is_refused(run: RunTables) -> None:
    with pytest.raises(BadInput, match="no data segment"):
        drawn(run, direction="b_to_a")


def test_without_any_evidence_of_the_path_mtu_none_is_drawn(frames: dict[str, pl.DataFrame]) -> None:
    del frames["sockets"], frames["icmp"]
    assert legend(drawn(run_of(frames))) == ["segment", "retransmission"]


def test_the_sender_s_own_probes_are_marked_at_their_size() -> None:
    steps = (("handshake", None), ("mtu_probe_confirmed", 1350), ("mtu_probe_lost", 1450), ("mtu_probe_lost", 1400))
    rows = [
        {"capture": "h1-eth0", "connection": 0, "direction": 0, "t_ns": 50 * MS, "cause": cause, "probe_bytes": probe}
        for cause, probe in steps
    ]
    figure = drawn(path_mtu_run(path_mtu=frame_of("path_mtu", rows)))
    assert legend(figure)[-2:] == ["MTU probe, confirmed", "MTU probe, lost"]
    marks = {line.get_marker(): list(line.get_ydata()) for line in figure.axes[0].lines if line.get_marker() in "^x"}
    assert marks == {"^": [1350], "x": [1450, 1400]}
