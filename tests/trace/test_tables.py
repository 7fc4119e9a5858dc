"""Frames as the schemas say: types, names, null for what is absent, figures made from several packets."""

from __future__ import annotations

import ipaddress
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from netemu.recording.tables import CONNECTIONS, ICMP, PACKETS, RTT, SACKS, SEGMENT_KINDS, TABLES
from netemu.trace.tables import POLARS_TYPES, address_text, empty, endpoint_text, endpoint_texts, polars_schema
from tests.trace.build import Talk, one


def signed(word: int) -> int:
    return word - (1 << 64) if word >> 63 else word


@given(st.ip_addresses(v=6))
def test_ipv6_addresses_come_back_as_they_were(address: ipaddress.IPv6Address) -> None:
    value = int(address)
    words = signed(value >> 64), signed(value & 0xFFFFFFFFFFFFFFFF)
    assert ipaddress.IPv6Address(address_text(6, *words)) == address
    assert endpoint_text(6, *words, 443) == f"[{address_text(6, *words)}]:443"


@given(st.ip_addresses(v=4))
def test_ipv4_addresses_come_back_as_they_were(address: ipaddress.IPv4Address) -> None:
    assert address_text(4, 0, int(address)) == str(address)
    assert endpoint_text(4, 0, int(address), 80) == f"{address}:80"


@given(st.lists(st.tuples(st.ip_addresses(), st.integers(0, 65535))))
def test_many_ends_are_told_as_each_of_them(
    ends: list[tuple[ipaddress.IPv4Address | ipaddress.IPv6Address, int]],
) -> None:
    words = [
        (
            one.version,
            *((0, int(one)) if one.version == 4 else (signed(int(one) >> 64), signed(int(one) % (1 << 64)))),
            port,
        )
        for one, port in ends
    ]
    columns = np.array(words, np.int64).reshape(-1, 4).T
    assert endpoint_texts(*columns).to_list() == [endpoint_text(*row) for row in words]


@pytest.mark.parametrize("name", TABLES)
def test_every_type_of_the_schemas_has_a_polars_type(name: str) -> None:
    frame = empty(TABLES[name])
    assert frame.is_empty() and frame.columns == list(TABLES[name])
    assert list(frame.dtypes) == [POLARS_TYPES[kind] for kind, _ in TABLES[name].values()]


def transfer() -> Talk:
    """Four round trips of 6, 9, 10 and 15 ms, and a SACK block."""
    talk = Talk()
    talk.handshake()
    for i, rtt_ms in enumerate((6, 9, 10, 15)):
        talk.say(100 * (i + 1), "a", 1 + 1000 * i, 1, 1000)
        talk.say(100 * (i + 1) + rtt_ms, "b", 1, 1001 + 1000 * i)
    talk.say(500, "a", 5001, 1, 1000)
    talk.say(510, "b", 1, 4001, sack=[(5001, 6001)])
    return talk


def test_frames_have_the_schemas_of_the_recording(tmp_path: Path) -> None:
    analysis = transfer().analyse(tmp_path)
    for name, schema in (("connections", CONNECTIONS), ("rtt", RTT), ("sacks", SACKS), ("icmp", ICMP)):
        assert dict(getattr(analysis, name).schema) == polars_schema(schema), name
    assert dict(analysis.packets.schema) == polars_schema(PACKETS)
    assert set(analysis.packets["kind"]) <= set(SEGMENT_KINDS)


def test_rows_tell_when_and_where(tmp_path: Path) -> None:
    analysis = transfer().analyse(tmp_path)
    assert analysis.sacks.rows() == [("talk", 13, 0, 1, 510_000_000, 5001, 6001)]
    data = analysis.rtt.filter((pl.col("direction") == 0) & (pl.col("t_ns") > 100_000_000))
    assert data["rtt_ns"].to_list()[:4] == [6_000_000, 9_000_000, 10_000_000, 15_000_000]
    assert analysis.packets["frame"].to_list() == list(range(1, 14))


def test_median_and_minimum_are_those_of_the_samples(tmp_path: Path) -> None:
    analysis = transfer().analyse(tmp_path)
    row = one(analysis)
    samples = sorted(analysis.rtt.filter(pl.col("direction") == 0)["rtt_ns"])
    middle = len(samples) // 2
    assert row["a_rtt_min_ns"] == samples[0] == 6_000_000
    assert row["a_rtt_median_ns"] == (samples[middle] + samples[-1 - middle]) // 2
    assert (row["b_rtt_min_ns"], row["b_rtt_median_ns"]) == (None, None)


def test_goodput_is_unique_payload_from_first_to_last_data(tmp_path: Path) -> None:
    row = one(transfer().analyse(tmp_path))
    assert row["a_goodput_bps"] == pytest.approx(5000 * 8 / 0.4)
    assert row["b_goodput_bps"] is None


def test_what_was_never_seen_is_null_and_what_never_happened_is_zero(tmp_path: Path) -> None:
    talk = Talk(stamps=False)
    talk.say(0, "a", 50, 70)
    talk.say(10, "b", 70, 50)
    row = one(talk.analyse(tmp_path))
    absent = {name[2:] for name, value in row.items() if value is None and name.startswith("a_")}
    assert absent == {
        *("mss_announced_bytes", "mss_used_bytes", "path_mtu_bytes", "window_scale"),
        *("rtt_min_ns", "rtt_median_ns", "goodput_bps", "isn"),
    }
    assert row["a_packets"] == row["b_packets"] == 1 and row["complete"] is False
