"""``write_tables(recording)``: everything a run left, as the Parquet tables of :mod:`netemu.recording.tables`."""

from __future__ import annotations

import io
import shutil
from collections.abc import Callable, Iterator
from itertools import islice
from pathlib import Path
from typing import Any

import msgspec
import polars as pl

from netemu.errors import BadInput, VoidRun
from netemu.recording.layout import Recording
from netemu.recording.tables import CALLS, COUNTERS, SOCKETS, TRACE, WIRES, Schema
from netemu.trace.analysis import analyze_to_tables
from netemu.trace.ends import transits
from netemu.trace.join import sends
from netemu.trace.tables import empty, polars_schema

_LINES_AT_ONCE = 100_000


def write_tables(recording: Recording) -> None:
    """Write ``tables/*.parquet`` of the run, all of them or none.

    Times in captures are taken as they are: nanoseconds since the run's start. A log that the run did not leave gives
    an empty table; one that cannot be read, or a capture that is not whole, raises
    :class:`~netemu.errors.VoidRun` with file and place.
    """
    part = recording.root / "tables.part"
    shutil.rmtree(part, ignore_errors=True)
    part.mkdir(parents=True)
    try:
        connections = _write_packet_tables(recording, part)
        calls = _calls(recording.agents)
        _write(calls, part / "calls.parquet")
        _write(_lines(recording.samples / "sockets.jsonl", SOCKETS), part / "sockets.parquet")
        _write(_lines(recording.samples / "counters.jsonl", COUNTERS), part / "counters.parquet")
        wires = _wires(recording.wires)
        _write(wires, part / "wires.parquet")
        _write_joined(part, calls, connections, wires)
        _write_trace(recording.samples / "trace.jsonl", part / "trace.parquet")
        shutil.rmtree(recording.tables, ignore_errors=True)
        part.rename(recording.tables)
    finally:
        shutil.rmtree(part, ignore_errors=True)


def _write(frame: pl.DataFrame, path: Path) -> None:
    frame.write_parquet(path, compression="zstd")


def _write_packet_tables(recording: Recording, directory: Path) -> pl.DataFrame:
    """Write the tables that packets give; the connections."""
    captures = sorted(recording.captures.glob("*.pcapng"))
    try:
        analysis = analyze_to_tables(captures, directory, relative=False)
    except BadInput as error:
        raise VoidRun(f"the run's capture cannot be read: {error}") from error
    if analysis.partial:
        raise VoidRun(f"the run's captures are not whole: {'; '.join(analysis.warnings)}")
    return analysis.connections


def _write_joined(directory: Path, calls: pl.DataFrame, connections: pl.DataFrame, wires: pl.DataFrame) -> None:
    """Write the tables that join captures with each other, and with calls and wires."""
    packets = pl.scan_parquet(directory / "packets.parquet")
    ends = transits(packets, connections, shared_clock=True, wires=wires)
    _write(ends.transits, directory / "transits.parquet")
    _write(ends.clocks, directory / "clocks.parquet")
    _write(sends(calls, packets, connections, wires), directory / "sends.parquet")


def _parsed(path: Path, read: Callable[[], pl.DataFrame]) -> pl.DataFrame:
    try:
        return read()
    except (pl.exceptions.PolarsError, msgspec.MsgspecError) as error:
        raise VoidRun(f"{path}: the log is damaged: {error}; run the experiment again") from error


def _lines(path: Path, schema: Schema, skip_header: bool = False) -> pl.DataFrame:
    """JSON objects, one a line, as the table ``schema``; keys beyond it are left out, missing ones are null."""
    if not path.exists():
        return empty(schema)
    text = path.read_bytes()
    if skip_header:
        text = text.partition(b"\n")[2]
    return _parsed(path, lambda: pl.read_ndjson(io.BytesIO(text), schema=polars_schema(schema)))


def _calls(directory: Path) -> pl.DataFrame:
    """Every agent's log: a header object that names agent and host, then one object per call."""
    columns = {name: kind for name, kind in CALLS.items() if name not in ("agent", "host")}
    frames = [empty(CALLS)]
    for path in sorted(directory.glob("*.jsonl")):
        header = _header(path)
        calls = _lines(path, columns, skip_header=True)
        named = calls.with_columns(agent=pl.lit(header["agent"]), host=pl.lit(header["host"]))
        frames.append(named.select(list(CALLS)))
    return pl.concat(frames).sort("t_ns", maintain_order=True)


def _header(path: Path) -> dict[str, Any]:
    with path.open("rb") as file:
        line = file.readline()
    try:
        return msgspec.json.decode(line, type=dict[str, Any])
    except msgspec.MsgspecError as error:
        raise VoidRun(f"{path}: the log has no header: {error}; run the experiment again") from error


def _wires(directory: Path) -> pl.DataFrame:
    """Every wire's account: a header object with the names of the columns, then one array per packet."""
    frames = [empty(WIRES)]
    for path in sorted(directory.glob("*.jsonl")):
        header = _header(path)
        names = header["columns"]
        for rows in _arrays(path):
            schema = {name: kind for name, kind in polars_schema(WIRES).items() if name in names}
            columns = dict(zip(names, zip(*rows, strict=True), strict=True))
            frame = pl.DataFrame({name: columns[name] for name in schema}, schema=schema)
            missing = [
                pl.lit(None, kind).alias(name) for name, kind in polars_schema(WIRES).items() if name not in schema
            ]
            named = frame.with_columns(*missing).with_columns(link=pl.lit(header["link"]))
            frames.append(named.select(list(WIRES)))
    return pl.concat(frames).sort("t_ns", maintain_order=True)


def _arrays(path: Path) -> Iterator[list[tuple[Any, ...]]]:
    """The rows of an account, many at once."""
    decoder = msgspec.json.Decoder(list[tuple[Any, ...]])
    with path.open("rb") as file:
        file.readline()
        while lines := [line for line in islice(file, _LINES_AT_ONCE) if line.strip()]:
            try:
                yield decoder.decode(b"[" + b",".join(lines) + b"]")
            except msgspec.MsgspecError as error:
                raise VoidRun(f"{path}: the account is damaged: {error}; run the experiment again") from error


def _write_trace(path: Path, target: Path) -> None:
    """Tracepoint events: the columns of the schema, then every field that any event has, by name."""
    frame = empty(TRACE)
    if path.exists() and path.stat().st_size:
        events = _parsed(path, lambda: pl.read_ndjson(path, infer_schema_length=None))
        own = [pl.lit(None).alias(name) for name in TRACE if name not in events.columns]
        typed = [pl.col(name).cast(kind) for name, kind in polars_schema(TRACE).items()]
        frame = events.with_columns(*own).select(*typed, *sorted(set(events.columns) - set(TRACE)))
    _write(frame, target)
