"""A script's text to :class:`~tests.packetdrill.syntax.Script`, in packetdrill's grammar (docs/packetdrill.md)."""

from __future__ import annotations

from tests.packetdrill import lexer
from tests.packetdrill.parse_call import call
from tests.packetdrill.parse_packet import packet
from tests.packetdrill.reader import Reader
from tests.packetdrill.syntax import Call, Code, Event, IcmpPacket, OtherPacket, Script, Shell, TcpPacket, When
from tests.packetdrill.verdict import ScriptError

_PACKETS = (TcpPacket, IcmpPacket, OtherPacket)


def parse(text: str, defines: dict[str, str] | None = None) -> Script:
    """Parse a whole script. ``defines``: symbols given from outside, which win over the script's own.

    :raises ScriptError: it is not in the language.
    """
    reader = Reader(lexer.tokens(text))
    options = _options(reader)
    reader.defines.update(_defined(options) | (defines or {}))
    init = reader.take().text if reader.peek().kind == lexer.SHELL else None
    events = []
    while reader.peek().kind not in (lexer.END, lexer.SHELL):
        events.append(_event(reader))
    if reader.accept(lexer.SHELL):
        reader.expect(lexer.END)  # the command that cleans up after the script
    return Script(options, init, tuple(events))


def options_of(text: str) -> tuple[tuple[str, str], ...]:
    """The ``--options`` that a script begins with."""
    return _options(Reader(lexer.tokens(text)))


def _options(reader: Reader) -> tuple[tuple[str, str], ...]:
    found = []
    while reader.peek().kind == lexer.OPTION:
        name = reader.take().text
        value = ""
        if reader.accept("="):
            token = reader.take()
            value = token.text
            if token.kind == lexer.WORD and reader.accept("="):
                value += f"={_quoted(reader.take())}"
        found.append((name, value))
    return tuple(found)


def _quoted(token: lexer.Token) -> str:
    if token.kind == lexer.STRING:
        return f'"{token.text}"'
    return f"`{token.text}`" if token.kind == lexer.SHELL else token.text


def _defined(options: tuple[tuple[str, str], ...]) -> dict[str, str]:
    pairs = (value.partition("=") for name, value in options if name == "define")
    return {name: value for name, _, value in pairs}


def _event(reader: Reader) -> Event:
    line = reader.peek().line
    when = _when(reader)
    token = reader.peek()
    action: TcpPacket | IcmpPacket | OtherPacket | Call | Shell | Code
    if token.kind in ("<", ">"):
        action = packet(reader)
    elif token.kind == lexer.SHELL:
        action = Shell(reader.take().text)
    elif token.kind == lexer.CODE:
        action = Code(reader.take().text)
    else:
        action = call(reader)
    leaves = isinstance(action, _PACKETS) and not action.inbound
    if (when.any_time or when.end_ns is not None) and not leaves:
        raise ScriptError(line, "ranges of time and * are for packets that leave")
    return Event(line, when, action)


def _when(reader: Reader) -> When:
    if reader.accept("*"):
        return When(0, any_time=True)
    relative = reader.accept("+")
    line = reader.peek().line
    begin = reader.time_ns()
    end = None
    if reader.accept("~"):
        if relative:
            reader.expect("+")
        end = reader.time_ns()
        if end < begin:
            raise ScriptError(line, "the range of time is backwards")
    return When(begin, end, relative)
