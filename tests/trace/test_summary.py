"""An analysis told to people and to machines."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from netemu.trace.analysis import analyze
from netemu.trace.summary import CLASSES, as_json, as_text, format_bytes, format_duration
from tests.trace.build import ACK, Talk, write_pcap


def lossy(port: int = 40000, segments: int = 3) -> Talk:
    """A connection with one timeout; port and size tell it from others."""
    talk = Talk(ports=(port, 80), sack=False)
    talk.handshake()
    for i in range(segments):
        talk.say(20 + i / 10, "a", 1 + 1000 * i, 1, 1000)
    talk.say(300, "a", 1, 1, 1000)
    talk.say(310, "b", 1, 1 + 1000 * segments)
    return talk


@pytest.mark.parametrize(
    ("ns", "text"),
    [
        (None, "-"),
        (0, "0 ns"),
        (999, "999 ns"),
        (1_000, "1 us"),
        (1_234_567, "1.235 ms"),
        (12_000_000_000, "12 s"),
        (-2_500_000, "-2.5 ms"),
    ],
)
def test_durations_choose_their_unit(ns: int | None, text: str) -> None:
    assert format_duration(ns) == text


@pytest.mark.parametrize(
    ("count", "text"),
    [
        (None, "-"),
        (0, "0 B"),
        (9_999, "9999 B"),
        (10_000, "10 kB"),
        (1_500_000, "1.5 MB"),
        (2_000_000_000, "2 GB"),
    ],
)
def test_bytes_are_exact_while_short(count: int | None, text: str) -> None:
    assert format_bytes(count) == text


def test_json_holds_the_classes_that_add_up_and_null_for_what_is_absent(tmp_path: Path) -> None:
    found: dict[str, Any] = json.loads(json.dumps(as_json(lossy().analyse(tmp_path))))
    assert (found["packets"], found["partial"], found["warnings"]) == (8, False, [])
    a, b = found["connections"][0]["a_to_b"], found["connections"][0]["b_to_a"]
    assert a["retransmits"] == {name: int(name == "timeout") for name in CLASSES}
    assert a["retransmitted_segments"] == sum(a["retransmits"].values()) == 1
    assert b["mss_used_bytes"] is None and b["goodput_bps"] is None


def test_the_text_tells_what_happened_and_leaves_out_what_did_not(tmp_path: Path) -> None:
    lines = as_text(lossy().analyse(tmp_path), 20).splitlines()
    assert lines[0] == "8 packets, 1 TCP connection"
    assert lines[2] == "10.0.0.1:40000 -> 10.0.0.2:80   handshake or end not captured, 310 ms from 0 ns"
    assert "  retransmitted           1 (timeout 1)                     0" in lines
    assert "  payload / unique        4000 B / 3000 B                   0 B / 0 B" in lines
    assert not [line for line in lines if "keepalives" in line or "zero windows" in line]


def test_the_limit_keeps_the_connections_with_most_payload_in_order_of_time(tmp_path: Path) -> None:
    talks = [lossy(40000 + i, segments) for i, segments in enumerate((5, 1, 9))]
    records = sorted((r for talk in talks for r in talk.records), key=lambda record: record[0])
    analysis = analyze([write_pcap(tmp_path / "three.pcap", records)])
    text = as_text(analysis, 2)
    assert text.index("10.0.0.1:40000") < text.index("10.0.0.1:40002")
    assert "10.0.0.1:40001" not in text
    assert "1 connections with less payload are not shown; --limit N shows more" in text


def test_several_captures_are_told_apart(tmp_path: Path) -> None:
    paths = [write_pcap(tmp_path / f"{name}.pcap", lossy().records) for name in ("left", "right")]
    headings = [line for line in as_text(analyze(paths), 20).splitlines() if line.startswith("==")]
    assert headings == ["== left", "== right"]


def test_a_partial_analysis_says_so_at_once(tmp_path: Path) -> None:
    path = write_pcap(tmp_path / "cut.pcap", lossy().records)
    path.write_bytes(path.read_bytes()[:-5])
    assert "PARTIAL" in as_text(analyze([path]), 20).splitlines()[0]


def test_a_fin_and_spurious_retransmissions_are_named(tmp_path: Path) -> None:
    talk = lossy()
    talk.say(320, "a", 1, 1, 1000)  # all of it has been acknowledged: needless
    talk.say(330, "a", 3001, 1, flags=ACK | 1)
    talk.say(700, "a", 3001, 1, flags=ACK | 1)
    text = as_text(talk.analyse(tmp_path), 20)
    assert "fin 1" in text and "; 1 spurious)" in text
