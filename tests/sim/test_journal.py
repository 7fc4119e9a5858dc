"""Each packet's ends as the lab writes them."""

from __future__ import annotations

import json
from pathlib import Path

from netemu.link.model import FORWARD, Verdict
from netemu.sim.journal import Journal
from tests.sim.packets import ALL


def test_ends_and_what_only_tcp_has(tmp_path: Path) -> None:
    journal = Journal("h1-h2")
    for one in ALL:
        journal.note("b_to_a", 5, Verdict(FORWARD, 6, 0, 0), one)
    journal.finish(tmp_path / "w.jsonl", 5, 100)
    rows = [json.loads(line)[-7:] for line in (tmp_path / "w.jsonl").read_text().splitlines()[1:]]
    assert rows[0] == ["10.0.0.1:4000", "10.0.0.2:5001", 6, 100, 7, 100, 24]
    assert rows[1] == ["10.0.0.1:53", "10.0.0.2:54", 17, None, None, 3, None]
    assert rows[2] == ["10.0.0.1", "10.0.0.2", 1, None, None, None, None]
    assert rows[4][0] == "[fd00::1]:4000"
