"""The table ``rates``: UDP and ICMP by flow and interval."""

from __future__ import annotations

from pathlib import Path

from netemu.recording.path_tables import RATES
from netemu.trace import analyze
from netemu.trace.tables import polars_schema
from tests.trace.build import MS, write_pcap
from tests.trace.observe.packets import A6, B6, echo, fragments, table, udp


def test_a_rate_is_the_payload_of_udp_and_the_packets_of_icmp(tmp_path: Path) -> None:
    records = [udp(0, bytes(1000)), udp(20, bytes(250)), echo(30, 1), udp(130, b"", source=A6, destination=B6)]
    found = table(tmp_path, records, "rates")
    assert found.schema == polars_schema(RATES)
    rows = found.select("source", "protocol", "type", "t_ns", "payload_bytes", "ip_bytes", "rate_bps").rows()
    assert sorted(rows) == [
        ("10.0.0.1", 1, 8, 0, None, 84, 84 * 80.0),
        ("10.0.0.1:4000", 17, None, 0, 1250, 1306, 1250 * 80.0),
        ("[fd00::1]:4000", 17, None, 100 * MS, 0, 48, 0.0),
    ]


def test_the_sums_are_those_of_datagrams(tmp_path: Path) -> None:
    records = [udp(7 * at, bytes(at), ports=(4000 + at % 3, 5001)) for at in range(100)]
    records += [one for at in range(5) for one in fragments(800 + at, at, [1480, 500])]
    found = analyze([write_pcap(tmp_path / "packets.pcap", records)])
    names = ("packets", "payload_bytes", "ip_bytes")
    assert found.tables["rates"]["source"].n_unique() == 3
    for name in names:
        assert found.tables["rates"][name].sum() == found.tables["datagrams"][name].sum()


def test_time_counts_from_the_first_packet(tmp_path: Path) -> None:
    path = write_pcap(tmp_path / "late.pcap", [udp(1e6 + t_ms, b"x") for t_ms in (50, 149, 151)])
    assert analyze(path).tables["rates"].select("t_ns", "packets").rows() == [(0, 2), (100 * MS, 1)]
