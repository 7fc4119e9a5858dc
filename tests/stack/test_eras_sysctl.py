"""Which sysctls an era lacks follows from the releases that brought them."""

from __future__ import annotations

from itertools import pairwise

from netemu.stack.eras import ERAS, PROFILES
from netemu.stack.eras_sysctl import SINCE, sysctls_lacking
from netemu.stack.sysctl import Sysctl


def test_names_are_fields_of_a_model_s_sysctls() -> None:
    assert set(SINCE) <= set(Sysctl.__dataclass_fields__)


def test_an_era_lacks_what_came_later() -> None:
    assert "tcp_mtu_probing" in sysctls_lacking("2.4.37")
    assert "tcp_mtu_probing" not in sysctls_lacking("2.6.39"), "39 is more than 17, and 2.6.9 less"
    assert "tcp_tso_win_divisor" not in sysctls_lacking("2.6.39")
    assert "tcp_reflect_tos" not in sysctls_lacking("5.10")
    assert sysctls_lacking("7.2") == frozenset()


def test_a_later_era_lacks_no_more_than_one_before_it() -> None:
    lacking = [PROFILES[era].sysctls_lacking for era in ERAS]
    assert all(later < earlier for earlier, later in pairwise(lacking))
