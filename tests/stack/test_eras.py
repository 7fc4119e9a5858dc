"""The table of differences is what the profiles are made of, and it is complete."""

from __future__ import annotations

from netemu.stack.eras import DIFFERENCES, ERAS, JUDGED_BY, PROFILES
from netemu.stack.profile import Profile, check_profile
from netemu.stack.sysctl import Sysctl

NO_DIFFERENCE = {
    "name",
    "judged_by",
    "sysctl",
    "sysctls_lacking",
    "stack",
    "memory_bytes",
    "bbr_phase",
    "t0_after_boot_ns",
}
"""What a profile has that is a choice of whoever builds the kernel or the machine."""


def test_every_field_of_a_profile_has_one_row() -> None:
    rows = [row.field for row in DIFFERENCES if not row.field.startswith("net.")]
    assert sorted(rows) == sorted(set(Profile.__struct_fields__) - NO_DIFFERENCE)


def test_every_sysctl_that_differs_has_one_row_and_exists() -> None:
    rows = [row.field[4:] for row in DIFFERENCES if row.field.startswith("net.")]
    assert len(rows) == len(set(rows))
    assert set(rows) <= set(Sysctl.__dataclass_fields__)


def test_defaults_are_the_newest_eras() -> None:
    newest, plain = PROFILES[ERAS[-1]], Profile("plain")
    for row in DIFFERENCES:
        if row.field.startswith("net."):
            assert getattr(Sysctl(), row.field[4:]) == row.values[-1], row.field
        else:
            assert getattr(plain, row.field) == getattr(newest, row.field) == row.values[-1]


def test_a_row_says_where_it_was_read_and_differs_somewhere() -> None:
    for row in DIFFERENCES:
        assert len(row.values) == len(ERAS)
        assert len({str(value) for value in row.values}) > 1, row.field
        assert row.release
        assert row.what
        assert row.source, row.field


def test_only_eras_of_kernels_at_hand_are_judged() -> None:
    assert set(JUDGED_BY) == {"linux-5.10", "linux-6.1", "linux-6", "linux-7"}
    for era in ERAS:
        assert check_profile(PROFILES[era], era).judged_by == JUDGED_BY.get(era, ())
