"""Every scenario counts the same, and the text tells what matters."""

from __future__ import annotations

import json

from netemu.fidelity.judged import Difference
from netemu.fidelity.table import Captures, Row, Table, as_json, as_text, reached, summary
from netemu.fidelity.times import Off, Times

FIRST = Difference("h2-eth0", "10.0.0.2:5001#1", True, 12, 5_500_000, "window", "501", "502")


def row(
    name: str, ratio: float, packets: int = 10, *, first: Difference | None = None, error: str | None = None
) -> Row:
    times = Times(answer=Off(packets, packets, 0), timer=Off(2, 1, 9_000_000))
    kernel, model = "uml:7.2?time=virtual", "model:linux-7"
    differences = {} if first is None else {first.field: 1}
    told = "" if first is None else "receiving (tcp_window)"
    captures = Captures("/real", None if error else "/model")
    return Row(
        name, ("M01",), kernel, model, "abc", packets, ratio, first, differences, times, told, captures, error=error
    )


def test_each_scenario_counts_the_same_however_long() -> None:
    (one,) = summary([row("short", 0.9, 10), row("long", 1.0, 10_000)])
    assert (one["average"], one["lowest"], one["lowest_name"], one["identical"]) == (0.95, 0.9, "short", 1)
    assert one["timer_driven"] == {"packets": 4, "within": 2}


def test_what_is_asked_is_an_average_and_a_lowest() -> None:
    assert reached([row("a", 1.0), row("b", 0.985)])
    assert not reached([row("a", 1.0), row("b", 0.9)])
    assert not reached([*(row(str(number), 1.0) for number in range(99)), row("b", 0.89)])


def test_the_text_has_a_line_for_each_row_and_the_figures() -> None:
    table = Table(
        (row("bulk", 0.95, first=FIRST), row("rto", 0.0, error="the model raised KeyError: 1 (x.py:3)")), 1000, 2
    )
    lines = as_text(table).splitlines()
    assert "h2-eth0 #12 out at 5.500 ms: window 501 | 502  <- receiving" in lines[1]
    assert "raised KeyError" in lines[2]
    assert "average 47.50% of 2 scenarios" in lines[4]
    assert lines[-1].startswith("generated: 2 scenarios of seed 1000; developed with")


def test_the_object_holds_what_was_asked_for() -> None:
    content = json.loads(json.dumps(as_json(Table((row("bulk", 0.95, first=FIRST),)))))
    (scenario,) = content["scenarios"]
    asked = {"name", "kernel", "model", "packets", "identical_ratio", "first_difference", "cause", "captures"}
    assert asked <= scenario.keys()
    assert scenario["first_difference"]["field"] == "window"
    assert scenario["captures"] == {"real": "/real", "model": "/model"}
    assert content["summary"][0]["model"] == "model:linux-7"
