"""tshark's names, beside tshark."""

from __future__ import annotations

import subprocess
from pathlib import Path

from netemu.trace.show.tshark import FIELDS, TESTS
from tests.trace.build import write_pcap
from tests.trace.show.scenes import lossy


def test_every_name_is_tsharks_and_the_fields_agree(tmp_path: Path) -> None:
    """A name that tshark does not know is an error of tshark's."""
    talk = lossy()
    capture = write_pcap(tmp_path / "talk.pcap", talk.records)
    frame = talk.analyse(tmp_path).as_tshark()
    assert set(frame.columns) == {"capture", "frame.time_relative", *FIELDS, *TESTS}
    same = [name for name in FIELDS if name not in ("tcp.flags", "tcp.analysis.bytes_in_flight")]
    options = [word for name in [*same, *TESTS] for word in ("-e", name)]
    argv = ["tshark", "-n", "-r", str(capture), "-T", "fields", *options]
    read = subprocess.run(argv, capture_output=True, text=True, check=True)
    told = [line.split("\t") for line in read.stdout.splitlines()]
    for index, name in enumerate(same):
        ours = frame[name].to_list()
        theirs = [int(row[index] or 0) if name == "tcp.options.sack.count" else row[index] for row in told]
        assert [str(value) for value in ours] == [str(value) for value in theirs], name
    assert frame["tcp.analysis.retransmission"].sum() == 1


def test_no_packet_outside_tcp(tmp_path: Path) -> None:
    analysis = lossy().analyse(tmp_path)
    frame = analysis.as_tshark()
    assert frame.height == analysis.packets.height and frame["tcp.stream"].min() == 0
