"""Which connections and which time are shown: the filters of ``netemu analyze`` and of ``Analysis.where``.

A selection never changes what is analysed. It picks rows of finished tables, by their columns: ``capture`` and
``connection``, addresses (``source``, ``destination``), and time (``t_ns``, or from when to when). A table that comes
later is picked from by the same rule; one that has none of these stays whole.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from ipaddress import IPv4Network, IPv6Network, ip_address, ip_network

import polars as pl

from netemu.errors import BadInput
from netemu.trace.show.rows import batches_of
from netemu.units import format_time, parse_time_ns

Network = IPv4Network | IPv6Network
_ENDPOINT = re.compile(
    r"(?:\[(?P<six>[^\]]+)\]|(?P<four>[0-9.]+|[0-9a-fA-F:]*:[0-9a-fA-F:]*:[0-9a-fA-F.:]*))(?::(?P<port>\d+|\*))?"
)
_SPANS = (("start_ns", "end_ns"), ("t_ns", "end_ns"), ("start_ns", "t_ns"), ("first_ns", "last_ns"))
"""Columns that say from when to when a row of a table tells; a null end is still under way."""
CONNECTION_ALLOWED = "a number such as 3, CAPTURE/3, or two ends such as '10.0.0.1:40000>10.0.0.2:80'"


@dataclass(frozen=True, slots=True)
class Ends:
    """Two ends of a connection, either of which may be the client; a port of None is any."""

    first: tuple[str, int | None]
    second: tuple[str, int | None]


@dataclass(frozen=True, slots=True)
class Numbered:
    """A connection by its number, in one capture or (None) in each."""

    number: int
    capture: str | None = None


@dataclass(frozen=True, slots=True)
class Selection:
    """Values of one field are alternatives; fields narrow each other. Times are half-open: start <= t < end."""

    connections: tuple[Ends | Numbered, ...] = ()
    hosts: tuple[Network, ...] = ()
    ports: tuple[int, ...] = ()
    start_ns: int | None = None
    end_ns: int | None = None

    def __bool__(self) -> bool:
        return self != Selection()

    @property
    def by_connection(self) -> bool:
        """Whether it picks connections, beside time."""
        return bool(self.connections or self.hosts or self.ports)

    def __str__(self) -> str:
        parts = [f"connection {' or '.join(map(_connection_text, self.connections))}"] if self.connections else []
        parts += ["host " + " or ".join(map(_network_text, self.hosts))] if self.hosts else []
        parts += [f"port {' or '.join(map(str, self.ports))}"] if self.ports else []
        parts += [f"from {format_time(self.start_ns)}"] if self.start_ns is not None else []
        parts += [f"to {format_time(self.end_ns)}"] if self.end_ns is not None else []
        return ", ".join(parts)

    # ---- which connections -----------------------------------------------------------------------------------------

    def chosen(self, connections: pl.LazyFrame) -> pl.DataFrame:
        """``capture`` and ``connection`` of what this picks by connection, host and port (time left aside).

        Nothing where it does not pick by these. Raises :class:`~netemu.errors.BadInput` for the number of a connection
        that no capture has.
        """
        if not self.by_connection:
            return pl.DataFrame()
        self._check_numbers(connections)
        ends = connections.select("capture", "connection", "client", "server")
        return pl.concat([ends.head(0).collect(), *map(self._among, batches_of(ends))]).drop("client", "server")

    def _among(self, connections: pl.DataFrame) -> pl.DataFrame:
        ends = {text: _split(text) for name in ("client", "server") for text in connections[name].unique().to_list()}
        keep = [
            self._takes(capture, number, ends[client], ends[server])
            for capture, number, client, server in connections.iter_rows()
        ]
        return connections.filter(pl.Series(keep, dtype=pl.Boolean))

    def _check_numbers(self, connections: pl.LazyFrame) -> None:
        for one in self.connections:
            if not isinstance(one, Numbered):
                continue
            inside = connections if one.capture is None else connections.filter(pl.col("capture") == one.capture)
            if inside.filter(pl.col("connection") == one.number).head(1).collect().is_empty():
                captures = connections.select("capture").unique().collect()["capture"].sort().to_list()
                if one.capture is not None and one.capture not in captures:
                    raise BadInput(f"connection {_connection_text(one)}: no such capture; there is {_some(captures)}")
                most = inside.select(pl.col("connection").max()).collect().item()
                have = "no TCP connection" if most is None else f"connections 0 to {most}"
                raise BadInput(f"connection {_connection_text(one)}: no such number; there is {have}")

    def _takes(self, capture: str, number: int, client: tuple[str, int], server: tuple[str, int]) -> bool:
        if self.connections and not any(_is(one, capture, number, client, server) for one in self.connections):
            return False
        return self._takes_ends(client, server)

    def _takes_ends(self, one: tuple[str, int], other: tuple[str, int]) -> bool:
        if self.ports and one[1] not in self.ports and other[1] not in self.ports:
            return False
        return not self.hosts or any(_within(end[0], self.hosts) for end in (one, other))

    # ---- rows of any table -----------------------------------------------------------------------------------------

    def predicate(self, columns: Collection[str], chosen: pl.DataFrame) -> pl.Expr:
        """Which rows of a table with ``columns`` are shown, ``chosen`` being the connections picked."""
        parts = [pl.lit(True)]
        if self.by_connection:
            if {"capture", "connection"} <= set(columns):
                parts.append(_any_of(chosen))
            elif {"source", "destination"} <= set(columns):
                parts.append(self._by_address("source", "destination"))
        span = next(((pl.col(a), pl.col(b)) for a, b in _SPANS if a in columns and b in columns), None)
        if span is not None:
            parts.append(self._time(span[0], span[1].fill_null(1 << 62)))
        elif "start_ns" in columns and "duration_ns" in columns:
            parts.append(self._time(pl.col("start_ns"), pl.col("start_ns") + pl.col("duration_ns").fill_null(0)))
        elif "t_ns" in columns:
            parts.append(self._time(pl.col("t_ns"), pl.col("t_ns"), instant=True))
        return pl.all_horizontal(parts)

    def _by_address(self, source: str, destination: str) -> pl.Expr:
        if self.connections:
            return pl.lit(False)

        def takes(row: dict[str, str]) -> bool:
            return self._takes_ends(_split(row[source]), _split(row[destination]))

        return pl.struct(source, destination).map_elements(takes, return_dtype=pl.Boolean)

    def _time(self, first: pl.Expr, last: pl.Expr, *, instant: bool = False) -> pl.Expr:
        """Whether a stretch from ``first`` to ``last`` meets the time asked for."""
        parts = [pl.lit(True)]
        if self.start_ns is not None:
            parts.append((first if instant else last) >= self.start_ns)
        if self.end_ns is not None:
            parts.append(first < self.end_ns)
        return pl.all_horizontal(parts)

    def rows(self, frame: pl.DataFrame, chosen: pl.DataFrame) -> pl.DataFrame:
        """The rows of one table that are shown."""
        return frame.filter(self.predicate(frame.columns, chosen)) if self else frame


EVERYTHING = Selection()
"""Leaves nothing out."""


def _any_of(chosen: pl.DataFrame) -> pl.Expr:
    """Rows that belong to one of the connections ``chosen``."""
    parts = [pl.lit(False)]
    for (capture,), rows in chosen.select("capture", "connection").group_by("capture", maintain_order=True):
        parts.append((pl.col("capture") == capture) & pl.col("connection").is_in(rows["connection"].implode()))
    return pl.any_horizontal(parts)


def _is(one: Ends | Numbered, capture: str, number: int, client: tuple[str, int], server: tuple[str, int]) -> bool:
    if isinstance(one, Numbered):
        return number == one.number and one.capture in (None, capture)
    pairs = ((one.first, one.second), (one.second, one.first))
    return any(_fits(a, client) and _fits(b, server) for a, b in pairs)


def _fits(asked: tuple[str, int | None], end: tuple[str, int]) -> bool:
    return asked[0] == end[0] and asked[1] in (None, end[1])


def _within(address: str, networks: Iterable[Network]) -> bool:
    return any(ip_address(address) in network for network in networks)


def _split(text: str) -> tuple[str, int]:
    """``ip:port`` of a table, or a bare address (port -1), as address and port."""
    address, colon, port = text.rpartition(":")
    if text.endswith("]") or not colon or (":" in address and not address.startswith("[")):
        return text.strip("[]"), -1
    return address.strip("[]"), int(port)


def _some(names: list[str]) -> str:
    return ", ".join(names[:5]) + (f" and {len(names) - 5} more" if len(names) > 5 else "")


# ---- from text -----------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Places:
    """What an error calls the place a value stands in."""

    connection: str = "connection"
    host: str = "host"
    port: str = "port"
    start: str = "start"
    end: str = "end"


OPTIONS = Places("--connection", "--host", "--port", "--from", "--to")
"""The places on the command line."""


def parse_selection(
    connections: Iterable[object] = (),
    hosts: Iterable[object] = (),
    ports: Iterable[object] = (),
    start: object = None,
    end: object = None,
    *,
    places: Places = Places(),
) -> Selection:
    """A selection from what a user wrote; :class:`~netemu.errors.BadInput` names the place and the value."""
    begins = None if start is None else parse_time_ns(start, places.start)
    ends = None if end is None else parse_time_ns(end, places.end)
    if begins is not None and ends is not None and ends <= begins:
        raise BadInput(f"{places.end}: {end!r} is not after {places.start} {start!r}; give a later time")
    return Selection(
        tuple(parse_connection(value, places.connection) for value in connections),
        tuple(parse_host(value, places.host) for value in hosts),
        tuple(parse_port(value, places.port) for value in ports),
        begins,
        ends,
    )


def parse_connection(value: object, place: str) -> Ends | Numbered:
    """A connection as :data:`CONNECTION_ALLOWED` says."""
    text = str(value).strip()
    if text.isdecimal():
        return Numbered(int(text))
    capture, slash, number = text.rpartition("/")
    if slash and capture and number.isdecimal():
        return Numbered(int(number), capture)
    first, arrow, second = text.partition(">")
    if arrow:
        ends = [_endpoint(part.strip()) for part in (first, second)]
        if ends[0] is not None and ends[1] is not None:
            return Ends(ends[0], ends[1])
    raise BadInput(f"{place}: {value!r} is not {CONNECTION_ALLOWED}")


def _endpoint(text: str) -> tuple[str, int | None] | None:
    match = _ENDPOINT.fullmatch(text)
    if match is None:
        return None
    try:
        address = str(ip_address(match["six"] or match["four"]))
    except ValueError:
        return None
    port = match["port"]
    if port in (None, "*"):
        return address, None
    return (address, int(port)) if int(port) < 65536 else None


def parse_host(value: object, place: str) -> Network:
    """An address or a prefix such as 10.0.0.0/8."""
    try:
        return ip_network(str(value).strip().strip("[]"), strict=False)
    except ValueError:
        raise BadInput(
            f"{place}: {value!r} is no address; give one such as 10.0.0.1 or fd00::1, or a prefix such as 10.0.0.0/8"
        ) from None


def parse_port(value: object, place: str) -> int:
    """A port from 0 to 65535."""
    text = str(value).strip()
    if not text.isdecimal() or int(text) > 65535:
        raise BadInput(f"{place}: {value!r} is no port; give a number from 0 to 65535")
    return int(text)


def _connection_text(one: Ends | Numbered) -> str:
    if isinstance(one, Numbered):
        return str(one.number) if one.capture is None else f"{one.capture}/{one.number}"
    return ">".join(_end_text(*end) for end in (one.first, one.second))


def _end_text(address: str, port: int | None) -> str:
    shown = f"[{address}]" if ":" in address else address
    return shown if port is None else f"{shown}:{port}"


def _network_text(network: Network) -> str:
    return str(network.network_address) if network.num_addresses == 1 else str(network)
