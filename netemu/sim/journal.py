"""A wire's account of every packet, as ``wires/<link>.jsonl``, and the totals that judge it."""

from __future__ import annotations

import json
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

from netemu.link.account import COLUMNS, DIRECTIONS, Totals, account_line
from netemu.packet.ip import Tcp, Udp

if TYPE_CHECKING:
    from netemu.link import Verdict
    from netemu.packet.ip import Packet


class Record:
    """See :class:`netemu.link.account.Entry`; whether it left is known at the run's end."""

    __slots__ = (
        "action", "arrival_ns", "corrupted", "direction", "due_ns", "ip_bytes", "marked", "probe", "queue_bytes",
        "queue_packets", "reordered", "sent_ns",
    )  # fmt: skip

    def __init__(self, direction: str, arrival_ns: int, verdict: Verdict, ip_bytes: int, end_ns: int) -> None:
        self.direction, self.arrival_ns, self.ip_bytes = direction, arrival_ns, ip_bytes
        self.action, self.marked, self.reordered = verdict.action, verdict.marked, verdict.reordered
        self.queue_packets, self.queue_bytes = verdict.queue_packets, verdict.queue_bytes
        self.corrupted, self.probe = verdict.corrupt_bit >= 0, False
        self.due_ns = verdict.due_ns if verdict.due_ns >= 0 else None
        self.sent_ns = self.due_ns if verdict.due_ns <= end_ns else None


class Journal:
    """The records of one link; times are those of the engine until :meth:`finish`."""

    __slots__ = ("_link", "_notes")

    def __init__(self, link: str) -> None:
        self._link = link
        self._notes: list[tuple[str, int, Verdict, int, str]] = []

    def note(self, direction: str, t_ns: int, verdict: Verdict, packet: Packet) -> None:
        """Record one packet, or the copy of one."""
        self._notes.append((direction, t_ns, verdict, packet.length, _who(packet)))

    def finish(self, path: Path, t0_ns: int, end_ns: int) -> dict[str, Totals]:
        """Write the account with times since ``t0_ns``; what was to leave after ``end_ns`` never left."""
        totals = {direction: Totals(t0_ns) for direction in DIRECTIONS}
        with path.open("w", encoding="ascii") as account:
            header = {"columns": list(COLUMNS), "link": self._link, "backend": "model"}
            account.write(json.dumps(header) + "\n")
            for direction, t_ns, verdict, ip_bytes, who in self._notes:
                record = Record(direction, t_ns, verdict, ip_bytes, end_ns)
                totals[direction].add(record)
                account.write(account_line(record, t0_ns, who))
        return totals


def _who(packet: Packet) -> str:
    """Source to flags of a packet as JSON values."""
    body = packet.body
    source, destination = packet.source, packet.destination
    if isinstance(body, Tcp):
        left, right = _ended(source, body.source_port), _ended(destination, body.destination_port)
        return f'"{left}","{right}",6,{body.seq},{body.ack_seq},{len(body.payload)},{body.flags & 0xFF}'
    if isinstance(body, Udp):
        left, right = _ended(source, body.source_port), _ended(destination, body.destination_port)
        return f'"{left}","{right}",17,null,null,{len(body.payload)},null'
    return f'"{source}","{destination}",{packet.protocol},null,null,null,null'


@lru_cache(maxsize=4096)
def _ended(address: str, port: int) -> str:
    return f"[{address}]:{port}" if ":" in address else f"{address}:{port}"
