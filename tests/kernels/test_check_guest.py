"""The guest's part of the check is proved by test_check.py, where it runs in a guest; here is what it says."""

from __future__ import annotations

import json

import pytest

from netemu.kernels.check_guest import say


def test_a_finding_is_one_line_of_json(capsys: pytest.CaptureFixture[str]) -> None:
    say("rtt_ns", 40, True)
    assert json.loads(capsys.readouterr().out) == {"check": "rtt_ns", "measured": 40, "ok": True}
