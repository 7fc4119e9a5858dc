"""The schemas about senders stand among all others."""

from __future__ import annotations

from netemu.recording.kinds import ENUMS, SENDER_LIMITS, SENDER_PHASES
from netemu.recording.sender_tables import SENDER
from netemu.recording.tables import TABLES


def test_the_table_is_one_of_all_and_its_closed_lists_are_types() -> None:
    assert TABLES["sender"] is SENDER
    assert ENUMS[SENDER["limited_by"][0]] is SENDER_LIMITS and ENUMS[SENDER["phase"][0]] is SENDER_PHASES


def test_every_limit_but_none_has_an_account() -> None:
    accounts = [name.removesuffix("_limited_ns") for name in SENDER if name.endswith("_limited_ns")]
    assert accounts == [limit for limit in SENDER_LIMITS if limit != "none"]
