"""Several recordings made one."""

from __future__ import annotations

import json
from pathlib import Path

from netemu.kernels.mixed_merge import factored, merge_members, merge_recordings, merge_settings
from netemu.recording.layout import Recording


def recording(root: Path, files: dict[str, str]) -> Recording:
    for kind in ("captures", "agents", "samples", "wires"):
        (root / kind).mkdir(parents=True)
    for name, text in files.items():
        (root / name).write_text(text)
    return Recording(root)


def lines(*times: int, host: str) -> str:
    return "".join(json.dumps({"t_ns": t_ns, "host": host}) + "\n" for t_ns in times)


def test_files_move_and_samples_are_joined_by_time(tmp_path: Path) -> None:
    whole = recording(tmp_path, {"wires/l2.jsonl": "relay"})
    parts = [
        recording(
            tmp_path / "part0",
            {
                "captures/h1-eth0.pcapng": "one",
                "wires/l1.jsonl": "netem",
                "samples/sockets.jsonl": lines(1, 5, 9, host="h1"),
                "samples/counters.jsonl": '{"host": "h1"}\n',
            },
        ),
        recording(
            tmp_path / "part1",
            {
                "agents/x.jsonl": "two",
                "samples/sockets.jsonl": lines(2, 5, 20, host="h2"),
                "samples/counters.jsonl": '{"host": "h2"}\n',
                "samples/trace.jsonl": lines(3, host="h2"),
            },
        ),
    ]
    merge_recordings(parts, whole)
    assert not (tmp_path / "part0").exists()
    assert not (tmp_path / "part1").exists()
    assert sorted(path.name for path in whole.wires.iterdir()) == ["l1.jsonl", "l2.jsonl"]
    assert (whole.captures / "h1-eth0.pcapng").read_text() == "one"
    assert (whole.agents / "x.jsonl").read_text() == "two"
    found = [json.loads(line) for line in (whole.samples / "sockets.jsonl").read_text().splitlines()]
    assert [(one["t_ns"], one["host"]) for one in found] == [
        (1, "h1"),
        (2, "h2"),
        (5, "h1"),
        (5, "h2"),
        (9, "h1"),
        (20, "h2"),
    ]
    assert (whole.samples / "counters.jsonl").read_text() == '{"host": "h1"}\n{"host": "h2"}\n'
    assert (whole.samples / "trace.jsonl").read_text() == lines(3, host="h2")


def settings(nodes: dict[str, dict[str, str]], wires: dict[str, object]) -> dict[str, object]:
    return {
        "interfaces": {node: {f"{node}-eth0": {}} for node in nodes},
        "routes": 1,
        "neighbours": 2,
        "forwarding": 0,
        "wires": wires,
        "sysctls": factored(nodes),
    }


def test_settings_are_as_of_one_network() -> None:
    one = settings({"h1": {"x": "1", "y": "1"}, "r1": {"x": "1", "y": "2"}}, {"l1": {"a": 1}})
    other = settings({"h2": {"x": "3", "y": "1", "z": "4"}}, {"l1": {"b": 2}})
    whole = merge_settings([one, other])
    assert whole["interfaces"].keys() == {"h1", "r1", "h2"}
    assert (whole["routes"], whole["neighbours"], whole["forwarding"]) == (2, 4, 0)
    assert whole["wires"] == {"l1": {"a": 1, "b": 2}}
    assert whole["sysctls"] == {
        "common": {},
        "nodes": {"h1": {"x": "1", "y": "1"}, "r1": {"x": "1", "y": "2"}, "h2": {"x": "3", "y": "1", "z": "4"}},
    }


def test_what_all_nodes_have_stands_once() -> None:
    assert factored({"h1": {"x": "1", "y": "2"}, "h2": {"x": "1", "y": "3"}}) == {
        "common": {"x": "1"},
        "nodes": {"h1": {"y": "2"}, "h2": {"y": "3"}},
    }
    assert factored({}) == {"common": {}, "nodes": {}}


def test_recorders_of_several_guests_have_names_of_their_own() -> None:
    parts = [("uml:5.10", {"capture": 1, "t.client": 2}), ("uml:7.2", {"capture": 3, "t.server": 4})]
    assert merge_members(parts, ["t.client", "t.server"]) == {  # type: ignore[arg-type]
        "capture uml:5.10": 1,
        "t.client": 2,
        "capture uml:7.2": 3,
        "t.server": 4,
    }
