"""Walking along tokens: what the parsers of events, packets and calls have in common."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal

from tests.packetdrill import lexer
from tests.packetdrill.lexer import Token
from tests.packetdrill.verdict import ScriptError

_NS = 1_000_000_000


class Reader:
    """``defines``: symbols that stand for something else, as of ``--define=NAME=value``."""

    def __init__(self, found: Sequence[Token]) -> None:
        self._tokens = found
        self._at = 0
        self.defines: dict[str, str] = {}

    def peek(self, ahead: int = 0) -> Token:
        """A token not taken yet; the last one for ever."""
        token = self._tokens[min(self._at + ahead, len(self._tokens) - 1)]
        if token.kind == lexer.WORD and token.text in self.defines:
            (kind, text, _), *_ = lexer.tokens(self.defines[token.text])
            return Token(kind, text, token.line)
        return token

    def take(self) -> Token:
        """The next token."""
        token = self.peek()
        self._at += 1
        return token

    def accept(self, kind: str, text: str | None = None) -> bool:
        """Take the next token if it is that."""
        token = self.peek()
        if token.kind != kind or (text is not None and token.text != text):
            return False
        self._at += 1
        return True

    def word(self, text: str) -> bool:
        """Take the next token if it is that word."""
        return self.accept(lexer.WORD, text)

    def expect(self, kind: str, text: str | None = None) -> Token:
        """Take the next token, which must be that.

        :raises ScriptError: it is another.
        """
        token = self.take()
        if token.kind != kind or (text is not None and token.text != text):
            raise self.wrong(token, text or kind)
        return token

    def wrong(self, token: Token, wanted: str) -> ScriptError:
        """An error that names the token and what should have been there."""
        return ScriptError(token.line, f"{token.text!r} where {wanted} should be")

    def integer(self, low: int, high: int, what: str) -> int:
        """Take a decimal number of that range.

        :raises ScriptError: it is none.
        """
        token = self.expect(lexer.INTEGER)
        if not low <= int(token.text) <= high:
            raise ScriptError(token.line, f"{what} {token.text} is not in {low} to {high}")
        return int(token.text)

    def time_ns(self) -> int:
        """Take a time in seconds; in ns.

        :raises ScriptError: it is none, or negative.
        """
        token = self.take()
        if token.kind not in (lexer.INTEGER, lexer.FLOAT) or token.text.startswith("-"):
            raise self.wrong(token, "a time")
        return int(Decimal(token.text) * _NS)
