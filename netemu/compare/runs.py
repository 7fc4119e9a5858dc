"""Two run directories compared: which flows and captures, how exactly, and what came out."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from netemu.compare.fields import FIELDS, STREAM, compared_packets
from netemu.compare.flows import flow_servers, named_connections
from netemu.compare.packets import StreamDiff, diff_packets, identical_ratio
from netemu.errors import BadInput
from netemu.figures.tables import RunTables, read_json_object
from netemu.recording.layout import Recording

if TYPE_CHECKING:
    import polars as pl

FLOW = STREAM.index("flow")


@dataclass(frozen=True, slots=True)
class Side:
    """One of the two runs: what it is called, its tables, its connections and the packets compared."""

    root: Path
    label: str
    virtual: bool
    tables: RunTables
    connections: pl.DataFrame
    packets: pl.DataFrame


@dataclass(frozen=True, slots=True)
class Start:
    """A connection that begins at another time: ns of the run's clock, None where a run has no such connection."""

    flow: str
    number: int
    a_ns: int | None
    b_ns: int | None


@dataclass(frozen=True, slots=True)
class RunDiff:
    """What two runs differ in. ``tolerance_ns`` None: times were not compared.

    ``left_out``: captures that only one of the runs has; nothing in them was compared.
    """

    a: Side
    b: Side
    streams: tuple[StreamDiff, ...]
    starts: tuple[Start, ...]
    left_out: tuple[str, ...]
    tolerance_ns: int | None
    ignored: tuple[str, ...]

    @property
    def identical_ratio(self) -> float:
        """See :func:`netemu.compare.packets.identical_ratio`."""
        return identical_ratio(self.streams)

    @property
    def identical(self) -> bool:
        """Whether nothing that was compared differs."""
        return not self.starts and not any(stream.different.any() for stream in self.streams)

    @property
    def flows(self) -> list[str]:
        """The names of the flows compared, in the order in which they begin."""
        begun: dict[str, int] = {}
        for side in (self.a, self.b):
            for flow, begun_ns in side.connections.select("flow", "begun_ns").iter_rows():
                begun[flow] = min(begun_ns, begun.get(flow, begun_ns))
        return sorted(begun, key=lambda flow: (begun[flow], flow))

    def of_flow(self, flow: str) -> tuple[StreamDiff, ...]:
        """The streams of one flow."""
        return tuple(stream for stream in self.streams if stream.stream[FLOW] == flow)

    def first(self, flow: str | None = None) -> tuple[StreamDiff, int] | None:
        """The stream and the pair of the difference that happened first on the runs' clock, in all flows or in one."""
        found: list[tuple[int, StreamDiff, int]] = []
        for stream in self.streams if flow is None else self.of_flow(flow):
            different = stream.different
            if different.any():
                pair = int(different.argmax())
                found.append((self.time_ns(stream, pair), stream, pair))
        if not found:
            return None
        _, stream, pair = min(found, key=lambda one: one[0])
        return stream, pair

    def time_ns(self, stream: StreamDiff, pair: int) -> int:
        """When the earlier of a pair's packets was captured, on its run's clock."""
        rows = zip((self.a, self.b), stream.pairs[pair].tolist(), strict=True)
        return min(int(side.packets["t_ns"][row]) for side, row in rows if row >= 0)


def is_virtual(manifest: dict[str, Any]) -> bool:
    """Whether the run's clock was one that no machine disturbs."""
    return (manifest.get("guest") or {}).get("time") == "virtual"


def diff_runs(
    a: Path,
    b: Path,
    *,
    capture: str | None = None,
    flow: str | None = None,
    tolerance_ns: int | str | None = "default",
    ignore: Collection[str] = (),
) -> RunDiff:
    """Compare the packets of the runs in directories ``a`` and ``b``, of all flows and captures or of the one named.

    ``tolerance_ns``: see :func:`netemu.compare.packets.diff_packets`; by default 0 between two runs in virtual time,
    and None, times are not compared, as soon as one of them ran in real time.

    :raises BadInput: no run there, a flow, capture or field that does not exist, no capture in common.
    """
    for name in ignore:
        if name not in FIELDS:
            raise BadInput(f"--ignore {name!r}: the fields are {', '.join(FIELDS)}")
    opened = [_open(root, flow, label) for root, label in ((a, "A"), (b, "B"))]
    captures = [set(connections["capture"].unique()) for _, _, connections in opened]
    common = captures[0] & captures[1]
    if capture is not None:
        for root, there in zip((a, b), captures, strict=True):
            if capture not in there:
                raise BadInput(f"{root}: no capture {capture!r} with such a flow (there are {_list(there)})")
        common = {capture}
    if not common:
        raise BadInput(
            f"{a} and {b} have no capture in common: {_list(captures[0])}; {_list(captures[1])}; compare runs of one"
            " topology"
        )
    sides = [_side(*one, sorted(common)) for one in opened]
    if tolerance_ns == "default":
        tolerance_ns = 0 if sides[0].virtual and sides[1].virtual else None
    assert not isinstance(tolerance_ns, str)
    return RunDiff(
        sides[0],
        sides[1],
        tuple(diff_packets(sides[0].packets, sides[1].packets, tolerance_ns=tolerance_ns, ignore=ignore)),
        tuple(_starts(sides[0].connections, sides[1].connections, tolerance_ns)),
        tuple(sorted(captures[0] ^ captures[1])) if capture is None else (),
        tolerance_ns,
        tuple(ignore),
    )


def _list(names: Collection[str]) -> str:
    return ", ".join(sorted(names)) or "none"


def _open(root: Path, flow: str | None, label: str) -> tuple[RunTables, str, pl.DataFrame]:
    import polars as pl

    if not root.is_dir():
        raise BadInput(f"{root}: no such directory; RUN_{label} is the directory of a finished run")
    tables = RunTables.read(root)
    connections = named_connections(tables, flow_servers(root))
    if flow is not None:
        names = connections["flow"].unique()
        connections = connections.filter(pl.col("flow") == flow)
        if connections.is_empty():
            raise BadInput(f"{root}: no connection of a flow {flow!r} (flows: {_list(names.to_list())})")
    return tables, label, connections


def _side(tables: RunTables, label: str, connections: pl.DataFrame, captures: list[str]) -> Side:
    import polars as pl

    connections = connections.filter(pl.col("capture").is_in(captures))
    root = Path(tables.label)
    path = Recording(root).manifest
    manifest = read_json_object(path) if path.is_file() else {}
    packets = compared_packets(tables, connections)
    name = f"{manifest.get('kernel', 'no kernel known')}, seed {manifest.get('seed', 'unknown')}, {tables.validity}"
    return Side(root, f"{label}: {name}", is_virtual(manifest), tables, connections, packets)


def _starts(a: pl.DataFrame, b: pl.DataFrame, tolerance_ns: int | None) -> list[Start]:
    """Connections that only one run has, and those that begin at another time (where times are compared)."""
    import polars as pl

    key = ["flow", "number"]
    one, two = (side.group_by(key).agg(pl.col("begun_ns").min()) for side in (a, b))
    both = one.join(two, on=key, how="full", coalesce=True, suffix="_b").sort("flow", "number")
    rows = [Start(*row) for row in both.select(*key, "begun_ns", "begun_ns_b").iter_rows()]
    return [
        row
        for row in rows
        if row.a_ns is None
        or row.b_ns is None
        or (tolerance_ns is not None and abs(row.a_ns - row.b_ns) > tolerance_ns)
    ]
