"""Observers: every chunk of a file in order, then its end; rows named as the other tables name them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest

from netemu.recording.tables import RTT
from netemu.trace import analysis
from netemu.trace.column import frame_of
from netemu.trace.engine import Chunk, Reader
from netemu.trace.observe.observer import Given, Observer
from netemu.trace.tables import polars_schema
from tests.trace.build import Talk, write_pcap


class _Counting(Observer):
    """Gives the time of every packet of a connection as a row of ``rtt``, and how many there were at the end."""

    tables = ("rtt",)
    seen = 0

    def take(self, chunk: Chunk, origin_ns: int) -> Given:
        columns = chunk.columns
        inside = columns.flow >= 0
        self.seen += int(inside.sum())
        flow = columns.flow[inside]
        rows = {"t_ns": columns.t_ns[inside] - origin_ns, "rtt_ns": flow.astype(np.int64)}
        return {"rtt": self.of_flow(flow) | rows}

    def end(self, origin_ns: int) -> Given:
        rows = {"t_ns": np.int64([-1]), "rtt_ns": np.int64([self.seen])}
        return {"rtt": self.of_flow([self.flows - 1]) | rows}


def test_it_sees_every_packet_once_and_in_order(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(analysis, "observers_of", lambda reader: [_Counting(reader)])
    talk = Talk()
    talk.handshake()
    talk.close(20, 1, 1)
    found = talk.analyse(tmp_path)
    rows = found.rtt.filter(pl.col("rtt_ns") <= 1, pl.col("t_ns") >= 0).tail(found.packets.height)
    names = ["capture", "connection", "direction", "t_ns"]
    assert rows.select(names).rows() == found.packets.select(names).rows()
    assert found.rtt.rows()[-1] == ("talk", 0, 1, -1, found.packets.height)


def test_rows_begin_with_capture_connection_and_direction(tmp_path: Path) -> None:
    talk = Talk()
    talk.handshake()
    reader = Reader(write_pcap(tmp_path / "talk.pcap", talk.records))
    chunks: list[Any] = list(reader.chunks())
    frame = frame_of(_Counting(reader).take(chunks[0], 0)["rtt"], RTT)
    assert frame.schema == polars_schema(RTT) and frame.height == chunks[0].columns.t_ns.size
    assert frame.row(1)[:3] == ("talk", 0, 1)
