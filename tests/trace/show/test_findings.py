"""What is worth a look, the worst first."""

from __future__ import annotations

from pathlib import Path

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from netemu.recording.tables import CONNECTIONS
from netemu.trace.analysis import analyze
from netemu.trace.show import findings
from netemu.trace.show.findings import WHY, findings_of, worst_of
from netemu.trace.tables import polars_schema
from tests.trace.build import ACK, RST, SYN, Talk, write_pcap
from tests.trace.show.scenes import lossy, several


def kinds(talk: Talk, directory: Path) -> list[str]:
    return [one.kind for one in findings_of(talk.analyse(directory))]


def test_a_clean_connection_has_no_finding(tmp_path: Path) -> None:
    talk = Talk()
    talk.handshake()
    talk.say(20, "a", 1, 1, 1000)
    talk.say(30, "b", 1, 1001)
    talk.close(40, 1001, 1)
    assert kinds(talk, tmp_path) == []


def test_a_syn_without_an_answer(tmp_path: Path) -> None:
    talk = Talk()
    for t_ms in (0, 1000, 3000):
        talk.say(t_ms, "a", 0, 0, flags=SYN)
    first, second = findings_of(talk.analyse(tmp_path))
    assert (first.kind, first.count, first.text) == ("no_answer", 2, "no answer to the SYN, sent again 2 times")
    assert second.kind == "timeout" and "2 syn" in second.text


def test_a_closed_window_names_who_closed_it(tmp_path: Path) -> None:
    talk = Talk()
    talk.handshake()
    talk.say(20, "a", 1, 1, 1000)
    talk.say(30, "b", 1, 1001, window=0)
    (finding,) = findings_of(talk.analyse(tmp_path))
    assert (finding.kind, finding.side, finding.text) == ("zero_window", "server", "the server closed its window once")


def test_a_refusal_and_a_reset_name_who_did_it(tmp_path: Path) -> None:
    talk = Talk()
    talk.say(0, "a", 0, 0, flags=SYN)
    talk.say(10, "b", 0, 1, flags=RST | ACK)
    assert kinds(talk, tmp_path) == ["refused"]
    talk = Talk()
    talk.handshake()
    talk.say(20, "b", 1, 1, flags=RST | ACK)
    (finding,) = findings_of(talk.analyse(tmp_path))
    assert (finding.kind, finding.text) == ("reset", "the server ended the connection by a RST")


def test_the_worst_comes_first_whatever_the_connection(tmp_path: Path) -> None:
    one_sided = Talk(ports=(40001, 80))
    one_sided.say(0, "a", 1, 1, 1000)
    records = sorted([*one_sided.records, *lossy().records], key=lambda record: record[0])
    found = list(findings_of(analyze(write_pcap(tmp_path / "both.pcap", records))))
    assert [one.kind for one in found] == ["timeout", "one_sided"]
    assert set(WHY) >= {one.kind for one in found}


def test_a_black_hole_names_the_size_that_died(tmp_path: Path) -> None:
    talk = Talk()
    talk.handshake()
    analysis = analyze(write_pcap(tmp_path / "x.pcap", talk.records))
    row = {"capture": "x", "connection": 0, "direction": 0, "mtu_before_bytes": 1500, "timeouts": 3}
    causes = ("black_hole_suspected", "black_hole_probe", "mtu_probe_lost")
    steps = pl.DataFrame([row | {"cause": cause} for cause in causes], schema_overrides=analysis.path_mtu.schema)
    analysis.tables["path_mtu"] = pl.concat([analysis.path_mtu, steps], how="diagonal")
    (found,) = findings_of(analysis)
    assert (found.kind, found.side, found.count) == ("black_hole", "client", 3)
    assert found.text == "packets of 1,500 bytes of the client died in silence, 3 timeouts"


def test_a_router_that_clamps_the_mss_is_told_by_captures_of_both_sides(tmp_path: Path) -> None:
    files = []
    for name, mss in (("near", 1460), ("far", 1360)):
        talk = Talk(mss=mss)
        talk.handshake()
        files.append(write_pcap(tmp_path / f"{name}.pcap", talk.records))
    client, _ = findings_of(analyze(files))
    assert (client.kind, client.capture, client.connection, client.side) == ("clamped_mss", "far", 0, "client")
    assert client.text == "the client's SYN announced an MSS of 1,460 bytes at near and 1,360 at far"


def test_the_worst_are_the_first_of_all_however_many_are_looked_at_at_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    analysis = analyze(write_pcap(tmp_path / "several.pcap", several(5, 2, 7, 3)))
    whole = list(findings_of(analysis))
    for held in (1, 2, 5):
        monkeypatch.setattr(findings, "_HELD", held)
        assert list(findings_of(analysis)) == whole
    for count in range(1, len(whole) + 2):
        assert worst_of(analysis, count) == (whole[:count], len(whole))


@st.composite
def connections(draw: st.DrawFn) -> dict[str, object]:
    """A row of what findings look at; a side without packets is not told, retransmissions of one side have no class."""
    row: dict[str, object] = {"capture": "one", "connection": 3}
    row["end"] = draw(st.sampled_from([None, "refused", "reset_by_client", "reset_by_server", "closed"]))
    counts, told = st.integers(0, 3), st.booleans()
    for side in ("a_", "b_"):
        for name in findings._OF_A_SIDE:
            row[side + name] = draw(counts)
        if not row[side + "packets"]:
            row |= {side + name: None for name in findings._OF_A_SIDE if name != "packets"}
        elif draw(told):
            row |= {side + name: None for name in findings._OF_A_SIDE if "retransmits" in name}
    return row


@given(st.lists(connections(), max_size=5))
def test_what_orders_findings_by_column_is_what_tells_them_one_by_one(rows: list[dict[str, object]]) -> None:
    schema = {name: kind for name, kind in polars_schema(CONNECTIONS).items() if name in findings._LOOKED_AT}
    frame = pl.DataFrame([{name: row[name] for name in schema} for row in rows], schema=schema)
    for row, ranks in zip(rows, frame.select(pl.concat_list(findings._ranks()).alias("r"))["r"].to_list(), strict=True):
        told = [findings._number(one) for one in findings._of_connection(row)]
        assert sorted(rank for rank in ranks if rank is not None) == sorted(told)
