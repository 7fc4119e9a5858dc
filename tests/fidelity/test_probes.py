"""The kernel's own variables at the same packets."""

from __future__ import annotations

import json
from pathlib import Path

from netemu.fidelity.probes import (
    Probe,
    Probed,
    ProbeDifference,
    count_differences,
    first_difference,
    read_probes,
)
from netemu.recording.layout import Recording


def event(t_ns: int, *, port: int = 40000, cwnd: int = 10, srtt: int = 40_000, **more: object) -> dict[str, object]:
    values = {"snd_cwnd": cwnd, "ssthresh": 2147483647, "srtt": srtt, "snd_wnd": 65160, "rcv_wnd": 64240}
    ends = {"host": "h1", "local": f"10.0.0.1:{port}", "remote": "10.0.0.2:5001"}
    return {"t_ns": t_ns, "event": "tcp_probe", **ends, **values, **more}


def write(place: Path, events: list[dict[str, object]]) -> Recording:
    (place / "samples").mkdir(parents=True)
    (place / "samples" / "trace.jsonl").write_text("".join(json.dumps(one) + "\n" for one in events))
    return Recording(place)


def test_probes_are_known_by_server_and_number(tmp_path: Path) -> None:
    other = {"t_ns": 3, "event": "tcp_retransmit_skb", "host": "h1"}
    run = write(tmp_path, [event(1), event(2, port=40001), other, event(4, cwnd=11), event(5, host=None)])
    found = read_probes(run)
    assert {key: [one.t_ns for one in probes] for key, probes in found.items()} == {
        ("h1", "5001#1"): [1, 4],
        ("h1", "5001#2"): [2],
    }
    assert found["h1", "5001#1"][1] == Probe(4, (11, 2147483647, 40_000, 65160, 64240))


def test_the_first_variable_that_differs_is_named(tmp_path: Path) -> None:
    real = read_probes(write(tmp_path / "a", [event(1), event(5, cwnd=11), event(9, cwnd=12)]))
    model = read_probes(write(tmp_path / "b", [event(1), event(5, cwnd=11), event(9, cwnd=12, srtt=39_000)]))
    assert first_difference(real, model) == ProbeDifference("h1", 3, 9, "srtt", 40_000, 39_000)
    assert first_difference(real, real) is None


def test_all_arrivals_are_counted_and_each_variable_that_differs(tmp_path: Path) -> None:
    real = read_probes(write(tmp_path / "a", [event(1), event(5, srtt=2), event(9, cwnd=12), event(12)]))
    model = read_probes(write(tmp_path / "b", [event(1), event(5, srtt=1), event(9, srtt=1)]))
    assert count_differences(real, model) == Probed(3, {"srtt": 2, "snd_cwnd": 1})
    assert count_differences(real, {}) == Probed()


def test_a_kernel_without_the_tracepoint_tells_nothing(tmp_path: Path) -> None:
    assert read_probes(Recording(tmp_path)) == {}
    assert first_difference({}, read_probes(write(tmp_path / "a", [event(1)]))) is None
