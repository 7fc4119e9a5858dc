"""Each error says who must act, by its exit code."""

from __future__ import annotations

import pytest

from netemu.errors import BadInput, FailedClaim, MissingCapability, NetemuError, VoidRun


@pytest.mark.parametrize(
    ("kind", "code"), [(FailedClaim, 1), (BadInput, 2), (MissingCapability, 3), (VoidRun, 4), (NetemuError, 1)]
)
def test_exit_codes_are_the_documented_ones(kind: type[NetemuError], code: int) -> None:
    error = kind("what, where, what to do")
    assert error.exit_code == code
    assert str(error) == "what, where, what to do"
    assert isinstance(error, NetemuError)


def test_no_error_of_ours_is_caught_as_another() -> None:
    kinds = NetemuError.__subclasses__()
    assert len(kinds) == 4
    assert not any(issubclass(a, b) for a in kinds for b in kinds if a is not b)
