"""Conversations in which ``a`` sends full segments to ``b``, and what the table ``sender`` says of them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from netemu.packet.tcp import ACK, PSH
from tests.trace.build import Talk

MSS = 1448


class Sending(Talk):
    """Round trips of 10 ms; a's segments are counted from 0, its answer to the SYN-ACK leaves after 10 us."""

    def segments(self, t_ms: float, first: int, count: int, *, push: bool = False) -> None:
        """Full segments number ``first`` and on, 2 us apart, the last of them pushed if asked."""
        for k in range(count):
            flags = ACK | PSH if push and k == count - 1 else ACK
            self.say(t_ms + k / 500, "a", 1 + MSS * (first + k), 1, MSS, flags)

    def acked(self, t_ms: float, upto: int, **options: Any) -> None:
        """b acknowledges all segments below number ``upto``."""
        self.say(t_ms, "b", 1, 1 + MSS * upto, **options)

    def rows(self, directory: Path) -> list[dict[str, Any]]:
        """a's rows, in order."""
        return [row for row in self.analyse(directory).tables["sender"].to_dicts() if row["direction"] == 0]


def clocked(rounds: list[int], t_ms: float = 20, sent: int = 0, **options: Any) -> Sending:
    """A sender whose window is ``rounds`` segments in each round trip, released by one ACK a round."""
    talk = Sending(**options)
    talk.handshake()
    for count in rounds:
        talk.segments(t_ms, sent, count)
        sent += count
        t_ms += 10
        talk.acked(t_ms - 0.05, sent)
    return talk
