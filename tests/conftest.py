"""What holds for every test: lab tests fail loudly without root, and property tests have no deadline on the clock."""

from __future__ import annotations

import os

import pytest
from hypothesis import settings

settings.register_profile("netemu", deadline=None)
settings.load_profile("netemu")


def pytest_runtest_setup(item: pytest.Item) -> None:
    """A lab test without root fails: a skip would hide that it did not run."""
    if item.get_closest_marker("lab") is not None and os.geteuid() != 0:
        pytest.fail(
            "this test builds a lab, which needs root: run it as root, or leave it out with -m 'not lab'", pytrace=False
        )
