"""A wire's account: what it did to every packet, a line each, and the totals of a direction.

The file is that of netemu.recording.tables.WIRES: a header object, then one array per packet in order of arrival.
"""

from __future__ import annotations

from array import array
from collections.abc import Sequence
from typing import Protocol

from netemu.link.model import DROP_LIST, DROP_LOSS, DROP_QUEUE, DUPLICATE

COLUMNS = (
    "direction",
    "t_ns",
    "action",
    "due_ns",
    "sent_ns",
    "ip_bytes",
    "queue_packets",
    "queue_bytes",
    "marked",
    "corrupted",
    "reordered",
    "probe",
    "source",
    "destination",
    "protocol",
    "seq",
    "ack",
    "payload_bytes",
    "flags",
)
DIRECTIONS = ("a_to_b", "b_to_a")


class Entry(Protocol):
    """What became of one packet or copy; times on the wire's clock, ``sent_ns`` None when it never left."""

    @property
    def direction(self) -> str:
        """One of :data:`DIRECTIONS`."""
        ...

    @property
    def arrival_ns(self) -> int:
        """When it came."""
        ...

    @property
    def action(self) -> str:
        """One of :data:`netemu.link.model.ACTIONS`."""
        ...

    @property
    def due_ns(self) -> int | None:
        """When it was to leave; None: it was dropped."""
        ...

    @property
    def sent_ns(self) -> int | None:
        """When it left."""
        ...

    @property
    def ip_bytes(self) -> int:
        """Its length by the IP header."""
        ...

    @property
    def queue_packets(self) -> int:
        """What it found waiting."""
        ...

    @property
    def queue_bytes(self) -> int:
        """The same in bytes of IP."""
        ...

    @property
    def marked(self) -> bool:
        """Whether this wire set CE."""
        ...

    @property
    def corrupted(self) -> bool:
        """Whether this wire flipped a bit."""
        ...

    @property
    def reordered(self) -> bool:
        """Whether it skipped the delay."""
        ...

    @property
    def probe(self) -> bool:
        """Whether it is the lab's own."""
        ...


_BOOLEANS = ("false", "true")


def account_line(entry: Entry, t0_ns: int, who: str) -> str:
    """The entry's line, with times since ``t0_ns``; ``who``: source to flags as JSON values with commas between."""
    due = "null" if entry.due_ns is None else entry.due_ns - t0_ns
    sent = "null" if entry.sent_ns is None else entry.sent_ns - t0_ns
    return (
        f'["{entry.direction}",{entry.arrival_ns - t0_ns},"{entry.action}",{due},{sent},{entry.ip_bytes},'
        f"{entry.queue_packets},{entry.queue_bytes},{_BOOLEANS[entry.marked]},{_BOOLEANS[entry.corrupted]},"
        f"{_BOOLEANS[entry.reordered]},{_BOOLEANS[entry.probe]},{who}]\n"
    )


class Totals:
    """The totals of one direction: what came, what became of it, and how late it left (ns after it was due)."""

    def __init__(self, t0_ns: int) -> None:
        self._t0_ns = t0_ns
        self._count = dict.fromkeys(
            ("packets", "bytes", "others", "forwarded", "unsent", "duplicates", "marked", "corrupted", "reordered"), 0
        )
        self._dropped = dict.fromkeys((DROP_LIST, DROP_LOSS, DROP_QUEUE), 0)
        self._late_ns = array("q")

    def add(self, entry: Entry) -> None:
        """Count one entry."""
        count = self._count
        if entry.due_ns is not None and entry.sent_ns is not None:
            self._late_ns.append(entry.sent_ns - entry.due_ns)
        elif entry.due_ns is not None:
            count["unsent"] += 1
        count["marked"] += entry.marked
        count["corrupted"] += entry.corrupted
        count["reordered"] += entry.reordered
        if entry.action == DUPLICATE:
            count["duplicates"] += 1
        elif entry.probe or entry.arrival_ns < self._t0_ns:
            count["others"] += 1
        else:
            count["packets"] += 1
            count["bytes"] += entry.ip_bytes
            if entry.action in self._dropped:
                self._dropped[entry.action] += 1
            elif entry.sent_ns is not None:
                count["forwarded"] += 1

    def summary(self) -> dict[str, object]:
        """As JSON.

        ``packets`` and ``bytes`` (of IP) came since the start of traffic and are no probes: those that loss and drop
        lists applied to; ``forwarded`` and ``dropped`` are of these. ``others`` are the lab's probes and whatever
        came before. The rest counts all.
        """
        late_ns = sorted(self._late_ns)
        return {
            **self._count,
            "dropped": self._dropped,
            "lateness_p50_ns": _quantile(late_ns, 0.5),
            "lateness_p99_ns": _quantile(late_ns, 0.99),
            "lateness_max_ns": _quantile(late_ns, 1.0),
        }


def _quantile(values: Sequence[int], quantile: float) -> int | None:
    return values[min(len(values) - 1, int(len(values) * quantile))] if values else None
