"""What a run left, as tables: every table with its schema, from whatever optional files there are."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from netemu.errors import VoidRun
from netemu.recording.layout import Recording
from netemu.recording.tables import CALLS, COUNTERS, SOCKETS, TABLES, WIRES
from netemu.trace.recording import write_tables
from netemu.trace.tables import polars_schema
from tests.trace.build import Talk, enhanced, interface, section

CALL = {"t_ns": 5, "call": "send", "asked_bytes": 100, "done_bytes": 100, "errno": None, "blocked_ns": 7}
SOCKET = {"t_ns": 10, "host": "h1", "local": "10.0.0.1:40000", "remote": "10.0.0.2:80", "total_retrans": 3}
COUNTER = {"host": "h1", "counter": "TcpRetransSegs", "before": 1, "after": 4}


def write_capture(path: Path) -> None:
    talk = Talk()
    talk.handshake()
    talk.say(20, "a", 1, 1, 1000)
    talk.say(31, "b", 1, 1001)
    path.parent.mkdir(parents=True, exist_ok=True)
    blocks = [enhanced(t_ns + 7, data) for t_ns, data, _ in talk.records]
    path.write_bytes(b"".join([section(), interface(path.stem), *blocks]))


def write_lines(path: Path, *values: Any) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join(json.dumps(value) + "\n" for value in values))


@pytest.fixture
def bare(tmp_path: Path) -> Recording:
    """A run that left captures alone."""
    recording = Recording(tmp_path / "run")
    write_capture(recording.captures / "h1-eth0.pcapng")
    write_capture(recording.captures / "h2-eth0.pcapng")
    return recording


@pytest.fixture
def full(bare: Recording) -> Recording:
    """A run that left everything."""
    for agent, t_ns in (("web", 5), ("alarm", 2)):
        header = {"agent": agent, "host": "h1", "program": "bulk_sender"}
        write_lines(bare.agents / f"{agent}.jsonl", header, CALL | {"t_ns": t_ns, "detail": "beyond the schema"})
    write_lines(bare.samples / "sockets.jsonl", SOCKET, SOCKET | {"t_ns": 20})
    write_lines(bare.samples / "counters.jsonl", COUNTER)
    write_lines(bare.samples / "trace.jsonl", {"t_ns": 3, "event": "tcp_probe", "host": None, "snd_cwnd": 10})
    columns = [name for name in WIRES if name != "link"]
    row = dict.fromkeys(columns) | {"direction": "a_to_b", "t_ns": 50, "action": "forward", "ip_bytes": 1052}
    for link, t_ns in (("h1-h2", 50), ("h2-h3", 40)):
        values = list((row | {"t_ns": t_ns}).values())
        write_lines(bare.wires / f"{link}.jsonl", {"columns": columns, "link": link, "backend": "relay"}, values)
    return bare


def read(recording: Recording) -> dict[str, pl.DataFrame]:
    return {path.stem: pl.read_parquet(path) for path in recording.tables.iterdir()}


def assert_schemas(tables: dict[str, pl.DataFrame]) -> None:
    for name, schema in TABLES.items():
        found = dict(tables[name].schema)
        if name == "trace":  # and what the events have beyond
            found = {column: found[column] for column in schema}
        assert found == polars_schema(schema), name


def test_every_table_has_its_schema(full: Recording) -> None:
    write_tables(full)
    tables = read(full)
    assert set(tables) == set(TABLES)
    assert_schemas(tables)


def test_what_a_run_did_not_leave_gives_empty_tables(bare: Recording) -> None:
    write_tables(bare)
    tables = read(bare)
    assert set(tables) == set(TABLES)
    assert_schemas(tables)
    assert {name for name, frame in tables.items() if frame.is_empty()} == {
        *("calls", "sockets", "counters", "wires"),
        *("sacks", "icmp", "retransmissions", "sends", "trace"),
        *("windows", "datagrams", "datagram_gaps", "icmp_messages", "rates", "fragments"),
    }


def test_a_run_without_captures_has_all_tables_too(tmp_path: Path) -> None:
    recording = Recording(tmp_path)
    write_lines(recording.samples / "counters.jsonl", COUNTER)
    write_tables(recording)
    tables = read(recording)
    assert_schemas(tables)
    assert tables["counters"].to_dicts() == [COUNTER] and tables["packets"].is_empty()


def test_times_of_captures_are_the_runs_own(bare: Recording) -> None:
    write_tables(bare)
    packets = read(bare)["packets"]
    assert packets["capture"].unique().sort().to_list() == ["h1-eth0", "h2-eth0"]
    assert packets.filter(pl.col("capture") == "h1-eth0")["t_ns"].to_list() == [
        *(7, 10_000_007, 10_010_007, 20_000_007, 31_000_007)
    ]


def test_logs_keep_their_values_and_take_names_from_headers(full: Recording) -> None:
    write_tables(full)
    tables = read(full)
    assert tables["calls"].select("agent", "host", "t_ns", "done_bytes", "errno", "connection").rows() == [
        ("alarm", "h1", 2, 100, None, None),
        ("web", "h1", 5, 100, None, None),
    ]
    assert tables["sockets"].select("t_ns", "total_retrans", "rto_ns").rows() == [(10, 3, None), (20, 3, None)]
    assert tables["counters"].to_dicts() == [COUNTER]
    assert tables["wires"].select("link", "t_ns", "ip_bytes", "seq").rows() == [
        ("h2-h3", 40, 1052, None),
        ("h1-h2", 50, 1052, None),
    ]
    assert {n: v for n, v in tables["trace"].row(0, named=True).items() if v is not None} == {
        "t_ns": 3,
        "event": "tcp_probe",
        "snd_cwnd": 10,
    }


def test_a_wire_may_know_fewer_columns(bare: Recording) -> None:
    """The netem backend gives no account of queues."""
    header = {"columns": ["t_ns", "direction", "action"], "link": "h1-h2", "backend": "netem"}
    write_lines(bare.wires / "h1-h2.jsonl", header, [9, "b_to_a", "forward"], [8, "a_to_b", "drop_loss"])
    write_tables(bare)
    wires = read(bare)["wires"]
    assert dict(wires.schema) == polars_schema(WIRES)
    assert wires.select("t_ns", "direction", "action", "queue_bytes").rows() == [
        (8, "a_to_b", "drop_loss", None),
        (9, "b_to_a", "forward", None),
    ]


def test_logs_with_headers_alone_are_empty_tables(bare: Recording) -> None:
    write_lines(bare.agents / "idle.jsonl", {"agent": "idle", "host": "h1", "program": "sink"})
    write_lines(bare.wires / "h1-h2.jsonl", {"columns": list(WIRES)[1:], "link": "h1-h2", "backend": "relay"})
    for name in ("sockets", "counters", "trace"):
        write_lines(bare.samples / f"{name}.jsonl")
    write_tables(bare)
    tables = read(bare)
    assert_schemas(tables)
    assert all(tables[name].is_empty() for name in ("calls", "wires", "sockets", "counters"))


def test_written_again_the_tables_are_replaced_byte_by_byte(full: Recording) -> None:
    write_tables(full)
    first = {path.name: path.read_bytes() for path in full.tables.iterdir()}
    (full.tables / "stale.parquet").write_bytes(b"")
    write_tables(full)
    assert {path.name: path.read_bytes() for path in full.tables.iterdir()} == first


def damage_capture(recording: Recording) -> Path:
    path = recording.captures / "h1-eth0.pcapng"
    path.write_bytes(path.read_bytes()[:-2])
    return path


def damage_magic(recording: Recording) -> Path:
    path = recording.captures / "h1-eth0.pcapng"
    path.write_bytes(b"gone" + path.read_bytes())
    return path


def damage_header(recording: Recording) -> Path:
    path = recording.agents / "web.jsonl"
    path.write_text("{never closed\n")
    return path


def damage_calls(recording: Recording) -> Path:
    path = recording.agents / "web.jsonl"
    path.write_text(path.read_text() + '{"t_ns": 1, "call": "se')
    return path


def damage_account(recording: Recording) -> Path:
    path = recording.wires / "h1-h2.jsonl"
    path.write_text(path.read_text() + '[1, "a_to')
    return path


def damage_samples(recording: Recording) -> Path:
    path = recording.samples / "sockets.jsonl"
    path.write_text(path.read_text() + '{"t_ns": 30, "ho')
    return path


@pytest.mark.parametrize(
    "damage", [damage_capture, damage_magic, damage_header, damage_calls, damage_account, damage_samples]
)
def test_damage_voids_the_run_names_the_file_and_leaves_no_tables(damage: Any, full: Recording) -> None:
    path = damage(full)
    with pytest.raises(VoidRun) as raised:
        write_tables(full)
    assert path.name in str(raised.value)
    assert not [p for p in full.root.iterdir() if p.name.startswith("tables")]


def test_the_schemas_of_logs_are_those_that_are_read() -> None:
    assert set(CALL) | {"agent", "host", "connection"} == set(CALLS)
    assert set(SOCKET) <= set(SOCKETS) and set(COUNTER) == set(COUNTERS)
