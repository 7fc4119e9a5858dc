"""SipHash-2-4 against the vectors of its authors' paper and reference code."""

from __future__ import annotations

import pytest

from netemu.stack.siphash import siphash

KEY = bytes(range(16))


@pytest.mark.parametrize(
    ("length", "wanted"),
    [(0, 0x726FDB47DD0E0E31), (1, 0x74F839C593DC67FD), (8, 0x93F5F5799A932462), (15, 0xA129CA6149BE45E5)],
)
def test_the_published_vectors(length: int, wanted: int) -> None:
    assert siphash(bytes(range(length)), KEY) == wanted


def test_the_key_matters() -> None:
    assert siphash(b"same", KEY) != siphash(b"same", KEY[::-1])
