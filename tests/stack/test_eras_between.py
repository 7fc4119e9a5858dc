"""What lies between two eras is as one of them in every row, and where a row names its release, as that says."""

from __future__ import annotations

import re

from netemu.stack.eras import DIFFERENCES, ERAS, PROFILES
from netemu.stack.eras_between import BETWEEN
from netemu.stack.profile import check_profile


def _number(release: str) -> tuple[int, ...]:
    return tuple(map(int, release.split(".")))


def test_each_row_that_is_named_differs_between_the_two() -> None:
    for one in BETWEEN:
        older, newer = ERAS.index(one.older), ERAS.index(one.newer)
        differing = {row.field for row in DIFFERENCES if row.values[older] != row.values[newer]} - {"release"}
        assert one.as_older < differing
        assert one.backported < differing - one.as_older


def test_a_row_that_names_one_release_is_as_that_says_or_was_backported() -> None:
    for one in BETWEEN:
        older, newer = ERAS.index(one.older), ERAS.index(one.newer)
        for row in DIFFERENCES:
            since = re.match(r"(\d+\.\d+)(?: \([^)]*\))?$", row.release)
            if since is None or row.values[older] == row.values[newer]:
                continue
            too_new = _number(since[1]) > _number(one.release)
            assert (row.field in one.as_older | one.backported) == too_new, row.field


def test_it_is_a_profile_that_lacks_what_came_later() -> None:
    for one in BETWEEN:
        profile = check_profile(PROFILES[one.name], one.name)
        assert profile.release == one.release
    lacking = PROFILES["linux-6.1"].sysctls_lacking
    assert "tcp_syn_linear_timeouts" in lacking and "tcp_tso_rtt_log" not in lacking
