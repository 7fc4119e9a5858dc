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


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Say what was left out for want of a kernel, so that a green run does not hide it."""
    left_out = [report for report in terminalreporter.stats.get("skipped", []) if "no kernel" in str(report.longrepr)]
    if left_out:
        terminalreporter.write_line(
            f"NOT TESTED: guests; {len(left_out)} tests need a kernel that is not in the cache: make kernel",
            yellow=True,
            bold=True,
        )
