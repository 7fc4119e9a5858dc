"""Captures as the lab's: the same blocks, comment and times (:mod:`netemu.agents.capture`, netemu.recording.pcapng)."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from netemu import __version__
from netemu.packet.bytes import to_bytes
from netemu.recording import pcapng

if TYPE_CHECKING:
    from netemu.sim.wire import Frame
    from netemu.specs import CaptureSpec

ETHERNET_BYTES = 14
_FLUSH_RECORDS = 4096


class Capture:
    """The frames of one interface, both directions, since ``t0_ns``."""

    def __init__(self, spec: CaptureSpec, path: Path, comment: str, t0_ns: int) -> None:
        self._spec, self._t0_ns = spec, t0_ns
        self._records: list[bytes] = []
        self._last_ns = self.packets = 0
        self._file = path.open("wb")
        self._file.write(pcapng.section_header(f"netemu {__version__}", comment))
        description = f"{spec.interface} of {spec.node}"
        self._file.write(pcapng.interface_description(spec.interface, description, spec.snap_bytes))

    def note(self, now_ns: int, direction: int, frame: Frame) -> None:
        """Keep a frame; ``direction`` is that of :mod:`netemu.recording.pcapng`."""
        t_ns = now_ns - self._t0_ns
        if t_ns < 0:
            return
        packet = frame[1]
        data = (frame[0] + to_bytes(packet))[: self._spec.snap_bytes]
        self._records.append(pcapng.packet(t_ns, ETHERNET_BYTES + packet.length, direction, data))
        self.packets += 1
        self._last_ns = t_ns
        if len(self._records) >= _FLUSH_RECORDS:
            self._flush()

    def finish(self) -> dict[str, Any]:
        """End the file; what the summary of a capture has of an interface."""
        self._flush()
        self._file.write(pcapng.interface_statistics(self._last_ns, self.packets, 0))
        self._file.close()
        spec = self._spec
        return {"interface": spec.interface, "node": spec.node, "packets": self.packets, "dropped": 0}

    def _flush(self) -> None:
        self._file.write(b"".join(self._records))
        self._records.clear()
