"""An analysis told to people."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from netemu.trace.analysis import analyze
from netemu.trace.show.text import as_text, connection_text, headline
from tests.trace.build import ACK, write_pcap
from tests.trace.show.scenes import lossy, several


def test_the_text_tells_what_happened_and_leaves_out_what_did_not(tmp_path: Path) -> None:
    lines = as_text(lossy().analyse(tmp_path), 20).splitlines()
    assert lines[0] == "8 packets, 1 TCP connection, 4,000 B of payload in 310 ms"
    assert lines[2:5] == [
        "Worth a look, the worst first",
        "  #0   the client sent 1 segment again (25% of its data segments): 1 timeout - the sender waited for",
        "       its timer each time",
    ]
    assert "#0  10.0.0.1:40000 -> 10.0.0.2:80   established, 310 ms from 0 s" in lines
    assert "  retransmitted           1 (1 timeout)      0" in lines
    assert "  payload / unique        4,000 B / 3,000 B  0 B / 0 B" in lines
    assert not [line for line in lines if "keepalives" in line or "zero windows" in line]


def test_the_connections_with_most_payload_come_first_and_the_limit_counts_the_others(tmp_path: Path) -> None:
    text = as_text(analyze(write_pcap(tmp_path / "three.pcap", several(5, 1, 9))), 2)
    assert text.index("#2  10.0.0.1:40002") < text.index("#0  10.0.0.1:40000")
    assert "10.0.0.1:40001  " not in text
    assert "1 connection with less payload not shown; --limit N shows more" in text


def test_no_line_of_the_overview_is_wider_than_the_terminal(tmp_path: Path) -> None:
    analysis = analyze(write_pcap(tmp_path / "five.pcap", several(5, 1, 9, 2, 2)))
    wide, narrow = (as_text(analysis, 20, width=width).splitlines() for width in (160, 70))
    assert max(map(len, narrow)) <= 70 < max(map(len, wide))
    assert "client sent" in narrow[-6] and "end" in wide[-6] and "end" not in narrow[-6]


def test_many_connections_are_shown_in_full_when_asked(tmp_path: Path) -> None:
    analysis = analyze(write_pcap(tmp_path / "four.pcap", several(1, 2, 3, 4)))
    assert "client sends" not in as_text(analysis, 20)
    assert as_text(analysis, 20, details=True).count("client sends") == 4


def test_several_captures_are_told_apart(tmp_path: Path) -> None:
    paths = [write_pcap(tmp_path / f"{name}.pcap", lossy().records) for name in ("left", "right")]
    text = as_text(analyze(paths), 20)
    assert "left/0  10.0.0.1:40000" in text and "right/0  10.0.0.1:40000" in text


def test_a_selection_is_named_and_what_is_hidden_stays_counted(tmp_path: Path) -> None:
    analysis = analyze(write_pcap(tmp_path / "three.pcap", several(5, 1, 9))).where(connection=1, end="1s")
    lines = as_text(analysis, 20).splitlines()
    assert lines[0].startswith("30 packets, 3 TCP connections, 1 shown, 2,000 B of payload")
    assert lines[1] == "shown: connection 1, to 1s; analysed: everything"


def test_a_partial_analysis_says_so_at_once_and_warnings_come_last(tmp_path: Path) -> None:
    path = write_pcap(tmp_path / "cut.pcap", lossy().records)
    path.write_bytes(path.read_bytes()[:-5])
    analysis = analyze(path)
    lines = as_text(analysis, 20, width=500).splitlines()
    assert lines[0].endswith("PARTIAL: a file ends before its data does") and lines[0] == headline(analysis)
    assert lines[-2] == "Warnings" and lines[-1] == f"  {analysis.warnings[0]}"


def test_a_fin_and_spurious_retransmissions_are_named(tmp_path: Path) -> None:
    talk = lossy()
    talk.say(320, "a", 1, 1, 1000)  # all of it has been acknowledged: needless
    talk.say(330, "a", 3001, 1, flags=ACK | 1)
    talk.say(700, "a", 3001, 1, flags=ACK | 1)
    (row,) = talk.analyse(tmp_path).connections.to_dicts()
    (line,) = [line for line in connection_text(row) if "retransmitted" in line]
    assert "1 fin" in line and "; 1 spurious)" in line


def test_one_direction_alone_is_told_without_what_it_cannot_tell(tmp_path: Path) -> None:
    records = [record for record in lossy().records if record[1][29] == 1]
    lines = as_text(analyze(write_pcap(tmp_path / "half.pcap", records)), 20).splitlines()
    assert lines[0] == "6 packets, 1 TCP connection, 4,000 B of payload in 300 ms"
    assert "#0  10.0.0.1:40000 -> 10.0.0.2:80   only one direction captured (syn only), 300 ms from 0 s" in lines
    assert "  retransmitted           1 (class not told)  -" in lines


def test_comments_of_the_files_are_told_once_and_those_of_packets_counted(tmp_path: Path) -> None:
    analysis = replace(analyze(write_pcap(tmp_path / "x.pcap", lossy().records)), comments=["plan a\nseed 1"] * 2)
    analysis.packet_comments = 3
    text = as_text(analysis, 20, width=500)
    assert "\n\nComments in the files\n  plan a seed 1\n  and 3 comments on single packets" in text
