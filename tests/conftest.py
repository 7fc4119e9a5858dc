"""What holds for every test: lab tests fail loudly without root, and property tests have no deadline on the clock."""

from __future__ import annotations

import os

import pytest
from hypothesis import settings

from netemu import compiled
from tests import forms

# Tests look at the sources, and put their own functions in the place of models': whoever wants the compiled form asks.
os.environ.setdefault(compiled.VARIABLE, "interpreted")

settings.register_profile("netemu", deadline=None)
settings.load_profile("netemu")


def pytest_runtest_setup(item: pytest.Item) -> None:
    """A lab test without root fails: a skip would hide that it did not run."""
    if item.get_closest_marker("lab") is not None and os.geteuid() != 0:
        pytest.fail(
            "this test builds a lab, which needs root: run it as root, or leave it out with -m 'not lab'", pytrace=False
        )


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Say what was left out for want of a kernel or of compiled models, so that a green run does not hide it."""
    reports = terminalreporter.stats.get("skipped", [])
    inside = [report for report in reports if forms.REASON in str(report.longrepr)]
    if inside:
        terminalreporter.write_line(f"{len(inside)} tests look into the models' sources: {forms.REASON}")
    for what, reason, remedy in (
        ("guests", "no kernel", "a kernel that is not in the cache: make kernel"),
        ("compiled models", "no compiled models", f"models that are not compiled: {compiled.COMMAND}"),
    ):
        left_out = [report for report in reports if reason in str(report.longrepr)]
        if left_out:
            line = f"NOT TESTED: {what}; {len(left_out)} tests need {remedy}"
            terminalreporter.write_line(line, yellow=True, bold=True)
