"""One row per send(): its bytes followed from the call to the acknowledgement."""

from __future__ import annotations

from typing import Any

import polars as pl
import pytest

from netemu.recording.tables import CALLS, SENDS, WIRES
from netemu.trace.join import sends
from netemu.trace.tables import empty, polars_schema
from tests.trace.ends_rig import MS, SYN, Captures

THERE, BACK = "10.0.0.1:40000>10.0.0.2:80", "10.0.0.2:80>10.0.0.1:40000"


def call(t_ms: float, name: str, done: int, blocked_ms: float = 0, *, host: str = "h1") -> dict[str, Any]:
    return {
        "agent": f"agent.{host}",
        "host": host,
        "t_ns": round(t_ms * MS),
        "call": name,
        "done_bytes": done,
        "blocked_ns": round(blocked_ms * MS),
        "connection": THERE if host == "h1" else BACK,
    }


def table(schema: Any, rows: list[dict[str, Any]]) -> pl.DataFrame:
    return pl.DataFrame([{**dict.fromkeys(schema), **row} for row in rows], schema=polars_schema(schema))


@pytest.fixture
def run() -> tuple[Captures, list[dict[str, Any]]]:
    """Two sends of 150 and 250 bytes in segments of 100; the second segment is lost once; 10 ms each way."""
    c = Captures()
    c.open("h1-eth0", "h2-eth0")
    both = ("h1-eth0", "h2-eth0")
    for number, t in enumerate((30, 31, 32, 33)):
        seen = {"h1-eth0": t} if number == 1 else dict(zip(both, (t, t + 10), strict=True))
        c.pass_by(0, seen, 1 + 100 * number, 100, kind="new")
        if number != 1:
            c.pass_by(1, {"h2-eth0": t + 10, "h1-eth0": t + 20}, 1, ack=101)
    c.pass_by(0, {"h1-eth0": 55, "h2-eth0": 65}, 101, 100, kind="fast")
    c.pass_by(1, {"h2-eth0": 65, "h1-eth0": 75}, 1, ack=401)
    calls = [
        call(30, "send", 150, 0.5),
        call(31, "send", 250, 1),
        call(35, "send", 0),
        call(40, "recv", 100, 0.1, host="h2"),
        call(41, "recv", 300, 25, host="h2"),
    ]
    return c, calls


def joined(c: Captures, calls: list[dict[str, Any]], wires: list[dict[str, Any]] | None = None) -> pl.DataFrame:
    return sends(table(CALLS, calls), c.packets().lazy(), c.connections(), table(WIRES, wires or []))


def test_a_send_is_followed_to_its_acknowledgement(run: tuple[Captures, list[dict[str, Any]]]) -> None:
    first, second = joined(*run).to_dicts()
    assert first["first_sent_ns"] == 30 * MS and first["last_sent_ns"] == 31 * MS and first["buffered_ns"] == MS
    assert (first["segments"], first["retransmits_fast"], first["retransmits_timeout"]) == (2, 1, 0)
    assert (first["arrived_ns"], first["read_ns"], first["acked_ns"]) == (65 * MS, 66 * MS, 75 * MS)
    assert (second["start_offset_bytes"], second["end_offset_bytes"]) == (151, 401)
    assert (second["arrived_ns"], second["in_order_ns"]) == (43 * MS, 65 * MS)
    assert (second["first_sent_ns"], second["last_sent_ns"], second["buffered_ns"]) == (31 * MS, 33 * MS, 2 * MS)
    assert (second["capture"], second["connection"], second["direction"]) == ("h1-eth0", 0, 0)


def test_calls_that_took_nothing_have_no_row(run: tuple[Captures, list[dict[str, Any]]]) -> None:
    assert joined(*run).height == 2
    assert joined(run[0], [call(1, "connect", 0)]).is_empty()
    assert dict(joined(run[0], []).schema) == polars_schema(SENDS)


def test_drops_are_told_by_link_and_reason(run: tuple[Captures, list[dict[str, Any]]]) -> None:
    local, _, remote = THERE.partition(">")
    row = {"protocol": 6, "source": local, "destination": remote, "payload_bytes": 100, "seq": 1101, "t_ns": 31 * MS}
    drops = [{**row, "link": "one", "action": "drop_queue"}, {**row, "seq": 1301, "link": "one", "action": "forward"}]
    first, second = joined(*run, drops).to_dicts()
    assert (first["dropped_segments"], first["dropped_by"]) == (1, "one drop_queue")
    assert (second["dropped_segments"], second["dropped_by"]) == (1, "one drop_queue")


def test_what_was_not_captured_or_read_is_null(run: tuple[Captures, list[dict[str, Any]]]) -> None:
    c, calls = run
    only_sender = Captures(rows=[row for row in c.rows if row["capture"] == "h1-eth0"])
    row = joined(only_sender, calls[:1]).row(0, named=True)
    assert row["acked_ns"] == 75 * MS and row["arrived_ns"] is None and row["read_ns"] is None
    assert row["dropped_segments"] is None
    only_receiver = Captures(rows=[row for row in c.rows if row["capture"] == "h2-eth0"])
    row = joined(only_receiver, calls).row(0, named=True)
    assert row["capture"] is None and row["first_sent_ns"] is None and row["read_ns"] == 66 * MS


def test_bytes_still_in_the_buffer_at_the_end_were_never_sent() -> None:
    c = Captures()
    c.open("h1-eth0", "h2-eth0")
    c.pass_by(0, {"h1-eth0": 30, "h2-eth0": 40}, 1, 100, kind="new")
    row = joined(c, [call(30, "send", 500)]).row(0, named=True)
    assert (row["first_sent_ns"], row["last_sent_ns"], row["buffered_ns"]) == (30 * MS, None, None)
    assert row["acked_ns"] is None


def test_a_run_without_packets_keeps_its_calls() -> None:
    none = Captures()
    none.pass_by(0, {"h9-eth0": 1}, 0, flags=SYN)
    packets = none.packets().head(0).lazy()
    frame = sends(table(CALLS, [call(1, "send", 9)]), packets, none.connections().head(0), empty(WIRES))
    assert frame.select("done_bytes", "capture").rows() == [(9, None)]
