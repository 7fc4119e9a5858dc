"""Which connection, in which capture and direction, a figure shows."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from netemu.errors import BadInput
from netemu.figures.scales import time_span

if TYPE_CHECKING:
    import polars as pl

    from netemu.figures.tables import RunTables

DIRECTIONS = ("a_to_b", "b_to_a")
SELECTION_OPTIONS = ("capture", "client", "server", "port", "connection", "direction", "pick")
SHOWN_OPTIONS = ("start", "stop", *SELECTION_OPTIONS)
"""What every figure of a connection takes: which one, and from when to when."""


@dataclass(frozen=True, slots=True)
class Selection:
    """One direction of one connection in one capture; ``direction`` 0 is a_to_b, a being the client."""

    capture: str
    connection: int
    direction: int
    client: str
    server: str

    @property
    def sender(self) -> str:
        """``ip:port`` of the end that sends the data."""
        return self.server if self.direction else self.client

    @property
    def receiver(self) -> str:
        """``ip:port`` of the end that receives the data."""
        return self.client if self.direction else self.server

    def where(self, *, reverse: bool = False, direction: bool = True) -> pl.Expr:
        """The rows of this connection, in its direction, the other one, or both (``direction=False``)."""
        import polars as pl

        rows = (pl.col("capture") == self.capture) & (pl.col("connection") == self.connection)
        return rows & (pl.col("direction") == (self.direction ^ int(reverse))) if direction else rows


def split_address(endpoint: str) -> tuple[str, str]:
    """Address and port of ``10.0.0.1:80`` or ``[fd00::1]:80``, brackets removed."""
    host, _, port = endpoint.rpartition(":")
    return host.strip("[]"), port


def _end_matches(endpoint: str, wanted: str, run: RunTables) -> bool:
    """Whether ``ip:port`` is what the user named: ip:port, address, or node."""
    address, _ = split_address(endpoint)
    return wanted in (endpoint, address) or address in run.addresses.get(wanted, frozenset())


def _describe(rows: list[dict[str, Any]]) -> str:
    texts = [f"{row['capture']}/{row['connection']} {row['client']} > {row['server']}" for row in rows[:6]]
    return "; ".join(texts) + (f"; and {len(rows) - 6} more" if len(rows) > 6 else "")


def _sender_capture(rows: list[dict[str, Any]], run: RunTables, direction: str | None) -> list[dict[str, Any]]:
    """Of one connection seen in several captures, the rows taken on the sender's own node."""
    kept = []
    for row in rows:
        sender = (row["client"], row["server"])[_direction(row, direction)]
        node = run.captures.get(row["capture"])
        if node is not None and split_address(sender)[0] in run.addresses.get(node, frozenset()):
            kept.append(row)
    return kept


def _seen_twice(rows: list[dict[str, Any]]) -> bool:
    """Whether some connection is among ``rows`` from more than one capture."""
    captures: dict[tuple[str, str], str] = {}
    return any(captures.setdefault((row["client"], row["server"]), row["capture"]) != row["capture"] for row in rows)


def _direction(row: dict[str, Any], direction: str | None) -> int:
    if direction is not None:
        return DIRECTIONS.index(direction)
    return int(row["b_payload_bytes"] > row["a_payload_bytes"])


def check_choices(direction: object, pick: object) -> None:
    """Refuse a direction or a way to pick that does not exist; needs no run."""
    if direction is not None and direction not in DIRECTIONS:
        raise BadInput(f"direction {direction!r} is neither a_to_b nor b_to_a")
    if pick not in ("only", "first", "largest"):
        raise BadInput(f"pick {pick!r} is none of only, first, largest")


def split_span(options: Mapping[str, Any]) -> tuple[dict[str, Any], tuple[int, int]]:
    """Of :data:`SHOWN_OPTIONS` those that :func:`select` takes, and the time that ``start`` and ``stop`` give."""
    rest = dict(options)
    return rest, time_span(rest.pop("start", None), rest.pop("stop", None))


def shown(run: RunTables, options: Mapping[str, Any]) -> tuple[Selection, tuple[int, int]]:
    """The connection that :data:`SHOWN_OPTIONS` select, and the time of it that is shown."""
    rest, span = split_span(options)
    return select(run, **rest), span


def select(
    run: RunTables,
    *,
    capture: str | None = None,
    client: str | None = None,
    server: str | None = None,
    port: int | None = None,
    connection: int | None = None,
    direction: str | None = None,
    pick: Literal["only", "first", "largest"] = "only",
) -> Selection:
    """The one connection that matches every criterion given.

    ``client`` and ``server`` are ``ip:port``, an address or a node's name; ``port`` is the port of either end.
    ``direction`` is ``a_to_b`` or ``b_to_a``; by default the one that carries more payload. Of several captures
    that saw the connection, the one taken on the sender's node is used. ``pick`` says what to do when several
    connections match: ``only`` refuses, ``first`` takes the earliest, ``largest`` the one with most payload.

    Raises :class:`BadInput` that lists the candidates when none or several match.
    """
    check_choices(direction, pick)
    everything = run.scan("connections").collect().to_dicts()
    rows = [
        row
        for row in everything
        if (capture is None or row["capture"] == capture)
        and (connection is None or row["connection"] == connection)
        and (client is None or _end_matches(row["client"], client, run))
        and (server is None or _end_matches(row["server"], server, run))
        and (port is None or str(port) in (split_address(row["client"])[1], split_address(row["server"])[1]))
    ]
    if not rows:
        raise BadInput(f"no connection matches; the run has {_describe(everything) or 'none'}")
    if _seen_twice(rows):
        rows = _sender_capture(rows, run, direction) or rows
    if _seen_twice(rows):
        raise BadInput(f"several captures match, name one with capture=: {_describe(rows)}")
    if len(rows) > 1 and pick == "only":
        raise BadInput(
            f"{len(rows)} connections match, narrow it by client, server, port or connection, "
            f"or say pick='largest' or 'first': {_describe(rows)}"
        )
    if pick == "largest":
        row = max(rows, key=lambda r: (r["a_payload_bytes"] + r["b_payload_bytes"], -r["start_ns"]))
    else:
        row = min(rows, key=lambda r: (r["start_ns"], r["connection"]))
    return Selection(row["capture"], row["connection"], _direction(row, direction), row["client"], row["server"])
