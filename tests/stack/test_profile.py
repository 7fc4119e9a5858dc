"""Profiles: found by name, made by users, unknown fields refused by name."""

from __future__ import annotations

from importlib.metadata import EntryPoint
from typing import Any

import pytest

from netemu.errors import BadInput
from netemu.stack import profile
from netemu.stack.eras import PROFILES


def test_profiles_are_found_by_name_and_an_unknown_one_is_told_what_there_is() -> None:
    assert profile.find_profile("linux-6") is PROFILES["linux-6"]
    with pytest.raises(BadInput, match=r"'linux-9'; there are linux-2.4, .*linux-7"):
        profile.find_profile("linux-9")


def test_what_no_kernel_has_judged_says_so() -> None:
    assert PROFILES["linux-3.10"].judgement == "unjudged"
    assert PROFILES["linux-7"].judgement == "judged by uml:7.2"


def test_a_users_profile_is_a_base_and_what_differs_and_is_unjudged() -> None:
    mine = profile.profile_from(
        {"name": "mine", "base": "linux-6", "hz": 1000, "sysctl": {"tcp_sack": False}}, "p.toml"
    )
    assert (mine.hz, mine.judgement) == (1000, "unjudged")
    sysctl = profile.sysctl_of(mine)
    assert sysctl.tcp_sack is False
    assert sysctl.tcp_limit_output_bytes == 1 << 20


@pytest.mark.parametrize(
    ("table", "told"),
    [
        ({"name": "x", "hzz": 100}, "p.toml: unknown field 'hzz'; a profile has "),
        ({"name": "x", "judged_by": ["uml:7.2"]}, "unknown field 'judged_by'"),
        ({"name": "x", "hz": 300}, "hz is 300"),
        ({"name": "x", "hz": "fast"}, r"p.toml: Expected `int`, got `str` - at `\$.hz`"),
        ({"name": "x", "base": "linux-1"}, "base 'linux-1' is no profile"),
        ({"name": "x", "sysctl": {"tcp_sak": 1}}, "unknown sysctl 'tcp_sak'"),
        ({"hz": 100}, "needs a name"),
    ],
)
def test_a_mistake_in_a_profile_is_named(table: dict[str, Any], told: str) -> None:
    with pytest.raises(BadInput, match=told):
        profile.profile_from(table, "p.toml")


TABLE = {"name": "mine", "base": "linux-5.10"}
CLAIMS_TOO_MUCH = PROFILES["linux-7"]


@pytest.mark.parametrize("name", ["TABLE", "CLAIMS_TOO_MUCH"])
def test_a_plugged_in_profile_is_unjudged(name: str) -> None:
    found = profile.plugged_in(EntryPoint("mine", f"tests.stack.test_profile:{name}", profile.GROUP))
    assert found.judged_by == ()


def test_a_plug_in_that_is_no_profile_is_refused() -> None:
    for value, told in (("tests.stack.test_profile:pytest", "is a module"), ("no.such:X", "cannot be loaded")):
        with pytest.raises(BadInput, match=told):
            profile.plugged_in(EntryPoint("mine", value, profile.GROUP))
