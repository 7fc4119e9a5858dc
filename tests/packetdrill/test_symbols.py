"""Symbols and the expressions made of them."""

from __future__ import annotations

import pytest

from tests.packetdrill.symbols import number, symbol
from tests.packetdrill.syntax import Dots, Either, Function, Word
from tests.packetdrill.verdict import NotApplicable


@pytest.mark.parametrize(
    ("name", "value"),
    [("SOCK_STREAM", 1), ("SOL_TCP", 6), ("TCP_CORK", 3), ("EAGAIN", 11), ("O_NONBLOCK", 0o4000), ("F_SETFL", 4),
     ("EPOLLET", 1 << 31), ("POLLIN", 1), ("MSG_MORE", 0x8000), ("IP_MTU_DISCOVER", 10)],
)  # fmt: skip
def test_symbols_have_the_numbers_of_linux(name: str, value: int) -> None:
    assert symbol(name) == value


def test_expressions_have_numbers() -> None:
    assert number(Either(Word("O_RDWR"), Word("O_NONBLOCK"))) == 0o4002
    assert number(Function("htons", (1,))) == 256


def test_what_is_unknown_is_named() -> None:
    with pytest.raises(NotApplicable, match="symbol TCP_UNHEARD_OF"):
        symbol("TCP_UNHEARD_OF")
    with pytest.raises(NotApplicable, match="Dots"):
        number(Dots())
