"""The connection under test: its addresses, and how numbers of the script become numbers of the host and back.

As packetdrill has it: in packets with SYN, sequence numbers are the script's own; in all others they count from the
SYN. One connection is under test at a time.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from tests.packetdrill.settings import Settings

NEW, LISTENING, ARRIVED, ANSWERED, ACKNOWLEDGED, CONNECTING, SYN_SENT, SYN_ACKED = range(8)
"""Where a socket of the script stands."""

_MASK = 0xFFFFFFFF


@dataclass
class Flow:
    """A socket of the script. ``fd``: of the script, ``live_fd``: of the host; -1: none yet."""

    state: int = NEW
    fd: int = -1
    live_fd: int = -1
    local_port: int = 0
    remote_port: int = 0
    script_local_isn: int = 0
    live_local_isn: int = 0
    remote_isn: int = 0
    ts_vals: dict[int, int] = field(default_factory=dict)
    first_ts: tuple[int, int] | None = None

    def local_offset(self, syn: bool) -> int:
        """From the script's numbers of what the host sends to the host's."""
        return self.live_local_isn - self.script_local_isn if syn else self.live_local_isn

    def remote_offset(self, syn: bool) -> int:
        """From the script's numbers of what the peer sends to the host's."""
        return 0 if syn else self.remote_isn

    def note_ts(self, script_val: int, live_val: int) -> None:
        """A timestamp that the host sent, as the script calls it."""
        self.ts_vals[script_val] = live_val
        if self.first_ts is None:
            self.first_ts = (script_val, live_val)

    def script_ts(self, live_val: int) -> int:
        """A timestamp of the host on the script's clock."""
        if self.first_ts is None:
            return live_val
        return (live_val - self.first_ts[1] + self.first_ts[0]) & _MASK

    def live_ecr(self, script_ecr: int, settings: Settings) -> int | None:
        """The timestamp that an echo of the script means; None: no packet of the script sent it."""
        if script_ecr in self.ts_vals:
            return self.ts_vals[script_ecr]
        if settings.ts_ecr_scaled and self.first_ts is not None:
            return (script_ecr - self.first_ts[0] + self.first_ts[1]) & _MASK
        return None
