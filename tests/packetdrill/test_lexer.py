"""Tokens of scripts: the longest match wins, and every character of a script belongs to one."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.packetdrill import lexer
from tests.packetdrill.lexer import tokens


def kinds(text: str) -> list[tuple[str, str]]:
    return [(token.kind, token.text) for token in tokens(text)[:-1]]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("+.1...0.200", [("+", "+"), ("float", ".1"), ("...", "..."), ("float", "0.200")]),
        ("0...2", [("integer", "0"), ("...", "..."), ("integer", "2")]),
        ("P. 1:41(40)", [("word", "P"), (".", "."), ("integer", "1"), (":", ":"), ("integer", "41"), ("(", "("),
                         ("integer", "40"), (")", ")")]),
        ("-1 -", [("integer", "-1"), ("-", "-")]),
        ("0x1F fe80::1 10.0.0.1", [("hex", "0x1F"), ("ipv6", "fe80::1"), ("ipv4", "10.0.0.1")]),
        ("100ms ...", [("word", "100ms"), ("...", "...")]),
        ('"a\\"b\\x41\\n"', [("string", 'a"bA\n')]),
        ("--mtu=1400", [("option", "mtu"), ("=", "="), ("integer", "1400")]),
    ],
)  # fmt: skip
def test_the_longest_match_wins(text: str, expected: list[tuple[str, str]]) -> None:
    assert kinds(text) == expected


def test_comments_are_gone_and_lines_are_counted_through_them() -> None:
    found = tokens("// one\n/* two\nthree */ a\n`sh\nx` b %{\n1 }% c")
    assert [(token.text, token.line) for token in found] == [
        ("a", 3),
        ("sh\nx", 4),
        ("b", 5),
        ("\n1", 5),
        ("c", 6),
        ("the end of the script", 6),
    ]


@given(st.lists(st.sampled_from(["+0.5", "write", "(", "4", ",", "...", ")", "=", "<", ">", "S.", "0x10"])))
def test_spaces_between_tokens_change_nothing_but_lines(words: list[str]) -> None:
    assert kinds(" ".join(words)) == kinds("\n".join(words))


@given(st.text(alphabet="ab1 .+-<>()[]{}:,=~*|\n", max_size=60))
def test_any_text_of_these_becomes_tokens_that_end_with_the_end(text: str) -> None:
    found = tokens(text)
    assert found[-1].kind == lexer.END
    assert found[-1].line == text.count("\n") + 1
