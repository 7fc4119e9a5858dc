"""Super-segments, fragments, tunnels and translated addresses of this kernel, against what it counted itself."""

from __future__ import annotations

import math
from pathlib import Path

import polars as pl
import pytest

from netemu.trace import Analysis, analyze
from netemu.trace.ends import transits
from netemu.trace.show.findings import findings_of
from tests.trace.big_rig import Big, run
from tests.trace.build import one

pytestmark = pytest.mark.lab

SENT = 3_000_000
HOLD_NS = 1_000_000
"""Long beside the gap between two segments of a burst, short beside what TCP waits for."""
OFF = ["tx off", "tso off", "gso off", "gro off"]


def segments(analysis: Analysis, *, mss: int) -> int:
    """How many segments of ``mss`` bytes the client's packets with payload make."""
    sizes = analysis.packets.filter(pl.col("direction") == 0, pl.col("payload_bytes") > 0)["payload_bytes"]
    return sum(math.ceil(size / mss) for size in sizes)


@pytest.mark.parametrize("loss", [0.0, 0.15])
def test_super_segments_of_the_sender_count_as_its_kernel_counts_them(tmp_path: Path, loss: float) -> None:
    result = run(Big(send_bytes=SENT, loss=loss, filter="tcp"), tmp_path)
    analysis = analyze(tmp_path / "a.pcap")
    row = one(analysis)
    assert result["received"] == SENT == row["a_acked_bytes"]
    assert row["a_super_segments"] > 10 and row["a_jumbo_segments"] == 0
    assert any("super-segments" in line for line in analysis.warnings)
    assert row["b_mss_announced_bytes"] == 1460
    if loss:  # what is dropped before the device is in no capture
        assert result["total_retrans"] > 0 and row["a_unique_payload_bytes"] <= SENT
    else:
        assert segments(analysis, mss=1448) == result["data_segs_out"]
        assert row["a_unique_payload_bytes"] == SENT and row["a_retransmitted_segments"] >= result["total_retrans"]


def test_what_the_receivers_gro_merged_is_joined_byte_by_byte(tmp_path: Path) -> None:
    big = Big(send_bytes=SENT, features={"a": OFF, "b": ["gro on"]}, one_segment=True, hold_ns=HOLD_NS, filter="tcp")
    result = run(big, tmp_path)
    both = analyze([tmp_path / "a.pcap", tmp_path / "b.pcap"])
    at_a, at_b = (both.connection(0, name).figures for name in "ab")
    assert at_a["a_super_segments"] == 0 and at_b["a_super_segments"] > 0
    assert at_a["a_unique_payload_bytes"] == at_b["a_unique_payload_bytes"] == result["received"] == SENT
    table = transits(both.packets, both.connections, shared_clock=True).transits
    data = table.filter(pl.col("payload_bytes") > 0, pl.col("direction") == 0)
    fates = data.group_by(pl.col("fate").cast(pl.String)).agg(pl.len(), pl.col("payload_bytes").sum())
    told = {fate: (rows, payload) for fate, rows, payload in fates.iter_rows()}
    # A busy machine's receiver may not take some: each is seen again; where the device said so, no retransmission
    again = at_a["a_retransmitted_segments"]
    assert again >= result["total_retrans"]
    assert SENT <= told.pop("arrived")[1] <= SENT + 1448 * again
    assert told == {} or (told.keys() == {"lost"} and told["lost"][0] <= again)


SIZES = [[4, 4000, 40], [4, 20_000, 20], [6, 4000, 40], [6, 9000, 20]]


@pytest.mark.parametrize("loss", [0.0, 0.05])
def test_fragments_are_those_that_the_kernels_made_and_put_together(tmp_path: Path, loss: float) -> None:
    result = run(Big(datagrams=SIZES, loss=loss, filter="udp or ip[6:2] & 0x1fff != 0 or ip6 proto 44"), tmp_path)
    made, got = result["counters"]["a"], result["counters"]["b"]
    analysis = analyze(tmp_path / "b.pcap")
    table = {(6 if ":" in row["source"] else 4): row for row in analysis.tables["fragments"].iter_rows(named=True)}
    for family, frag, reasm in ((4, "IpFrag", "IpReasm"), (6, "Ip6Frag", "Ip6Reasm")):
        row, sent = table[family], sum(count for version, _, count in SIZES if version == family)
        assert made[f"{frag}OKs"] == sent
        assert row["fragments"] == got[f"{reasm}Reqds"] <= made[f"{frag}Creates"]
        assert (row["complete"], row["duplicates"]) == (got[f"{reasm}OKs"], 0)
        assert row["packets"] == row["complete"] + row["incomplete"] <= sent
        assert bool(row["incomplete"]) == bool(loss)
        if not loss:
            assert row["ip_bytes"] == whole_bytes(family)
    if not loss:
        check_datagrams(analysis)


def whole_bytes(family: int) -> int:
    """Bytes of all fragments, by what was sent; IPv6 has a fragment header of 8 bytes in each."""
    header = 20 if family == 4 else 48
    room = (1500 - header) // 8 * 8
    parts = [(size + 8, count) for version, size, count in SIZES if version == family]
    return sum(count * (size + math.ceil(size / room) * header) for size, count in parts)


def check_datagrams(analysis: Analysis) -> None:
    rows = analysis.tables["datagrams"].filter(pl.col("numbered") > 0)
    told = {(6 if "[" in row["source"] else 4, row["payload_bytes"] // row["packets"]): row for row in rows.to_dicts()}
    for family, size, count in SIZES:
        row = told[family, size]
        assert (row["packets"], row["numbered"], row["lost"], row["gaps"]) == (count, count, 0, 0)
    assert analysis.tables["rates"]["payload_bytes"].sum() == sum(size * count for _, size, count in SIZES)


def test_lost_datagrams_and_refusals_are_those_the_kernel_did_not_get_and_sent(tmp_path: Path) -> None:
    """Nothing listens there: a datagram that comes counts as NoPorts, and some are answered by ICMP."""
    sent = 300
    result = run(Big(datagrams=[[4, 1000, sent]], loss=0.1, filter="udp or icmp"), tmp_path)
    got = result["counters"]["b"]
    tables = analyze(tmp_path / "b.pcap").tables
    (row,) = tables["datagrams"].to_dicts()
    assert row["packets"] == row["numbered"] == got["UdpNoPorts"] < sent
    gaps = tables["datagram_gaps"]
    assert row["lost"] == gaps["lost"].sum() == row["last_number"] - row["first_number"] + 1 - row["packets"]
    assert (row["gaps"], row["reordered"]) == (gaps.height, 0) and row["longest_gap_packets"] == gaps["missing"].max()
    (refusals,) = tables["icmp_messages"].to_dicts()
    assert (refusals["type"], refusals["code"], refusals["packets"]) == (3, 3, got["IcmpOutDestUnreachs"])
    rates = tables["rates"].group_by("protocol").agg(pl.col("packets").sum())
    assert dict(rates.iter_rows()) == {17: row["packets"], 1: refusals["packets"]}


@pytest.mark.parametrize("between", ["vxlan", "ipip", "gre"])
def test_a_connection_within_a_tunnel_is_what_it_is_outside(tmp_path: Path, between: str) -> None:
    result = run(Big(send_bytes=500_000, between=between), tmp_path)
    wire = tmp_path / ("a.pcap" if between == "vxlan" else "wire.pcap")
    inside, outside = analyze(wire, inner=True), analyze(wire)
    row = one(inside)
    assert (row["client"].split(":")[0], row["server"]) == ("10.78.0.1", "10.78.0.2:5000")
    assert row["a_unique_payload_bytes"] == result["received"] == 500_000 and row["end"] == "closed"
    assert row["a_retransmitted_segments"] >= result["total_retrans"]
    assert outside.connections.is_empty()
    assert any("carry others within (tunnels)" in line for line in outside.warnings)
    if between != "vxlan":
        names = ("a_data_segments", "b_packets", "a_mss_announced_bytes", "b_isn", "b_acked_bytes")
        plain = one(analyze(tmp_path / "a.pcap"))
        assert [row[name] for name in names] == [plain[name] for name in names]


def test_addresses_translated_on_the_way_are_told_and_joined(tmp_path: Path) -> None:
    result = run(Big(send_bytes=500_000, between="nat"), tmp_path)
    both = analyze([tmp_path / "a.pcap", tmp_path / "b.pcap"])
    assert set(both.connections["client"].str.split(":").list.first()) == {"10.78.0.1", "192.0.2.1"}
    assert "translated" in {one.kind for one in findings_of(both)}
    table = transits(both.packets, both.connections, shared_clock=True).transits
    data = table.filter(pl.col("payload_bytes") > 0, pl.col("direction") == 0)
    assert set(table["fate"].cast(pl.String)) == {"arrived"} and result["received"] == 500_000
    assert data["payload_bytes"].sum() >= 500_000 and data["one_way_delay_ns"].min() > 0
