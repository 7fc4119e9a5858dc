"""What a packet says as one number, and the arrays of matches."""

from __future__ import annotations

import polars as pl

from netemu.trace.ends_match import match, with_key

ROW = {"flow": 0, "seq": 1, "payload_bytes": 100, "flags": 16, "ack": 1, "ts_val": 5, "ts_ecr": 4, "ip_id": 0}


def frame(*rows: dict[str, int]) -> pl.DataFrame:
    return with_key(pl.DataFrame([{**ROW, **row} for row in rows]))


def test_whatever_a_packet_says_is_in_its_key() -> None:
    changed = [{}] + [{name: value + 1} for name, value in ROW.items() if name != "ip_id"]
    assert frame(*({"t_ns": 0, **row} for row in changed))["key"].n_unique() == len(changed)
    assert frame({"t_ns": 0}, {"t_ns": 9, "ip_id": 7})["key"].n_unique() == 1


def test_every_packet_of_both_sides_has_its_row() -> None:
    sent = frame({"t_ns": 0}, {"t_ns": 1, "seq": 101}, {"t_ns": 2, "seq": 201, "payload_bytes": 0})
    arrived = frame({"t_ns": 10}, {"t_ns": 12, "seq": 901, "payload_bytes": 0})
    found = match(sent, arrived, causal=True)
    rows = zip(found.sent.tolist(), found.arrived.tolist(), found.start.tolist(), found.end.tolist(), strict=True)
    assert sorted(rows) == [(-1, 1, 901, 901), (0, 0, 1, 101), (1, -1, 101, 201), (2, -1, 201, 201)]
    assert found.expected_ns.tolist().count(10) == 4


def test_nothing_at_all_gives_empty_arrays() -> None:
    none = frame({"t_ns": 0}).head(0)
    assert match(none, none, causal=True).sent.size == 0


def test_copies_follow_their_packet() -> None:
    found = match(
        frame({"t_ns": 0, "ip_id": 3}), frame({"t_ns": 10, "ip_id": 3}, {"t_ns": 12, "ip_id": 3}), causal=True
    )
    assert found.sent.tolist() == [0, 0] and found.arrived.tolist() == [0, 1] and found.copy.tolist() == [False, True]
