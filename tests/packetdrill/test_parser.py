"""Whole scripts: options, times, the order of things."""

from __future__ import annotations

import pytest

from tests.packetdrill.parser import parse
from tests.packetdrill.syntax import Call, Code, Shell, TcpPacket, When, Word
from tests.packetdrill.verdict import ScriptError

_SCRIPT = """
--tolerance_usecs=9000
--define=SIZE=700
`set up`
0 socket(..., SOCK_STREAM, IPPROTO_TCP) = 3
+.5 write(3, ..., SIZE) = SIZE
+0~+.2 > P. 1:701(700) ack 1
2.5 %{ assert True }%
* > . 1:1(0)
+0 `more`
`clean up`
"""


def test_a_script_in_its_parts() -> None:
    script = parse(_SCRIPT)
    assert script.options == (("tolerance_usecs", "9000"), ("define", "SIZE=700"))
    assert script.init == "set up"
    assert [type(event.action) for event in script.events] == [Call, Call, TcpPacket, Code, TcpPacket, Shell]
    assert [event.line for event in script.events] == [5, 6, 7, 8, 9, 10]
    assert [event.when for event in script.events] == [
        When(0),
        When(500_000_000, relative=True),
        When(0, 200_000_000, relative=True),
        When(2_500_000_000),
        When(0, any_time=True),
        When(0, relative=True),
    ]


def test_defined_symbols_stand_for_their_values() -> None:
    write = parse(_SCRIPT).events[1].action
    assert isinstance(write, Call)
    assert (write.args[2], write.result) == (700, 700)
    other = parse(_SCRIPT, {"SIZE": "LARGE"}).events[1].action
    assert isinstance(other, Call)
    assert other.result == Word("LARGE")


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("0 close(3) = 0\n+1~+.5 > . 1:1(0)", 2),
        ("* close(3) = 0", 1),
        ("0~1 < . 1:1(0) win 1", 1),
        ("-1 close(3) = 0", 1),
        ("0 close(3) = 0\n\nwhat", 3),
        ("`clean up`\n0 close(3) = 0\n`one` `two`", 3),
    ],
)
def test_what_is_no_script_is_refused_with_its_line(text: str, line: int) -> None:
    with pytest.raises(ScriptError) as caught:
        parse(text)
    assert caught.value.line == line
