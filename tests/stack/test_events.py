"""Events and actions are values: compared by what they hold, and never changed."""

from __future__ import annotations

from typing import get_args

import pytest

from netemu.stack import events


def test_there_is_a_class_for_everything_that_comes_in_and_goes_out() -> None:
    assert {kind.__name__ for kind in get_args(events.Event)} == {
        "SystemCall", "Resume", "Interrupt", "Received", "Deadline",
    }  # fmt: skip
    assert {kind.__name__ for kind in get_args(events.Action)} >= {"Transmit", "Complete", "Wake", "Trace"}


def test_events_are_values() -> None:
    assert events.SystemCall(1, "socket", (2,)) == events.SystemCall(1, "socket", (2,))
    assert events.Complete(1, None, 11) != events.Complete(1, None)
    with pytest.raises(AttributeError):
        events.Resume(3).call_id = 4  # type: ignore[misc]
