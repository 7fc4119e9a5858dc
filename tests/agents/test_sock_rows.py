"""Answers of sock_diag become lines of the table's schema."""

from __future__ import annotations

import json
import struct

from netemu.agents.sock_rows import COLUMNS, Rows
from netemu.agents.tcp_info import layout
from netemu.recording.tables import SOCKETS

INFINITE = 0x7FFFFFFF


def info(**fields: int) -> bytes:
    names, form = layout(280)
    values = dict.fromkeys(names, 0) | {f"tcpi_{name}": value for name, value in fields.items()}
    return form.pack(*values.values())


def attribute(kind: int, data: bytes) -> bytes:
    return struct.pack("=HH", 4 + len(data), kind) + data + bytes(-len(data) % 4)


def message(*attributes: bytes, state: int = 1) -> bytes:
    head = struct.pack("=4B", 2, state, 0, 0) + (4000).to_bytes(2, "big") + (5001).to_bytes(2, "big")
    head += bytes([10, 0, 0, 1]).ljust(16, b"\0") + bytes([10, 0, 0, 2]).ljust(16, b"\0")
    head += struct.pack("=3I", 0, 7, 1) + bytes(20)
    body = head + b"".join(attributes)
    return struct.pack("=IHHII", 16 + len(body), 20, 0, 0, 0) + body


FULL = message(
    attribute(2, info(ca_state=3, snd_cwnd=10, snd_ssthresh=INFINITE, rto=204_000, rtt=1500, snd_wnd=65_535)),
    attribute(7, struct.pack("=9I", 1, 2, 3, 4, 5, 6, 99, 8, 9)),
    attribute(4, b"cubic\0"),
)


def test_a_line_has_the_columns_of_the_table() -> None:
    row = json.loads(Rows().lines(123, "h1", FULL))
    assert set(row) == set(SOCKETS) | {"congestion"}
    assert len(COLUMNS) == len(set(COLUMNS))
    assert (row["t_ns"], row["host"]) == (123, "h1")
    assert (row["local"], row["remote"], row["cookie"]) == ("10.0.0.1:4000", "10.0.0.2:5001", 1 << 32 | 7)
    assert (row["state"], row["ca_state"], row["congestion"]) == ("ESTABLISHED", "Recovery", "cubic")


def test_units_are_those_of_the_columns() -> None:
    row = json.loads(Rows().lines(0, "h1", FULL))
    assert (row["rto_ns"], row["srtt_ns"], row["snd_cwnd_segments"]) == (204_000_000, 1_500_000, 10)
    assert row["snd_ssthresh_segments"] is None
    assert (row["rmem_alloc_bytes"], row["wmem_queued_bytes"], row["backlog_bytes"], row["drops"]) == (1, 6, 8, 9)


def test_a_socket_without_tcp_info_has_nulls() -> None:
    row = json.loads(Rows().lines(0, "h1", message(state=3)))
    assert row["state"] == "SYN_RECV"
    assert row["srtt_ns"] is row["ca_state"] is row["drops"] is row["congestion"] is None


def test_an_older_kernel_without_snd_wnd_has_null_there() -> None:
    old = message(attribute(2, info(snd_cwnd=4)[:228]))
    row = json.loads(Rows().lines(0, "h1", old))
    assert (row["snd_wnd_bytes"], row["snd_cwnd_segments"]) == (None, 4)


def test_a_part_may_hold_several_sockets_and_the_end() -> None:
    done = struct.pack("=IHHIIi", 20, 3, 0, 0, 0, 0)
    assert Rows().lines(0, "h1", FULL + message(state=3) + done).count("\n") == 2
