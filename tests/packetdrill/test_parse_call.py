"""System calls of scripts."""

from __future__ import annotations

import pytest

from tests.packetdrill.lexer import tokens
from tests.packetdrill.parse_call import call
from tests.packetdrill.reader import Reader
from tests.packetdrill.syntax import Call, Dots, Either, Function, Items, Struct, Text, Word
from tests.packetdrill.verdict import ScriptError


def parsed(text: str) -> Call:
    return call(Reader(tokens(text)))


def test_a_call_with_an_error_and_its_note() -> None:
    found = parsed("connect(3, ..., ...) = -1 EINPROGRESS (Operation now in progress)")
    assert found == Call("connect", (3, Dots(), Dots()), -1, "EINPROGRESS", None)


def test_a_call_that_blocks() -> None:
    assert parsed("...0.250 read(4, ..., 10) = 10").end_ns == 250_000_000


def test_values_of_every_kind() -> None:
    text = 'f([1], O_A|O_B, {fd=3, events=POLLIN}, {onoff=1, linger=0}, "a" "b", [{..., 40}], htons(1), 0x10) = 0'
    assert parsed(text).args == (
        Items((1,)),
        Either(Word("O_A"), Word("O_B")),
        Struct((("fd", 3), ("events", Word("POLLIN")))),
        Struct((("onoff", 1), ("linger", 0))),
        Text("ab"),
        Items((Items((Dots(), 40)),)),
        Function("htons", (1,)),
        16,
    )


def test_a_message_header() -> None:
    (header,) = parsed("sendmsg({msg_name(...)=..., msg_iov(1)=[{..., 9}], msg_flags=0}) = 9").args
    assert isinstance(header, Struct)
    assert header.get("msg_iov") == Items((Items((Dots(), 9)),))
    assert header.get("msg_control") is None


@pytest.mark.parametrize("text", ["read(4, ..., 10)", "read 4", "read(4 = 1", "read(<) = 1"])
def test_what_is_no_call_is_refused_with_its_line(text: str) -> None:
    with pytest.raises(ScriptError, match="line 1"):
        parsed(text)
