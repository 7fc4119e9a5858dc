"""Kernels by name."""

import pytest

from netemu.errors import BadInput
from netemu.kernels import kernel_named


def test_a_kernel_keeps_the_name_it_was_asked_by() -> None:
    assert kernel_named("host").name == "host"


@pytest.mark.parametrize("name", ["windows", "", "hosts"])
def test_an_unknown_family_is_refused_with_those_that_exist(name: str) -> None:
    with pytest.raises(BadInput, match=r"there is no kernel family .* \(known: .*host"):
        kernel_named(name)
