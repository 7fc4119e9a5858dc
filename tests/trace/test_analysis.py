"""From files to frames: one clock for files given together, memory that follows the caller's wish, damage told."""

from __future__ import annotations

import struct
from pathlib import Path

import polars as pl
import pytest

from netemu.errors import BadInput
from netemu.recording.tables import CONNECTIONS, ICMP, PACKET_TABLES, RTT, SACKS
from netemu.trace import engine, state
from netemu.trace.analysis import analyze, analyze_to_tables
from netemu.trace.layout import BATCH
from netemu.trace.observe import at_end
from netemu.trace.tables import PACKETS_SCHEMA, polars_schema
from tests.trace.build import MS, SYN, Record, Talk, enhanced, interface, section, write_pcap

TABLES = ("packets", *PACKET_TABLES)


def transfer(start_ms: float = 0) -> Talk:
    talk = Talk()
    talk.handshake()
    for i in range(4):
        talk.say(20 + i, "a", 1 + 1000 * i, 1, 1000)
    talk.say(31, "b", 1, 1, sack=[(1001, 4001)])
    talk.say(32, "b", 1, 4001)
    talk.records = [(t_ns + int(start_ms * 1e6), data, wire) for t_ns, data, wire in talk.records]
    return talk


@pytest.fixture
def capture(tmp_path: Path) -> Path:
    return write_pcap(tmp_path / "one.pcap", transfer(5000).records)


def test_time_counts_from_the_first_packet_or_stays_as_it_is(capture: Path) -> None:
    relative, absolute = analyze([capture]), analyze([capture], relative=False)
    assert relative.packets["t_ns"][0] == relative.connections["start_ns"][0] == 0
    for table in ("packets", "rtt", "sacks"):
        shift = getattr(absolute, table)["t_ns"] - getattr(relative, table)["t_ns"]
        assert shift.unique().to_list() == [5_000_000_000]
    assert absolute.connections["start_ns"][0] == 5_000_000_000
    assert absolute.connections["duration_ns"][0] == relative.connections["duration_ns"][0] == 32_000_000


def test_files_given_together_share_one_clock_and_keep_their_names(capture: Path, tmp_path: Path) -> None:
    earlier = write_pcap(tmp_path / "early.pcap", transfer(4000).records)
    both = analyze([capture, earlier])
    assert both.connections.select("capture", "connection", "start_ns").rows() == [
        ("one", 0, 1_000_000_000),
        ("early", 0, 0),
    ]
    assert both.packet_count == both.packets.height == 2 * analyze([capture]).packet_count


def test_files_of_one_name_are_told_apart(tmp_path: Path) -> None:
    for name in ("here", "there"):
        (tmp_path / name).mkdir()
    files = [write_pcap(tmp_path / name / "one.pcap", transfer(5000).records) for name in ("here", "there")]
    both = analyze(files)
    assert both.connections.select("capture", "connection").rows() == [("one", 0), ("one-2", 0)]
    assert both.packets["capture"].value_counts().sort("capture").rows() == [("one", 9), ("one-2", 9)]
    assert both.warnings == [f"{files[1]}: called one-2 here, since another file's capture has its name"]
    assert analyze(files[1]).connections["capture"].to_list() == ["one"]


def test_a_file_given_twice_is_refused(capture: Path, tmp_path: Path) -> None:
    (tmp_path / "link.pcap").symlink_to(capture)
    for twice in (capture, tmp_path / "link.pcap"):
        with pytest.raises(BadInput, match="is given twice; name each capture once"):
            analyze([capture, twice])
        with pytest.raises(BadInput, match="is given twice; name each capture once"):
            analyze_to_tables([capture, twice], tmp_path)


def test_packets_may_be_left_out_and_all_else_stays(capture: Path) -> None:
    whole, lean = analyze([capture]), analyze([capture], keep_packets=False)
    assert lean.packets.is_empty() and lean.packet_count == whole.packets.height == 9
    for table in TABLES[1:]:
        assert lean.tables[table].equals(whole.tables[table])


def test_streaming_into_parquet_writes_the_same_rows(capture: Path, tmp_path: Path) -> None:
    streamed = analyze_to_tables([str(capture)], tmp_path)
    whole = analyze([str(capture)])
    assert pl.read_parquet(tmp_path / "packets.parquet").equals(whole.packets)
    assert streamed.packets.is_empty() and set(streamed.tables) == set(whole.tables)
    for table in TABLES[1:]:
        assert streamed.tables[table].schema == whole.tables[table].schema, table
        assert streamed.tables[table].equals(whole.tables[table]), table


def test_a_capture_without_packets_gives_every_table_without_rows(tmp_path: Path) -> None:
    empty = analyze([write_pcap(tmp_path / "none.pcap", [])])
    assert (empty.packet_count, empty.partial, empty.warnings) == (0, False, [])
    assert empty.packets.schema == PACKETS_SCHEMA
    for table, schema in (("connections", CONNECTIONS), ("rtt", RTT), ("sacks", SACKS), ("icmp", ICMP)):
        assert getattr(empty, table).is_empty() and getattr(empty, table).schema == polars_schema(schema)


def test_a_capture_cut_short_is_analysed_up_to_there_with_the_byte_in_the_warning(tmp_path: Path) -> None:
    records = transfer().records
    path = write_pcap(tmp_path / "cut.pcap", records)
    last = path.stat().st_size - 16 - len(records[-1][1])
    path.write_bytes(path.read_bytes()[:-3])
    analysis = analyze([path])
    assert analysis.partial and analysis.packet_count == len(records) - 1
    assert analysis.warnings == [
        f"{path}: byte {last}: the record is cut short: {path.stat().st_size - last} bytes are left of it;"
        " analysed as far as it goes"
    ]


def test_a_damaged_record_ends_the_analysis_there(tmp_path: Path) -> None:
    records = transfer().records
    path = write_pcap(tmp_path / "bad.pcap", records)
    data = bytearray(path.read_bytes())
    second = 24 + 16 + len(records[0][1])
    struct.pack_into("<I", data, second + 8, 0xFFFFFFF0)
    path.write_bytes(data)
    analysis = analyze([path])
    assert analysis.partial and analysis.packet_count == 1
    assert f"byte {second}: a record claims {0xFFFFFFF0} bytes" in analysis.warnings[0]


def test_interfaces_of_one_file_are_captures_of_their_own(tmp_path: Path) -> None:
    talk = transfer()
    parts = [section(), interface("h1-eth0"), interface("r1-eth0")]
    parts += [enhanced(t_ns, data, number=number) for t_ns, data, _ in talk.records for number in (0, 1)]
    path = tmp_path / "both.pcapng"
    path.write_bytes(b"".join(parts))
    analysis = analyze([path])
    assert analysis.connections["capture"].to_list() == ["h1-eth0", "r1-eth0"]
    assert analysis.connections["connection"].to_list() == [0, 0]
    assert analysis.connections["a_payload_bytes"].to_list() == [4000, 4000]
    assert analysis.connections["a_retransmitted_segments"].to_list() == [0, 0]


def later(talk: Talk, shift_ms: float) -> list[Record]:
    return [(t_ns + round(shift_ms * MS), data, wire) for t_ns, data, wire in talk.records]


def crowd() -> list[Record]:
    """Two long transfers with a loss each, one late SACK, and 300 short connections meanwhile."""
    records = []
    for port, start_ms in ((50000, 0.0), (50001, 3.3)):
        long = Talk(ports=(port, 80))
        long.handshake()
        for i in range(60):
            if i % 20 != 7:
                long.say(20 + 10 * i, "a", 1 + 1000 * i, 1, 1000)
            if i % 20 == 9:
                long.say(23 + 10 * i, "b", 1, 1 + 1000 * (i - 2), sack=[(1 + 1000 * (i - 1), 1001 + 1000 * i)])
                long.say(24 + 10 * i, "a", 1 + 1000 * (i - 2), 1, 1000)
            if i % 20 not in (7, 8, 9):
                long.say(25 + 10 * i, "b", 1, 1001 + 1000 * i)
        records += later(long, start_ms)
    for k in range(300):
        short = Talk(ports=(20000 + k, 80))
        short.handshake()
        short.close(11, 1, 1)
        records += later(short, 2 * k)
    return sorted(records, key=lambda record: record[0])


def test_connections_are_given_up_where_too_many_are_open_and_the_others_go_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = write_pcap(tmp_path / "crowd.pcap", crowd())
    whole = analyze([path])
    most = 48 + BATCH  # a batch of packets may begin as many as it has
    monkeypatch.setattr(state, "MAX_CONNECTIONS", most)
    monkeypatch.setattr(engine, "MAX_CONNECTIONS", most)
    parts = analyze([path])
    assert whole.connections.height == 302 and whole.connections["a_retransmits_fast"].sum() == 6
    for name in TABLES:
        found, expected = (getattr(one, name).sort(pl.all()) for one in (parts, whole))
        assert found.equals(expected), name
    assert not whole.warnings
    assert parts.warnings == [f"crowd.pcap: 277 connections given up where more than {most} were open"]


def test_retransmissions_are_given_out_early_where_too_many_are_kept(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = write_pcap(tmp_path / "crowd.pcap", crowd())
    whole = analyze([path])
    monkeypatch.setattr(state, "MAX_EVENTS", 1)
    monkeypatch.setattr(engine, "MAX_EVENTS", 1)
    monkeypatch.setattr(engine, "CHUNK_ROWS", 64)
    parts = analyze([path])
    for name in TABLES:
        found, expected = (getattr(one, name).sort(pl.all()) for one in (parts, whole))
        assert found.equals(expected), name
    assert whole.retransmissions.height == 6
    assert parts.warnings == ["crowd.pcap: 6 retransmissions judged early where more than 1 were kept"]


def test_rows_of_path_mtu_and_windows_may_come_in_pieces(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = write_pcap(tmp_path / "crowd.pcap", crowd())
    whole = analyze([path])
    monkeypatch.setattr(at_end, "MOST", 3)
    monkeypatch.setattr(engine, "CHUNK_ROWS", 64)
    parts = analyze([path])
    for name in TABLES:
        found, expected = (getattr(one, name).sort(pl.all()) for one in (parts, whole))
        assert found.equals(expected), name


def test_what_comes_of_a_connection_given_up_is_another(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    first = Talk(ports=(50000, 80))
    first.handshake()
    first.say(5000, "a", 1, 1, 1000)
    records = first.records
    for k in range(300):
        syn = Talk(ports=(20000 + k, 80))
        syn.say(100 + k, "a", 0, 0, flags=SYN)
        records += syn.records
    monkeypatch.setattr(state, "MAX_CONNECTIONS", 80)
    found = analyze([write_pcap(tmp_path / "flood.pcap", sorted(records, key=lambda record: record[0]))]).connections
    assert found.height == 302
    assert found.filter(client="10.0.0.1:50000")["opening"].to_list() == ["handshake", "midstream"]


def test_an_analysis_may_be_left_while_connections_are_given_up(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(state, "MAX_CONNECTIONS", 80)
    reader = engine.Reader(write_pcap(tmp_path / "crowd.pcap", crowd()))
    parts = reader.parts()
    assert next(parts) is not None
    parts.close()
    assert sum(chunk.columns.t_ns.size for chunk in engine.Reader(reader.path).chunks()) == len(crowd())


def test_an_earlier_stamp_than_the_one_before_is_told(tmp_path: Path) -> None:
    records = transfer().records
    swapped = [*records[:4], records[5], records[4], *records[6:]]
    analysis = analyze([write_pcap(tmp_path / "clock.pcap", swapped)])
    at = 24 + sum(16 + len(data) for _, data, _ in swapped[:5])
    assert analysis.warnings == [f"clock.pcap: 1 packets stamped earlier than the one before, the first at byte {at}"]


def test_no_file_at_all_is_bad_input() -> None:
    with pytest.raises(BadInput, match="no capture was given; name at least one pcap or pcapng file"):
        analyze([])


@pytest.mark.parametrize("content", [b"", b"\x7fELF" + bytes(60), b"PK\x03\x04" * 20])
def test_a_file_that_is_no_capture_is_named(content: bytes, tmp_path: Path) -> None:
    path = tmp_path / "other.bin"
    path.write_bytes(content)
    with pytest.raises(BadInput, match=r"other\.bin"):
        analyze([path])
