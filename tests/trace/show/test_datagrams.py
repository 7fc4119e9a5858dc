"""UDP flows told to people."""

from __future__ import annotations

from pathlib import Path

from netemu.recording.path_tables import DATAGRAMS
from netemu.trace import analyze
from netemu.trace.show.datagrams import datagrams_text
from netemu.trace.show.text import as_text, headline
from netemu.trace.tables import empty
from tests.trace.build import write_pcap
from tests.trace.observe.packets import numbered, udp


def test_a_flow_of_agents_tells_what_was_lost_and_overtaken(tmp_path: Path) -> None:
    order = [0, 1, 4, 3, 3, 5, 8]
    found = analyze(write_pcap(tmp_path / "own.pcap", [numbered(10 * at, n) for at, n in enumerate(order)]))
    assert headline(found).startswith("7 packets, 0 TCP connections, 1 UDP flow")
    text = " ".join(" ".join(as_text(found, 20).split()).split("first ")[1:])
    assert text.startswith(
        "10.0.0.1:4000 > 10.0.0.2:5001 7 datagrams, 700 B in 60 ms, 80 kbit/s, 3 lost (33%) in 2 gaps, at most 2 at"
        " once, 1 reordered, 1 duplicate"
    )


def test_others_are_told_by_amount_and_the_smaller_ones_counted(tmp_path: Path) -> None:
    records = [udp(at, bytes(100 * at), ports=(4000 + at, 53)) for at in range(8)]
    lines = datagrams_text(analyze(write_pcap(tmp_path / "dns.pcap", records)).tables["datagrams"], 100)
    assert len(lines) == 2 + 5 + 1 and "lost" not in " ".join(lines)
    assert lines[2] == "  10.0.0.1:4007 > 10.0.0.2:53  1 datagram, 700 B in 0 s"
    assert lines[-1] == "  and 3 flows more; --out writes all"


def test_no_flow_gives_no_line() -> None:
    assert datagrams_text(empty(DATAGRAMS), 100) == []
