"""Keyed records: every key has one record, however many there are and however the table grows."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from netemu.trace.layout import OTHER
from netemu.trace.observe import datagrams_scan, keys
from netemu.trace.transport_layer import PROTOCOL_UDP

FIELDS = ("capture", "version", "src_hi", "src_lo", "dst_hi", "dst_lo", "sport", "dport")
FLOWS = st.tuples(*[st.integers(0, 2)] * len(FIELDS))


def others(flows: list[tuple[int, ...]]) -> Any:
    rows = np.zeros(len(flows), OTHER)
    rows["protocol"] = PROTOCOL_UDP
    for name, values in zip(FIELDS, zip(*flows, strict=True), strict=True):
        rows[name] = values
    return rows


def count(keyed: keys.Keyed, flows: list[tuple[int, ...]]) -> None:
    rows = others(flows)
    keyed.reserve(rows.size)
    gaps = np.zeros(1, datagrams_scan.GAPS)
    datagrams_scan.scan(rows.ctypes.data, rows.size, keyed.address, gaps.ctypes.data)


def found(keyed: keys.Keyed) -> dict[tuple[int, ...], int]:
    names = ("capture", "version", "src_hi", "src_lo", "dst_hi", "dst_lo", "x", "y")
    return {tuple(int(row[name]) for name in names): int(row["packets"]) for row in keyed.take_rows()}


@settings(max_examples=50, deadline=None)
@given(st.lists(st.lists(FLOWS, min_size=1, max_size=60), min_size=1, max_size=5))
def test_every_flow_is_counted_by_itself(chunks: list[list[tuple[int, ...]]]) -> None:
    keyed = keys.Keyed(datagrams_scan.FLOW)
    for chunk in chunks:
        count(keyed, chunk)
    flat = [flow for chunk in chunks for flow in chunk]
    assert found(keyed) == {flow: flat.count(flow) for flow in flat}


def test_it_grows_and_finds_what_it_had() -> None:
    keyed = keys.Keyed(datagrams_scan.FLOW)
    flows = [(0, 4, 0, number, 0, 7, number % 5, 80) for number in range(3000)]
    count(keyed, flows[:10])
    count(keyed, flows)
    assert keyed.count == 3000
    assert sorted(found(keyed).values()) == [1] * 2990 + [2] * 10


def test_it_begins_anew_when_its_rows_are_taken(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(keys, "MAX_RECORDS", 20)
    keyed = keys.Keyed(datagrams_scan.FLOW)
    flows = [(0, 4, 0, number, 0, 7, 5, 80) for number in range(30)]
    count(keyed, flows[:20])
    assert not keyed.is_full
    count(keyed, flows)
    assert keyed.is_full and sorted(found(keyed).values()) == [1] * 10 + [2] * 20
    assert keyed.count == 0
    count(keyed, flows[5:])
    assert found(keyed) == dict.fromkeys(flows[5:], 1)
