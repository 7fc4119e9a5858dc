"""An analysis told to machines."""

from __future__ import annotations

import json
from itertools import islice, repeat
from pathlib import Path
from typing import Any

import pytest

from netemu.recording.tables import PACKET_TABLES, RETRANSMISSION_KINDS
from netemu.trace.show import machine
from netemu.trace.show.machine import SCHEMA, json_text
from netemu.trace.show.result import Analysis
from tests.trace.show.scenes import lossy


def told(analysis: Analysis) -> dict[str, Any]:
    found: dict[str, Any] = json.loads("".join(json_text(analysis)))
    return found


def test_json_holds_the_classes_that_add_up_and_null_for_what_is_absent(tmp_path: Path) -> None:
    found = told(lossy().analyse(tmp_path))
    assert (found["schema"], found["packets"], found["partial"], found["warnings"]) == (SCHEMA, 8, False, [])
    a, b = found["connections"][0]["a_to_b"], found["connections"][0]["b_to_a"]
    assert a["retransmits"] == {name: int(name == "timeout") for name in RETRANSMISSION_KINDS}
    assert a["retransmitted_segments"] == sum(a["retransmits"].values()) == 1
    assert b["mss_used_bytes"] is None and b["goodput_bps"] is None


def test_json_counts_the_rows_of_every_table_and_names_the_findings(tmp_path: Path) -> None:
    found = told(lossy().analyse(tmp_path))
    assert set(found["rows"]) == set(PACKET_TABLES) and found["rows"]["connections"] == 1
    (finding,) = found["findings"]
    assert (finding["kind"], finding["side"], finding["count"], finding["connection"]) == ("timeout", "client", 1, 0)
    assert finding["text"] and finding["why"]


def test_json_says_what_was_left_out(tmp_path: Path) -> None:
    whole = lossy().analyse(tmp_path)
    assert told(whole)["selection"] is None
    found = told(whole.where(port=443))
    assert (found["selection"], found["connections"], found["connection_count"]) == ("port 443", [], 1)


def test_json_is_given_while_its_rows_are_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Rows without end stand for those of a capture with millions of connections: none is kept for the next."""
    analysis = lossy().analyse(tmp_path)
    monkeypatch.setattr(machine, "batches_of", lambda table: repeat(analysis.connections))
    assert sum(piece.count('"client"') for piece in islice(json_text(analysis), 3)) > 50
