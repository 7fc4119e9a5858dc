"""A wire in the engine gives each packet the time and the fate that the link's model says."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from netemu.packet.ip import Tcp
from netemu.recording.tables import WIRES
from netemu.sim.engine import Engine
from netemu.sim.journal import Journal
from netemu.sim.wire import Lane, corrupted
from netemu.specs import DropRule, Queue
from tests.sim.lanes import Out
from tests.sim.packets import packet


def lane(**fields: Any) -> tuple[Lane, Engine, Out]:
    engine = Engine(0)
    out = Out(engine, **fields)
    return out.lane, engine, out


def account(journal: Journal, directory: Path) -> tuple[list[dict[str, Any]], dict[str, Any]]:
    totals = journal.finish(directory / "wire.jsonl", 0, 10**9)
    header, *rows = map(json.loads, (directory / "wire.jsonl").read_text().splitlines())
    assert [*header["columns"], "link"] == [*(name for name in WIRES if name != "link"), "link"]
    return [dict(zip(header["columns"], row, strict=True)) for row in rows], totals["a_to_b"].summary()


def test_a_packet_takes_its_time_on_the_line_and_the_delay(tmp_path: Path) -> None:
    wire, engine, out = lane(rate_bps=8_000_000, delay_ns=1_000_000)
    one = packet()
    wire.send((b"", one))
    wire.send((b"", one))
    engine.run(10**9)
    line_ns = (one.length + 14) * 1000
    assert [at for at, _ in out.frames] == [line_ns + 1_000_000, 2 * line_ns + 1_000_000]
    rows, totals = account(out.journal, tmp_path)
    assert [row["queue_packets"] for row in rows] == [0, 1]
    assert rows[0] | {"due_ns": 0, "sent_ns": 0} == {
        "direction": "a_to_b", "t_ns": 0, "action": "forward", "due_ns": 0, "sent_ns": 0, "ip_bytes": one.length,
        "queue_packets": 0, "queue_bytes": 0, "marked": False, "corrupted": False, "reordered": False, "probe": False,
        "source": "10.0.0.1:4000", "destination": "10.0.0.2:5001", "protocol": 6, "seq": 100, "ack": 7,
        "payload_bytes": 100, "flags": 24,
    }  # fmt: skip
    assert (totals["packets"], totals["forwarded"], totals["lateness_max_ns"]) == (2, 2, 0)


def test_a_drop_list_and_a_full_queue_drop(tmp_path: Path) -> None:
    wire, engine, out = lane(rate_bps=8_000, drops=(DropRule("data", (2,)),), queue=Queue(packets=2))
    for _ in range(5):
        wire.send((b"", packet()))
    engine.run(10**9)
    rows, totals = account(out.journal, tmp_path)
    assert [row["action"] for row in rows] == ["forward", "drop_list", "forward", "drop_queue", "drop_queue"]
    assert len(out.frames) == 2 and totals["dropped"]["drop_queue"] == 2


def test_a_mark_a_flipped_bit_and_a_copy_change_what_arrives(tmp_path: Path) -> None:
    wire, engine, out = lane(ecn_threshold=0)
    wire.send((b"", packet(tos=2)))
    engine.run(1)
    assert out.packets[0].tos == 3
    wire, engine, out = lane(duplicate_ratio=1.0)
    wire.send((b"", packet()))
    engine.run(1)
    assert len(out.frames) == 2 and account(out.journal, tmp_path)[0][1]["action"] == "duplicate"
    wire, engine, out = lane(corrupt_ratio=1.0)
    for _ in range(20):
        wire.send((b"", packet()))
    engine.run(1)
    assert all(one.body != packet().body for one in out.packets)
    assert all(row["corrupted"] for row in account(out.journal, tmp_path)[0])


def test_what_is_due_after_the_end_never_left(tmp_path: Path) -> None:
    wire, _, out = lane(delay_ns=2 * 10**9)
    wire.send((b"", packet()))
    rows, totals = account(out.journal, tmp_path)
    assert rows[0]["sent_ns"] is None and totals["unsent"] == 1


def test_a_bit_behind_the_ip_header_leaves_a_packet_and_one_in_it_none() -> None:
    assert corrupted(packet(), 70) is None
    found = corrupted(packet(), 8 * 60)
    assert found is not None and not isinstance(found.body, Tcp)
