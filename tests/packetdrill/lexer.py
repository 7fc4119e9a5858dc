"""A script's text as tokens: the longest match wins, comments and white space are gone."""

from __future__ import annotations

import re
from typing import NamedTuple

from tests.packetdrill.verdict import ScriptError

WORD, INTEGER, HEX, FLOAT, STRING, SHELL, CODE = "word", "integer", "hex", "float", "string", "shell", "code"
OPTION, ELLIPSIS, IPV4, IPV6, END = "option", "...", "ipv4", "ipv6", "end"


class Token(NamedTuple):
    """``kind`` is one of the names above, or the character itself. ``line`` from 1."""

    kind: str
    text: str
    line: int


_SEGMENT = "[0-9a-fA-F]{1,4}"
_PATTERNS = (
    ("space", r"[ \t\r\n]+|//[^\n]*|/\*.*?\*/"),
    (CODE, r"%\{.*?\}%"),
    (SHELL, r"`(?:\\.|[^`])*`"),
    (STRING, r'"(?:\\.|[^"\\])*"'),
    (OPTION, r"--[a-zA-Z0-9_]+"),
    (ELLIPSIS, r"\.\.\."),
    (IPV4, r"[0-9]+\.[0-9]+\.[0-9]+\.[0-9]+"),
    (IPV6, rf"(?:{_SEGMENT}:){{7}}{_SEGMENT}|(?:{_SEGMENT}(?::{_SEGMENT})*)?::(?:{_SEGMENT}(?::{_SEGMENT})*)?"),
    (HEX, r"0x[0-9a-fA-F]+"),
    (FLOAT, r"-?[0-9]*\.[0-9]+"),
    (INTEGER, r"-?[0-9]+"),
    (WORD, r"sequence#|[a-zA-Z0-9_]+"),
    ("one", r"[^ \t\n]"),
)
_COMPILED = tuple((kind, re.compile(pattern, re.DOTALL)) for kind, pattern in _PATTERNS)
_UNESCAPED = re.compile(r"\\x([0-9a-fA-F]{2})|\\(.)", re.DOTALL)
_ESCAPES = {"n": "\n", "t": "\t", "r": "\r", "0": "\0"}


def tokens(text: str) -> list[Token]:
    """All tokens, an ``END`` last.

    :raises ScriptError: a character that begins nothing.
    """
    found, at, line = [], 0, 1
    while at < len(text):
        kind, piece = _longest(text, at)
        if not piece:
            raise ScriptError(line, f"{text[at]!r} begins nothing that this language has")
        if kind != "space":
            found.append(Token(piece if kind == "one" else kind, _inside(kind, piece), line))
        line += piece.count("\n")
        at += len(piece)
    found.append(Token(END, "the end of the script", line))
    return found


def _longest(text: str, at: int) -> tuple[str, str]:
    best = ("", "")
    for kind, pattern in _COMPILED:
        match = pattern.match(text, at)
        if match is not None and match.end() - at > len(best[1]):
            best = (kind, match.group())
    return best


def _inside(kind: str, piece: str) -> str:
    """What a token says, without what encloses it."""
    if kind == CODE:
        return piece[2:-2].strip(" \t")
    if kind == SHELL:
        return piece[1:-1]
    if kind == STRING:
        return _UNESCAPED.sub(_unescape, piece[1:-1])
    return piece[2:] if kind == OPTION else piece


def _unescape(match: re.Match[str]) -> str:
    if match.group(1):
        return chr(int(match.group(1), 16))
    return _ESCAPES.get(match.group(2), match.group(2))
