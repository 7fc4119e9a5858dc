"""A wire in the engine gives each packet the time and the fate that the link's model says."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import msgspec

from netemu.link import LinkModel, LinkParameters
from netemu.packet.ip import Packet, Tcp
from netemu.recording.tables import WIRES
from netemu.sim.engine import Engine
from netemu.sim.journal import Journal
from netemu.sim.wire import Frame, Lane, corrupted
from netemu.specs import DropRule, LinkDirection, Queue
from tests.sim.packets import packet


def lane(**fields: Any) -> tuple[Lane, Engine, list[tuple[int, Packet]], Journal]:
    parameters = LinkParameters.from_mapping(msgspec.to_builtins(LinkDirection(**fields)), "link")
    model = LinkModel(parameters, 1)
    model.start(0)
    engine, arrived, journal = Engine(0), [], Journal("h1-h2")  # type: ignore[var-annotated]

    def deliver(frame: Frame) -> None:
        arrived.append((engine.now_ns, frame[1]))

    return Lane(engine, "a_to_b", model, journal, deliver), engine, arrived, journal


def account(journal: Journal, directory: Path) -> tuple[list[dict[str, Any]], dict[str, Any]]:
    totals = journal.finish(directory / "wire.jsonl", 0, 10**9)
    header, *rows = map(json.loads, (directory / "wire.jsonl").read_text().splitlines())
    assert [*header["columns"], "link"] == [*(name for name in WIRES if name != "link"), "link"]
    return [dict(zip(header["columns"], row, strict=True)) for row in rows], totals["a_to_b"].summary()


def test_a_packet_takes_its_time_on_the_line_and_the_delay(tmp_path: Path) -> None:
    wire, engine, arrived, journal = lane(rate_bps=8_000_000, delay_ns=1_000_000)
    one = packet()
    wire.send((b"", one))
    wire.send((b"", one))
    engine.run(10**9)
    line_ns = (one.length + 14) * 1000
    assert [at for at, _ in arrived] == [line_ns + 1_000_000, 2 * line_ns + 1_000_000]
    rows, totals = account(journal, tmp_path)
    assert [row["queue_packets"] for row in rows] == [0, 1]
    assert rows[0] | {"due_ns": 0, "sent_ns": 0} == {
        "direction": "a_to_b", "t_ns": 0, "action": "forward", "due_ns": 0, "sent_ns": 0, "ip_bytes": one.length,
        "queue_packets": 0, "queue_bytes": 0, "marked": False, "corrupted": False, "reordered": False, "probe": False,
        "source": "10.0.0.1:4000", "destination": "10.0.0.2:5001", "protocol": 6, "seq": 100, "ack": 7,
        "payload_bytes": 100, "flags": 24,
    }  # fmt: skip
    assert (totals["packets"], totals["forwarded"], totals["lateness_max_ns"]) == (2, 2, 0)


def test_a_drop_list_and_a_full_queue_drop(tmp_path: Path) -> None:
    wire, engine, arrived, journal = lane(rate_bps=8_000, drops=(DropRule("data", (2,)),), queue=Queue(packets=2))
    for _ in range(5):
        wire.send((b"", packet()))
    engine.run(10**9)
    rows, totals = account(journal, tmp_path)
    assert [row["action"] for row in rows] == ["forward", "drop_list", "forward", "drop_queue", "drop_queue"]
    assert len(arrived) == 2 and totals["dropped"]["drop_queue"] == 2


def test_a_mark_a_flipped_bit_and_a_copy_change_what_arrives(tmp_path: Path) -> None:
    wire, engine, arrived, _ = lane(ecn_threshold=0)
    wire.send((b"", packet(tos=2)))
    engine.run(1)
    assert arrived[0][1].tos == 3
    wire, engine, arrived, journal = lane(duplicate_ratio=1.0)
    wire.send((b"", packet()))
    engine.run(1)
    assert len(arrived) == 2 and account(journal, tmp_path)[0][1]["action"] == "duplicate"
    wire, engine, arrived, journal = lane(corrupt_ratio=1.0)
    for _ in range(20):
        wire.send((b"", packet()))
    engine.run(1)
    assert all(one.body != packet().body for _, one in arrived)
    assert all(row["corrupted"] for row in account(journal, tmp_path)[0])


def test_what_is_due_after_the_end_never_left(tmp_path: Path) -> None:
    wire, _, _, journal = lane(delay_ns=2 * 10**9)
    wire.send((b"", packet()))
    rows, totals = account(journal, tmp_path)
    assert rows[0]["sent_ns"] is None and totals["unsent"] == 1


def test_a_bit_behind_the_ip_header_leaves_a_packet_and_one_in_it_none() -> None:
    assert corrupted(packet(), 70) is None
    found = corrupted(packet(), 8 * 60)
    assert found is not None and not isinstance(found.body, Tcp)
