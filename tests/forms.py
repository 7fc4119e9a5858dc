"""What tests do about the models' two forms (:mod:`netemu.compiled`): nearly all run on either of them.

A test that puts its own function in a model's place sees the sources alone: compiled callers do not ask by name. It
does so by :func:`replace`, which leaves it out of a run on the compiled form, with its reason, counted at the end.
"""

from __future__ import annotations

from collections.abc import Callable
from types import ModuleType
from typing import Any

import pytest

from netemu import compiled

REASON = "compiled form: functions cannot be put in each other's place"


def replace(monkeypatch: pytest.MonkeyPatch, module: ModuleType, name: str, function: Callable[..., Any]) -> None:
    """Have callers of ``module.name`` call ``function``, until the test is over."""
    if module.__name__ in compiled.module_names() and compiled.form().name == "compiled":
        pytest.skip(REASON)
    monkeypatch.setattr(module, name, function)
