"""Where the cache is, by the environment alone."""

from __future__ import annotations

from pathlib import Path

import pytest

from netemu.cache import cache_directory
from netemu.errors import BadInput


@pytest.mark.parametrize(
    ("environment", "place"),
    [
        ({"NETEMU_CACHE": "/a", "XDG_CACHE_HOME": "/b"}, "/a"),
        ({"XDG_CACHE_HOME": "/b", "NETEMU_CACHE": ""}, "/b/netemu"),
    ],
)
def test_the_environment_names_the_place(environment: dict[str, str], place: str) -> None:
    assert str(cache_directory(environment)) == place


def test_without_a_word_it_is_in_the_home() -> None:
    assert cache_directory({}) == Path.home() / ".cache" / "netemu"


def test_a_place_that_depends_on_where_one_stands_is_refused() -> None:
    with pytest.raises(BadInput, match=r"'cache'.*absolute path"):
        cache_directory({"NETEMU_CACHE": "cache"})
