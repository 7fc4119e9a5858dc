"""Counters before and after, as lines of samples/counters.jsonl."""

import json
from pathlib import Path

from netemu.lab.counters import write_counters


def test_one_line_per_host_and_counter_and_a_new_counter_counts_from_zero(tmp_path: Path) -> None:
    path = tmp_path / "counters.jsonl"
    write_counters({"h1": {"TcpInSegs": 1}}, {"h1": {"TcpInSegs": 5, "TcpOutSegs": 2}}, path)
    assert [json.loads(line) for line in path.read_text().splitlines()] == [
        {"host": "h1", "counter": "TcpInSegs", "before": 1, "after": 5},
        {"host": "h1", "counter": "TcpOutSegs", "before": 0, "after": 2},
    ]
