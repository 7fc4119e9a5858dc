from __future__ import annotations

import re
import subprocess
from pathlib import Path

import polars as pl
import pytest

from netemu.figures import RunTables
from netemu.figures.time_sequence import companion
from netemu.trace import analyze
from tests.figures.traces import Trace, handshake, run_of
from tests.trace import rig

COLOURS = {"white", "green", "red", "blue", "yellow", "purple", "orange", "magenta", "pink"}
POINTS = {"darrow", "uarrow", "diamond", "dtick", "utick", "x"}
TEXTS = {"atext", "btext", "ltext", "rtext"}
TIME = r"\d+\.\d{6}"


def commands(text: str) -> list[str]:
    return text.splitlines()


def test_every_line_is_a_command_that_xplot_knows(run: RunTables) -> None:
    lines = iter(commands(companion(run)[1]))
    assert [next(lines) for _ in range(2)] == ["timeval unsigned", "title"]
    assert next(lines) == "10.0.0.1:40000_==>_10.0.1.1:5001 (time sequence graph)"
    assert [next(lines) for _ in range(4)] == ["xlabel", "time", "ylabel", "sequence offset"]
    *body, last = list(lines)
    assert last == "go"
    rest = iter(body)
    for line in rest:
        word = line.split()[0]
        if word in COLOURS:
            assert line == word
        elif word == "line":
            assert re.fullmatch(rf"line {TIME} \d+ {TIME} \d+", line)
        else:
            assert word in POINTS | TEXTS and re.fullmatch(rf"\w+ {TIME} \d+", line), line
            if word in TEXTS:
                assert next(rest)


def test_a_segment_has_arrows_at_its_ends_and_a_line_between() -> None:
    trace = Trace()
    handshake(trace)
    trace.send(41.5, size=100)
    lines = commands(companion(run_of(trace.finish()))[1])
    at = lines.index("darrow 0.041500 1")
    assert lines[at - 1 : at + 3] == [
        "white",
        "darrow 0.041500 1",
        "uarrow 0.041500 101",
        "line 0.041500 1 0.041500 101",
    ]


def test_retransmissions_carry_r_in_the_colour_of_their_class(run: RunTables) -> None:
    lines = commands(companion(run)[1])
    marked = [lines[: index + 1] for index, line in enumerate(lines) if line == "R"]
    colours = [next(line for line in reversed(before) if line in COLOURS) for before in marked]
    assert colours == ["blue", "magenta", "red", "red"]


def test_ack_steps_are_green_and_the_window_yellow(run: RunTables) -> None:
    text = companion(run)[1]
    assert "green\nline 0.040000 1 0.081500 1\nline 0.081500 1 0.081500 1449" in text
    assert "yellow\nline 0.040000 65537 0.081500 65537\nline 0.081500 65537 0.081500 66985" in text
    assert "yellow\nline" not in companion(run, window=False)[1]


def test_zero_windows_sacks_probes_and_ends_are_marked(run: RunTables) -> None:
    lines = commands(companion(run)[1])
    counts = {word: lines.count(word) for word in ("SYN", "FIN", "Z", "S", "P")}
    assert counts == {"SYN": 1, "FIN": 1, "Z": 2, "S": 18, "P": 1}
    assert sum(line.startswith("x ") for line in lines) == 4


def test_a_title_may_be_given(run: RunTables) -> None:
    assert commands(companion(run, title="mine")[1])[2] == "mine"


def test_beyond_32_bits_the_axis_is_double(frames: dict[str, pl.DataFrame]) -> None:
    far = pl.col("seq_offset_bytes", "ack_offset_bytes") + 2**32
    frames["packets"] = frames["packets"].with_columns(far)
    assert commands(companion(run_of(frames))[1])[0] == "timeval double"


def test_a_fin_is_a_line_behind_the_data_that_came_with_it() -> None:
    trace = Trace()
    handshake(trace)
    trace.send(41.5, size=100, flags=25)
    trace.packet(50, 0, seq_offset_bytes=101, flags=17, kind="fin")
    lines = commands(companion(run_of(trace.finish()))[1])
    at = lines.index("diamond 0.041500 101")
    assert lines[at + 1 : at + 4] == ["line 0.041500 1 0.041500 101", "orange", "line 0.041500 101 0.041500 102"]
    at = lines.index("line 0.050000 101 0.050000 102")
    assert lines[at - 1 : at + 5] == ["pink", lines[at], "atext 0.050000 102", "FIN", "atext 0.050000 102", "R"]


def drawn_lines(text: str) -> dict[str, list[tuple[str, ...]]]:
    """The lines by what they show, in the order of the values: tcptrace gives a retransmission no class."""
    groups = {"green": "acks", "yellow": "window", "purple": "sacks"}
    found: dict[str, list[tuple[str, ...]]] = {}
    colour = ""
    for line in text.splitlines():
        words = line.split()
        if line in COLOURS:
            colour = line
        elif words and words[0] == "line" and len(words) == 5:
            found.setdefault(groups.get(colour, "segments"), []).append((words[2], words[4]))
    return {name: sorted(lines) for name, lines in found.items()}


@pytest.mark.lab
def test_tcptrace_draws_the_same_graph_of_a_real_lossy_transfer(tmp_path: Path) -> None:
    rig.run(rig.Transfer(seed=7, send_bytes=300_000, loss=0.03), tmp_path)
    micro = tmp_path / "micro.pcap"  # tcptrace reads microseconds only
    subprocess.run(["tcpdump", "-r", tmp_path / "a.pcap", "-w", micro], check=True, capture_output=True)
    subprocess.run(["tcptrace", "-S", "-zxy", micro], check=True, capture_output=True, cwd=tmp_path)
    analysis = analyze([micro])
    names = ("packets", "connections", "rtt", "sacks", "icmp")
    run = RunTables({name: getattr(analysis, name) for name in names}, "real")
    ours = drawn_lines(companion(run)[1])
    theirs = drawn_lines((tmp_path / "a2b_tsg.xpl").read_text())
    assert len(ours["sacks"]) > 0 and len(ours["segments"]) > 200
    assert ours == theirs
