"""Counters as a script looks at them."""

from __future__ import annotations

import pytest

from tests.packetdrill.nstat import Nstat, grep
from tests.packetdrill.verdict import NotApplicable


def test_each_look_shows_what_has_changed_since_the_last() -> None:
    nstat = Nstat()
    assert nstat.output(["-n"], {"TcpInSegs": 5, "TcpOutSegs": 2}) == ""
    assert nstat.output(["-s"], {"TcpInSegs": 7, "TcpOutSegs": 2}) == f"{'TcpInSegs':<32}{2:<16} 0.0\n"
    assert nstat.output([], {"TcpInSegs": 7, "TcpOutSegs": 2}).split()[:2] == ["TcpInSegs", "2"]
    assert nstat.output([], {"TcpInSegs": 7, "TcpOutSegs": 2}) == ""
    assert nstat.output(["-az", "TcpOutSegs"], {"TcpInSegs": 7, "TcpOutSegs": 2}).split()[:2] == ["TcpOutSegs", "2"]


def test_grep_takes_lines() -> None:
    text = "TcpExtOne    1   0.0\nTcpExtTwo    12   0.0\n"
    assert grep(["TcpExtOne"], text) == "TcpExtOne    1   0.0\n"
    assert grep(["-q", " 1 "], text) == "TcpExtOne    1   0.0\n"
    assert grep(["-vE", "One|Two"], text) == ""


def test_what_is_not_understood_is_refused() -> None:
    with pytest.raises(NotApplicable):
        Nstat().output(["--json"], {})
    with pytest.raises(NotApplicable):
        grep(["-c", "a"], "")
