"""The records of the sender's observer, and the codes of its closed lists."""

from __future__ import annotations

from netemu.recording.kinds import SENDER_LIMITS, SENDER_PHASES, SENDER_REASONS
from netemu.recording.sender_tables import SENDER
from netemu.trace.observe import sender_state as s


def _names(prefix: str) -> list[str]:
    codes = {name: value for name, value in vars(s).items() if name.startswith(prefix)}
    return [name.removeprefix(prefix).lower() for name in sorted(codes, key=lambda name: codes[name])]


def test_the_codes_are_the_places_in_the_closed_lists() -> None:
    assert _names("LIMIT_") == list(SENDER_LIMITS)
    assert _names("PHASE_") == list(SENDER_PHASES)
    assert _names("REASON_") == list(SENDER_REASONS)


def test_a_row_has_every_column_of_the_table_but_the_connection() -> None:
    assert s.SENDER_ROW.names is not None
    assert set(SENDER) - set(s.SENDER_ROW.names) == {"capture", "connection", "direction"}
