"""Which files share a clock, and both ends from capture files."""

from __future__ import annotations

from pathlib import Path

import polars as pl
import pytest

from netemu.trace.ends_files import share_a_clock
from netemu.trace.export import write_analysis
from tests.trace.build import Talk, enhanced, interface, option, section, write_pcap


def own(path: Path, comment: str, application: bytes = b"netemu 0.1", order: str = "<") -> Path:
    options = option(1, comment.encode(), order) + option(4, application, order) + option(0, b"", order)
    path.write_bytes(section(order, options) + interface("x", order=order))
    return path


@pytest.mark.parametrize("order", ["<", ">"])
def test_captures_of_one_run_share_a_clock_and_others_do_not(tmp_path: Path, order: str) -> None:
    one, two = own(tmp_path / "1", "plan a seed 1", order=order), own(tmp_path / "2", "plan a seed 1", order=order)
    other = own(tmp_path / "3", "plan b seed 1", order=order)
    foreign = own(tmp_path / "4", "plan a seed 1", b"dumpcap", order=order)
    assert share_a_clock([one, two]) and share_a_clock([foreign])
    assert not share_a_clock([one, other]) and not share_a_clock([one, foreign]) and not share_a_clock([foreign] * 2)


def test_a_file_that_is_no_pcapng_has_its_own_clock(tmp_path: Path) -> None:
    plain = write_pcap(tmp_path / "a.pcap", [])
    assert not share_a_clock([plain, plain])


def conversation(shift_ms: float) -> Talk:
    talk = Talk()
    talk.handshake()
    for number in range(5):
        talk.say(30 + number, "a", 1 + 100 * number, 1, 100, ip_id=500 + number)
    talk.records = [(t + round(shift_ms * 1e6), data, wire) for t, data, wire in talk.records]
    return talk


def test_two_captures_with_a_common_connection_give_transits(tmp_path: Path) -> None:
    """The second capture stands 5 ms further on and lacks one packet."""
    first, second = conversation(0).records, conversation(5).records
    del second[5]
    files = [write_pcap(tmp_path / "a.pcap", first), write_pcap(tmp_path / "b.pcap", second)]
    write_analysis(files, tmp_path / "out")
    table = pl.read_parquet(tmp_path / "out" / "transits.parquet")
    assert table.filter(pl.col("payload_bytes") > 0)["fate"].to_list().count("lost") == 1
    assert (tmp_path / "out" / "clocks.csv").exists()


def test_one_capture_gives_none(tmp_path: Path) -> None:
    head = section() + interface("eth0")
    path = tmp_path / "a.pcapng"
    path.write_bytes(head + b"".join(enhanced(t, data) for t, data, _ in conversation(0).records))
    write_analysis([path], tmp_path / "out")
    assert not (tmp_path / "out" / "transits.parquet").exists()
