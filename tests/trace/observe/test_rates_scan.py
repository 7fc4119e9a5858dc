"""Counts in intervals of time, against a plain count of the same packets."""

from __future__ import annotations

import tempfile
from collections import Counter
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st

from netemu.recording.path_tables import RATE_INTERVAL_NS
from tests.trace.build import MS
from tests.trace.observe.packets import echo, table, udp

PORTS = ((4000, 5001), (4001, 5001))


@settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 900), st.integers(0, 1), st.integers(0, 50)), min_size=1, max_size=60))
def test_each_packet_counts_in_its_interval(arrivals: list[tuple[int, int, int]]) -> None:
    ordered = sorted(arrivals)
    records = [udp(t_ms, bytes(size), ports=PORTS[flow]) for t_ms, flow, size in ordered]
    with tempfile.TemporaryDirectory() as directory:
        found = table(Path(directory), records, "rates")
    packets: Counter[tuple[str, int]] = Counter()
    payload: Counter[tuple[str, int]] = Counter()
    for t_ms, flow, size in ordered:
        key = f"10.0.0.1:{PORTS[flow][0]}", t_ms * MS // RATE_INTERVAL_NS * RATE_INTERVAL_NS
        packets[key] += 1
        payload[key] += size
    rows = {
        (source, t_ns): counts
        for source, t_ns, *counts in found.select("source", "t_ns", "packets", "payload_bytes").rows()
    }
    assert rows == {key: [packets[key], payload[key]] for key in packets}
    assert len(rows) == found.height


def test_a_packet_stamped_earlier_counts_in_its_flows_interval(tmp_path: Path) -> None:
    found = table(tmp_path, [udp(t_ms, b"x") for t_ms in (250, 90, 310)], "rates")
    assert found.select("t_ns", "packets").rows() == [(200 * MS, 2), (300 * MS, 1)]


def test_icmp_is_counted_by_type(tmp_path: Path) -> None:
    records = [echo(0, 1), echo(1, 1, reply=True, source="10.0.0.2", destination="10.0.0.1"), echo(150, 2)]
    found = table(tmp_path, records, "rates")
    assert sorted(found.select("source", "type", "t_ns", "packets").rows()) == [
        ("10.0.0.1", 8, 0, 1),
        ("10.0.0.1", 8, 100 * MS, 1),
        ("10.0.0.2", 0, 0, 1),
    ]
