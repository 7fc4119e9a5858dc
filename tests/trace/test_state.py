"""Tables that grow while a file is read: what they hold stays, and compiled code sees where they went."""

import struct

import numpy as np

from netemu.trace import layout as m
from netemu.trace.state import State
from tests.trace import dissection as d


def segment(source: int, seq: int) -> bytes:
    """One byte from a port and address that ``source`` numbers."""
    packet = bytearray(d.ethernet(d.ipv4(d.tcp(b"x", seq=seq))))
    packet[26:30] = struct.pack("!I", 0x0A010000 + source // 50)
    packet[34:36] = struct.pack("!H", 1024 + source % 50)
    return bytes(packet)


def test_control_tells_addresses_and_capacities() -> None:
    state = State(100)
    for name, table in state.tables.items():
        assert state[name] == table.ctypes.data
    assert state.address == state.control.ctypes.data
    assert state["connection_capacity"] == state.tables["connections"].size == state.tables["flows"].size // 2
    assert min(state["rtt_capacity"], state["sack_capacity"]) >= 100 + m.BATCH
    assert state["connection_count"] == 0


def test_rows_are_those_counted() -> None:
    state = State(4)
    state.tables["rtt"]["rtt_ns"][:3] = [5, 6, 7]
    state.control["rtt_count"] = 2
    assert state.rows("rtt", "rtt_count")["rtt_ns"].tolist() == [5, 6]
    state.clear("rtt_count")
    assert state.rows("rtt", "rtt_count").size == 0


def test_growing_without_need_changes_nothing() -> None:
    state = State(4)
    before = {name: (table.ctypes.data, table.size) for name, table in state.tables.items()}
    state.grow()
    assert {name: (table.ctypes.data, table.size) for name, table in state.tables.items()} == before


def test_growing_keeps_rows_and_moves_addresses() -> None:
    state = State(4)
    rng = np.random.default_rng(1)
    kept = {}
    for table, count in (("segments", "segment_count"), ("events", "event_count")):
        old = state.tables[table]
        old.view(np.int64)[:] = rng.integers(0, 1 << 40, old.view(np.int64).size)
        state.control[count] = old.size
        kept[table] = old.copy()
    state.grow()
    for table, old in kept.items():
        new = state.tables[table]
        assert new.size >= 2 * old.size
        assert (new[: old.size] == old).all()
        assert not new[old.size :].view(np.int64).any()
        assert state[table] == new.ctypes.data
    assert state["event_capacity"] == state.tables["patches"].size == state.tables["events"].size
    assert state["segment_capacity"] == state.tables["segments"].size


def test_connections_beyond_the_first_table_are_found_again() -> None:
    count = 2500
    frames = [segment(k, 1000) for k in range(count)] + [segment(k, 1001) for k in reversed(range(count))]
    found = d.scan(d.pcap(frames))
    assert found.all("connection") == [*range(count), *reversed(range(count))]
    state = found.state
    assert state["connection_count"] == count <= state["connection_capacity"]
    assert state["table_size"] >= 2 * count
    assert np.count_nonzero(state.tables["table"]) == count
    assert state.rows("connections", "connection_count")["packets"].tolist() == [2] * count
    payload = state.tables["flows"]["payload_bytes"].reshape(-1, 2).sum(axis=1)[:count]
    assert payload.tolist() == [2] * count


def test_segments_in_flight_beyond_the_first_pool_are_all_kept() -> None:
    count = 20_000
    assert count > State(1)["segment_capacity"]
    frames = [segment(k // 100, 1000 + k % 100) for k in range(count)]
    state = d.scan(d.pcap(frames)).state
    flows = state.tables["flows"]
    assert int(flows["ring_count"].sum()) == count
    assert int(flows["unique_payload_bytes"].sum()) == int(flows["payload_bytes"].sum()) == count
    assert count < state["segment_count"] <= state["segment_capacity"]
