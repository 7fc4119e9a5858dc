"""A wire's account: one line per packet, and totals that add up."""

from __future__ import annotations

import json
from dataclasses import dataclass

from netemu.link.account import COLUMNS, Totals, account_line
from netemu.link.model import DROP_LOSS, DUPLICATE, FORWARD
from netemu.recording.tables import WIRES

WHO = '"10.0.0.1:1","10.0.0.2:2",6,3,4,5,16'


@dataclass(frozen=True)
class Fate:
    """What became of a packet that came at 1100 and was to leave at 1300."""

    action: str = FORWARD
    due_ns: int | None = 1300
    sent_ns: int | None = 1300
    arrival_ns: int = 1100
    direction: str = "a_to_b"
    ip_bytes: int = 52
    queue_packets: int = 1
    queue_bytes: int = 60
    marked: bool = False
    corrupted: bool = False
    reordered: bool = False
    probe: bool = False


def test_the_columns_are_those_of_the_table() -> None:
    assert set(COLUMNS) == set(WIRES) - {"link"}


def test_a_line_has_times_since_the_start_and_nothing_for_what_was_dropped() -> None:
    row = dict(zip(COLUMNS, json.loads(account_line(Fate(marked=True), 1000, WHO)), strict=True))
    assert (row["t_ns"], row["due_ns"], row["sent_ns"], row["marked"], row["flags"]) == (100, 300, 300, True, 16)
    lost = json.loads(account_line(Fate(DROP_LOSS, None, None), 1000, WHO))
    assert lost[2:5] == ["drop_loss", None, None]


def test_totals_tell_packets_copies_probes_and_what_never_left_apart() -> None:
    totals = Totals(1000)
    for fate in (
        Fate(),
        Fate(DROP_LOSS, None, None),
        Fate(DUPLICATE, sent_ns=1310),
        Fate(probe=True),
        Fate(arrival_ns=999),
        Fate(sent_ns=None, corrupted=True, reordered=True),
    ):
        totals.add(fate)
    summary = totals.summary()
    assert {name: summary[name] for name in ("packets", "bytes", "forwarded", "others", "duplicates", "unsent")} == {
        "packets": 3, "bytes": 156, "forwarded": 1, "others": 2, "duplicates": 1, "unsent": 1,
    }  # fmt: skip
    assert summary["dropped"] == {"drop_list": 0, "drop_loss": 1, "drop_queue": 0}
    assert (summary["corrupted"], summary["reordered"], summary["lateness_max_ns"]) == (1, 1, 10)
    assert Totals(0).summary()["lateness_p50_ns"] is None
