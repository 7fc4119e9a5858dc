"""What :func:`netemu.analyze` returns: tables as Polars frames, and the questions people ask of them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import polars as pl

from netemu.errors import BadInput
from netemu.trace.show.selection import EVERYTHING, Selection, parse_selection
from netemu.trace.table_files import TableFiles


@dataclass(slots=True, repr=False)
class Analysis:
    """What the packets of one or more captures say: one frame per table of :mod:`netemu.recording.tables`.

    ``tables`` holds every table beside ``packets`` by its name, and each is an attribute too: ``analysis.rtt``.
    ``partial`` is True when a file was cut short or damaged and analysed only up to there; ``warnings`` are one line
    each, with the byte offset where there is one. ``packets`` has no rows where the caller took them chunk by chunk.
    """

    packets: pl.DataFrame
    tables: Mapping[str, pl.DataFrame]
    partial: bool = False
    warnings: list[str] = field(default_factory=list)
    packet_count: int = 0
    selection: Selection = EVERYTHING
    connection_count: int = -1
    comments: list[str] = field(default_factory=list)
    """What the files say of themselves: comments of sections, interfaces and statistics of pcapng."""
    packet_comments: int = 0
    """How many comments their packets have."""

    def __post_init__(self) -> None:
        if self.connection_count < 0:
            self.connection_count = self.height("connections")

    @property
    def connections(self) -> pl.DataFrame:
        """One row per TCP connection."""
        return self.tables["connections"]

    @property
    def rtt(self) -> pl.DataFrame:
        """RTT samples."""
        return self.tables["rtt"]

    @property
    def sacks(self) -> pl.DataFrame:
        """SACK blocks."""
        return self.tables["sacks"]

    @property
    def retransmissions(self) -> pl.DataFrame:
        """Retransmissions, with the evidence of their class."""
        return self.tables["retransmissions"]

    @property
    def sender(self) -> pl.DataFrame:
        """Senders' state over time, a row per round trip."""
        return self.tables["sender"]

    @property
    def icmp(self) -> pl.DataFrame:
        """ICMP errors."""
        return self.tables["icmp"]

    def __getattr__(self, name: str) -> pl.DataFrame:
        """A table by its name."""
        if not name.startswith("_") and name != "tables" and name in self.tables:
            return self.tables[name]
        raise AttributeError(f"an analysis has no attribute and no table {name!r}")

    def __dir__(self) -> list[str]:
        return sorted({*object.__dir__(self), *self.tables})

    def where(
        self,
        *,
        connection: object = None,
        host: object = None,
        port: object = None,
        start: object = None,
        end: object = None,
    ) -> Analysis:
        """The same analysis with the rows of some connections, or of some time, only.

        ``connection`` is a number, ``"CAPTURE/number"`` or ``"10.0.0.1:40000>10.0.0.2:80"``; ``host`` an address or a
        prefix; a list of them means any of them. ``start`` and ``end`` are nanoseconds or texts such as ``"1.5s"``, and
        end is not included. Figures of a connection stay those of the whole connection. Raises
        :class:`~netemu.errors.BadInput` with the value.
        """
        return self.select(parse_selection(_many(connection), _many(host), _many(port), start, end))

    def select(self, selection: Selection) -> Analysis:
        """The rows that ``selection`` shows."""
        if not selection:
            return replace(self, selection=selection)
        chosen = selection.chosen(self.scan("connections"))
        known = self.tables
        tables: Mapping[str, pl.DataFrame] = (
            known.where(lambda columns: selection.predicate(columns, chosen))
            if isinstance(known, TableFiles)
            else {name: selection.rows(frame, chosen) for name, frame in known.items()}
        )
        packets = selection.rows(self.packets, chosen)
        return replace(self, packets=packets, tables=tables, selection=selection)

    def scan(self, table: str) -> pl.LazyFrame:
        """A table of which only what is asked for is read, where it lies in a file: some grow with the capture."""
        known = self.tables
        return known.scan(table) if isinstance(known, TableFiles) else known[table].lazy()

    def height(self, table: str) -> int:
        """How many rows a table has."""
        known = self.tables
        return known.height(table) if isinstance(known, TableFiles) else known[table].height

    @property
    def has_several_captures(self) -> bool:
        """Whether its connections are those of more than one capture."""
        captures = self.scan("connections").select(pl.col("capture").n_unique())
        return int(captures.collect(engine="streaming").item()) > 1

    def connection(self, number: int, capture: str | None = None) -> Connection:
        """One connection; ``capture`` is needed where several captures have that number."""
        frame = self.connections.filter(pl.col("connection") == number)
        if capture is not None:
            frame = frame.filter(pl.col("capture") == capture)
        if frame.height == 1:
            return Connection(self, frame.row(0, named=True))
        if not frame.height:
            raise BadInput(f"connection {number} is not among the {self.connections.height} of this analysis")
        names = ", ".join(map(repr, frame["capture"].to_list()))
        raise BadInput(f"connection {number} is in several captures; give capture= one of {names}")

    def as_tshark(self) -> pl.DataFrame:
        """The packets by tshark's names: see :mod:`netemu.trace.show.tshark`."""
        from netemu.trace.show.tshark import as_tshark

        return as_tshark(self.packets)

    def __repr__(self) -> str:
        from netemu.trace.show.text import headline

        rows = ", ".join(f"{name} {frame.height:,}" for name, frame in self.tables.items() if frame.height)
        kept = f"packets {self.packets.height:,}, " if self.packets.height else ""
        return f"<Analysis: {headline(self)}; rows: {kept}{rows}>"

    def _repr_html_(self) -> str:
        from netemu.trace.show.html import analysis_html

        return analysis_html(self)


@dataclass(slots=True, repr=False)
class Connection:
    """One connection of an analysis: its figures, and its rows of every table."""

    analysis: Analysis
    figures: dict[str, Any]
    """The row of ``connections``."""

    @property
    def number(self) -> int:
        """Its number within its capture."""
        return int(self.figures["connection"])

    @property
    def capture(self) -> str:
        """Name of its capture."""
        return str(self.figures["capture"])

    def _own(self, frame: pl.DataFrame) -> pl.DataFrame:
        return frame.filter((pl.col("capture") == self.capture) & (pl.col("connection") == self.number))

    @property
    def packets(self) -> pl.DataFrame:
        """Its packets."""
        return self._own(self.analysis.packets)

    @property
    def verdicts(self) -> pl.DataFrame:
        """How many packets of each kind either side sent: direction, kind, packets, spurious."""
        grouped = self.packets.group_by("direction", "kind").agg(packets=pl.len(), spurious=pl.col("spurious").sum())
        return grouped.sort("direction", "packets", "kind", descending=[False, True, False])

    def __getattr__(self, name: str) -> pl.DataFrame:
        """Its rows of a table: ``connection.rtt``."""
        if not name.startswith("_") and name not in ("analysis", "figures"):
            frame = self.analysis.tables.get(name)
            if frame is not None and {"capture", "connection"} <= set(frame.columns):
                return self._own(frame)
        raise AttributeError(f"a connection has no attribute and no table {name!r}")

    def __dir__(self) -> list[str]:
        return sorted({*object.__dir__(self), *self.analysis.tables})

    def __repr__(self) -> str:
        from netemu.trace.show.text import connection_text

        return "\n".join(connection_text(self.figures))

    def _repr_html_(self) -> str:
        from netemu.trace.show.html import connection_html

        return connection_html(self)


def _many(value: object) -> Iterable[object]:
    if value is None:
        return ()
    return value if isinstance(value, list | tuple | set) else (value,)
