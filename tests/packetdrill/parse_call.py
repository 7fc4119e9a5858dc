"""System calls: ``...0.200 connect(3, ..., ...) = -1 EINPROGRESS (Operation now in progress)``."""

from __future__ import annotations

from collections.abc import Callable

from tests.packetdrill import lexer
from tests.packetdrill.reader import Reader
from tests.packetdrill.syntax import Call, Dots, Either, Expression, Function, Items, Struct, Text, Word


def call(reader: Reader) -> Call:
    """Take a system call.

    :raises ScriptError: it is none.
    """
    end_ns = reader.time_ns() if reader.accept(lexer.ELLIPSIS) else None
    name = reader.expect(lexer.WORD).text
    reader.expect("(")
    args = _until(reader, ")")
    reader.expect("=")
    result = expression(reader)
    error = ""
    if reader.peek().kind == lexer.WORD:
        error = reader.take().text
        _note(reader)
    elif reader.peek().kind == "(":
        _note(reader)
    return Call(name, args, result, error, end_ns)


def _note(reader: Reader) -> None:
    reader.expect("(")
    reader.expect(lexer.WORD)
    while not reader.accept(")"):
        reader.take()


def _until(reader: Reader, closing: str) -> tuple[Expression, ...]:
    """Expressions with commas between them, and what closes the list."""
    if reader.accept(closing):
        return ()
    found = [expression(reader)]
    while reader.accept(","):
        found.append(expression(reader))
    reader.expect(closing)
    return tuple(found)


def expression(reader: Reader) -> Expression:
    """Take an expression.

    :raises ScriptError: it is none.
    """
    left = _single(reader)
    while reader.accept("|"):
        left = Either(left, _single(reader))
    return left


def _single(reader: Reader) -> Expression:
    token = reader.take()
    begins = _BEGINS.get(token.kind)
    if begins is None:
        raise reader.wrong(token, "a value")
    return begins(reader, token.text)


def _word(reader: Reader, text: str) -> Expression:
    if reader.accept("("):
        return Function(text, _until(reader, ")"))
    if reader.accept("="):
        return Struct(((text, expression(reader)),))
    return Word(text)


def _string(reader: Reader, text: str) -> Text:
    while reader.peek().kind == lexer.STRING:
        text += reader.take().text
    reader.accept(lexer.ELLIPSIS)
    return Text(text)


def _braces(reader: Reader) -> Struct | Items:
    """``{fd=3, events=POLLIN}``, ``{msg_name(...)=..., msg_iov(1)=[{..., 40}], msg_flags=0}``, or plain items."""
    if not _names_follow(reader):
        return Items(_until(reader, "}"))
    fields = []
    while True:
        name = reader.expect(lexer.WORD).text
        if reader.accept("("):
            _until(reader, ")")
        reader.expect("=")
        fields.append((name, expression(reader)))
        if not reader.accept(","):
            reader.expect("}")
            return Struct(tuple(fields))


def _names_follow(reader: Reader) -> bool:
    if reader.peek().kind != lexer.WORD:
        return False
    return reader.peek(1).kind == "=" or (reader.peek(1).kind == "(" and reader.peek(0).text.startswith("msg_"))


_BEGINS: dict[str, Callable[[Reader, str], Expression]] = {
    lexer.ELLIPSIS: lambda _, __: Dots(),
    lexer.INTEGER: lambda _, text: int(text),
    lexer.HEX: lambda _, text: int(text, 16),
    lexer.STRING: _string,
    "[": lambda reader, _: Items(_until(reader, "]")),
    "{": lambda reader, _: _braces(reader),
    lexer.WORD: _word,
}
"""What a value may begin with, and what follows."""
