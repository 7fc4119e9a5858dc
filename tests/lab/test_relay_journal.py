from __future__ import annotations

import json
from pathlib import Path

import pytest

from netemu.lab.relay_journal import HEADER_BYTES, Journal, flags_of
from netemu.link.account import COLUMNS, DIRECTIONS
from netemu.link.model import ACTIONS, DROP_LOSS, DROP_QUEUE, DUPLICATE, FORWARD, Verdict
from netemu.recording.tables import WIRES
from tests.link.packets import ipv4, ipv6, tcp, udp

T0 = 1000


def header(packet: bytes, ethertype: bytes = b"\x08\x00") -> bytes:
    return (ethertype + packet)[:HEADER_BYTES]


def rows(path: Path) -> list[dict[str, object]]:
    first, *lines = path.read_text().splitlines()
    columns = json.loads(first)["columns"]
    return [dict(zip(columns, json.loads(line), strict=True)) for line in lines]


def test_the_columns_are_the_schema_s_without_the_link() -> None:
    assert list(COLUMNS) == [name for name in WIRES if name != "link"]


def test_the_account_is_in_order_of_arrival_with_times_since_t0(tmp_path: Path) -> None:
    journal = Journal(tmp_path / "l1.jsonl", "l1")
    forward, lost = Verdict(FORWARD, T0 + 90, 2, 300), Verdict(DROP_LOSS, -1, 1, 100)
    forward.marked = forward.reordered = True
    what = (flags_of("b_to_a", False), 45, header(ipv4(6, tcp(b"hello", seq=7, flags=24, ports=(80, 4000)))))
    journal.note(2, T0 + 20, lost, None, what)
    journal.note(1, T0 + 10, forward, T0 + 95, what)
    journal.finish(T0, {"backend": "relay"})
    first, second = rows(tmp_path / "l1.jsonl")
    assert first == {
        "direction": "b_to_a",
        "t_ns": 10,
        "action": "forward",
        "due_ns": 90,
        "sent_ns": 95,
        "ip_bytes": 45,
        "queue_packets": 2,
        "queue_bytes": 300,
        "marked": True,
        "corrupted": False,
        "reordered": True,
        "probe": False,
        "source": "10.0.0.1:80",
        "destination": "10.0.0.2:4000",
        "protocol": 6,
        "seq": 7,
        "ack": 7,
        "payload_bytes": 5,
        "flags": 24,
    }
    assert (second["t_ns"], second["action"], second["due_ns"], second["sent_ns"]) == (20, "drop_loss", None, None)
    assert json.loads((tmp_path / "l1.jsonl").read_text().splitlines()[0]) == {
        "columns": list(COLUMNS),
        "link": "l1",
        "backend": "relay",
    }
    assert [path.name for path in tmp_path.iterdir()] == ["l1.jsonl"]


@pytest.mark.parametrize(
    ("frame", "expected"),
    [
        (header(ipv4(17, udp(b"abc"))), ("10.0.0.1:1", "10.0.0.2:2", 17, None, 3)),
        (header(ipv6(6, tcp()), b"\x86\xdd"), ("[::1]:1", "[::2]:2", 6, 1, 0)),
        (header(ipv4(1, bytes(8))), ("10.0.0.1", "10.0.0.2", 1, None, None)),
        (header(b"netemu-probe", b"\x88\xb5"), (None, None, None, None, None)),
    ],
    ids=["udp", "tcp over ipv6", "icmp", "probe"],
)
def test_addresses_carry_ports_where_there_are_any(tmp_path: Path, frame: bytes, expected: tuple[object, ...]) -> None:
    journal = Journal(tmp_path / "l1.jsonl", "l1")
    journal.note(0, T0, Verdict(DROP_QUEUE, -1, 0, 0), None, (0, 60, frame))
    journal.finish(T0, {})
    (row,) = rows(tmp_path / "l1.jsonl")
    assert tuple(row[name] for name in ("source", "destination", "protocol", "seq", "payload_bytes")) == expected


def test_totals_are_of_traffic_and_tell_lateness_of_all(tmp_path: Path) -> None:
    journal = Journal(tmp_path / "l1.jsonl", "l1")
    frame = header(ipv4(17, udp()))

    def note(number: int, at: int, verdict: Verdict, sent: int | None, probe: bool = False) -> None:
        journal.note(number, at, verdict, sent, (flags_of("a_to_b", probe), 100, frame))

    note(0, T0 - 5, Verdict(FORWARD, T0, 0, 0), T0 + 1)
    note(1, T0 + 5, Verdict(FORWARD, T0 + 9, 0, 0), T0 + 12, probe=True)
    note(2, T0 + 6, Verdict(FORWARD, T0 + 9, 0, 0), T0 + 14)
    note(3, T0 + 6, Verdict(DUPLICATE, T0 + 9, 0, 0), T0 + 9)
    note(4, T0 + 7, Verdict(DROP_QUEUE, -1, 0, 0), None)
    note(5, T0 + 8, Verdict(FORWARD, T0 + 99, 0, 0), None)
    totals = journal.finish(T0, {})
    found = totals["a_to_b"].summary()
    assert (found["packets"], found["bytes"], found["others"]) == (3, 300, 2)
    assert (found["forwarded"], found["unsent"], found["duplicates"]) == (1, 1, 1)
    assert found["dropped"] == {"drop_list": 0, "drop_loss": 0, "drop_queue": 1}
    assert (found["lateness_p50_ns"], found["lateness_max_ns"]) == (3, 5)
    assert totals["b_to_a"].summary()["lateness_p50_ns"] is None


def test_a_long_account_is_spilled_and_whole(tmp_path: Path) -> None:
    journal = Journal(tmp_path / "l1.jsonl", "l1")
    for number in range(3000):
        verdict = Verdict(ACTIONS[number % len(ACTIONS)], T0 + number, number, 0)
        journal.note(
            number, T0 + number, verdict, T0 + number, (flags_of(DIRECTIONS[number % 2], False), 60, b"\x08\x06")
        )
    assert (tmp_path / "l1.jsonl.journal").stat().st_size > 0
    journal.finish(T0, {})
    assert [row["queue_packets"] for row in rows(tmp_path / "l1.jsonl")] == list(range(3000))
