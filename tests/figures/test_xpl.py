from __future__ import annotations

import re

import polars as pl

from netemu.figures import RunTables
from netemu.figures.time_sequence import companion
from tests.figures.traces import Trace, handshake, run_of

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
