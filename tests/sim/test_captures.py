"""A model's capture is the lab's: the same blocks, and the analyser reads it."""

from __future__ import annotations

from pathlib import Path

from netemu import __version__
from netemu.packet.bytes import to_bytes
from netemu.recording import pcapng
from netemu.sim.captures import Capture
from netemu.specs import CaptureSpec
from tests.sim.packets import packet

HEADER = bytes(12) + b"\x08\x00"


def test_it_has_the_labs_blocks_and_nothing_before_the_start(tmp_path: Path) -> None:
    path = tmp_path / "h1-eth0.pcapng"
    capture = Capture(CaptureSpec("h1", "h1-eth0", 64), path, "plan abc seed 1", 1000)
    one = packet()
    capture.note(999, pcapng.DIRECTION_OUT, (HEADER, one))
    capture.note(1005, pcapng.DIRECTION_OUT, (HEADER, one))
    summary = capture.finish()
    assert (summary["packets"], summary["dropped"]) == (1, 0)
    data = (HEADER + to_bytes(one))[:64]
    assert path.read_bytes() == (
        pcapng.section_header(f"netemu {__version__}", "plan abc seed 1")
        + pcapng.interface_description("h1-eth0", "h1-eth0 of h1", 64)
        + pcapng.packet(5, 14 + one.length, pcapng.DIRECTION_OUT, data)
        + pcapng.interface_statistics(5, 1, 0)
    )
