from __future__ import annotations

import polars as pl
import pytest

from netemu.errors import BadInput
from netemu.figures import RunTables
from netemu.figures.selection import select
from netemu.figures.sequence_data import has_flag, largest, sequence_data, wire_drops
from tests.figures.traces import MS, MSS, run_of

ALWAYS = (0, 2**62)


def test_segments_take_their_sequence_space(run: RunTables) -> None:
    segments = sequence_data(run, select(run), ALWAYS).segments
    first, last = segments.row(0, named=True), segments.row(-1, named=True)
    assert (first["start"], first["end"]) == (0, 1)  # SYN
    assert last["end"] - last["start"] == 1  # FIN
    assert segments.filter(pl.col("payload_bytes") > 0)["end"].max() == last["start"]
    counts = dict(segments.group_by("kind").len().iter_rows())
    assert (counts["fast"], counts["timeout"], counts["tail_loss_probe"], counts["window_probe"]) == (1, 2, 1, 1)


def test_the_window_edge_is_ack_plus_window(run: RunTables) -> None:
    acks = sequence_data(run, select(run), ALWAYS).acks
    assert (acks["edge"] - acks["ack"] == acks["window_bytes"]).all()
    assert acks.filter(pl.col("window_bytes") == 0).height == 2


def test_sack_blocks_are_the_receivers(run: RunTables) -> None:
    sacks = sequence_data(run, select(run), ALWAYS).sacks
    assert sacks.height == 18 and not sacks["dsack"].any()
    assert sacks["start"].unique().to_list() == [1 + 12 * MSS]


def test_only_the_first_block_of_a_flagged_packet_is_a_dsack(frames: dict[str, pl.DataFrame]) -> None:
    frame = frames["sacks"]["frame"][0]
    frames["packets"] = frames["packets"].with_columns(dsack=pl.col("frame") == frame)
    frames["sacks"] = pl.concat([frames["sacks"][:1], frames["sacks"]])
    run = run_of(frames)
    assert sequence_data(run, select(run), ALWAYS).sacks["dsack"].to_list()[:3] == [True, False, False]


def test_drops_of_the_wire_land_on_the_sequence_axis_though_numbers_wrap(run: RunTables) -> None:
    drops = sequence_data(run, select(run), ALWAYS).drops
    assert drops["start"].to_list() == [1 + 11 * MSS, 1 + 34 * MSS, 1 + 35 * MSS, 1 + 35 * MSS]
    assert drops["action"].to_list() == ["drop_queue", "drop_list", "drop_list", "drop_list"]


def test_drops_of_other_connections_and_probes_stay_out(frames: dict[str, pl.DataFrame]) -> None:
    wires = frames["wires"]
    other = wires.with_columns(source=pl.lit("10.0.0.1:9"))
    probes = wires.with_columns(probe=pl.lit(True))
    passed = wires.with_columns(action=pl.lit("forward"))
    run = run_of({**frames, "wires": pl.concat([wires, other, probes, passed])})
    assert wire_drops(run, select(run), ALWAYS).collect().height == wires.height


def test_a_run_without_sacks_and_wires_still_has_a_graph(frames: dict[str, pl.DataFrame]) -> None:
    del frames["sacks"], frames["wires"]
    run = run_of(frames)
    data = sequence_data(run, select(run), ALWAYS)
    assert data.sacks.is_empty() and data.drops.is_empty() and not data.segments.is_empty()


def test_resets_of_both_ends_are_placed(frames: dict[str, pl.DataFrame]) -> None:
    last = frames["packets"].tail(1).with_columns(flags=pl.lit(20, pl.UInt16), frame=pl.lit(10_000, pl.UInt32))
    run = run_of({**frames, "packets": pl.concat([frames["packets"], last])})
    data = sequence_data(run, select(run), ALWAYS)
    assert data.resets["position"].to_list() == last["ack_offset_bytes"].to_list()


def test_an_empty_span_is_refused(run: RunTables) -> None:
    with pytest.raises(BadInput, match="between start and stop"):
        sequence_data(run, select(run), (10**12, 10**12 + 1))
    assert sequence_data(run, select(run), (0, 1 * MS)).segments.height == 1


def test_small_helpers() -> None:
    assert largest(pl.Series([3, None, 7])) == 7
    assert largest(pl.Series([], dtype=pl.Int64)) == 0
    assert pl.DataFrame({"flags": [2, 18, 16]}).filter(has_flag(2)).height == 2
