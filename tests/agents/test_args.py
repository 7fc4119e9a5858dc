"""Arguments are checked strictly, and the message says which, what and what is allowed."""

from __future__ import annotations

import pytest

from netemu.agents.args import REQUIRED, Arg, read_args
from netemu.errors import BadInput

DECLARED = (
    Arg("port", int, REQUIRED, "port", low=1, high=65535),
    Arg("mode", str, "a", "mode", choices=("a", "b")),
    Arg("limit", int, None, "limit"),
    Arg("cork", bool, False, "cork"),
    Arg("items", list, [], "items", check=lambda value: "is too long" if len(value) > 2 else None),
)


def test_defaults_fill_what_is_not_given() -> None:
    assert read_args({"port": 1}, DECLARED, "here") == {
        "port": 1,
        "mode": "a",
        "limit": None,
        "cork": False,
        "items": [],
    }


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"port": 1, "prot": 2}, "here: unknown argument 'prot'; it takes cork, items, limit, mode, port"),
        ({}, "here: argument 'port' is missing (port)"),
        ({"port": 0}, "here: argument 'port': 0 is less than 1"),
        ({"port": 65536}, "here: argument 'port': 65536 is more than 65535"),
        ({"port": True}, "here: argument 'port': True is not of type int"),
        ({"port": "80"}, "here: argument 'port': '80' is not of type int"),
        ({"port": None}, "here: argument 'port': None is not of type int"),
        ({"port": 1, "mode": "c"}, "here: argument 'mode': 'c' is not one of 'a', 'b'"),
        ({"port": 1, "cork": 1}, "here: argument 'cork': 1 is not of type bool"),
        ({"port": 1, "limit": -1}, "here: argument 'limit': -1 is less than 0"),
        ({"port": 1, "items": [1, 2, 3]}, "here: argument 'items': [1, 2, 3] is too long"),
    ],
)
def test_what_is_wrong_is_named(given: dict[str, object], message: str) -> None:
    with pytest.raises(BadInput) as error:
        read_args(given, DECLARED, "here")
    assert str(error.value) == message
