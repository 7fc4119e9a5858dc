"""Where tshark and tcptrace differ from the kernel's count: the smallest captures that show it.

docs/analysis.md explains each of them.
"""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

from tests.trace.build import Talk, one, write_pcap

MSS = 1448
_TSHARK_FILTER = (
    "tcp.analysis.retransmission || tcp.analysis.fast_retransmission || tcp.analysis.spurious_retransmission"
)


def frames_by_tshark(capture: Path, display_filter: str) -> list[int]:
    words = ["tshark", "-n", "-r", str(capture), "-Y", display_filter, "-T", "fields", "-e", "frame.number"]
    return [int(line) for line in subprocess.run(words, capture_output=True, text=True, check=True).stdout.split()]


def retransmissions_by_tcptrace(capture: Path) -> int:
    text = subprocess.run(["tcptrace", "-ln", str(capture)], capture_output=True, text=True, check=True).stdout
    found = re.search(r"rexmt data pkts:\s+(\d+)", text)
    assert found, text
    return int(found[1])


def recovery() -> Talk:
    """A loss that RACK repairs: one SACK of three segments above the hole, and the sender acts at once.

    Linux needs no third duplicate ACK for that (tcp_rack_detect_loss); TcpExtTCPFastRetrans counts it.
    """
    talk = Talk()
    talk.handshake(30)
    talk.say(40, "a", 1, 1, MSS)
    talk.say(70, "b", 1, 1 + MSS)
    for i in range(1, 6):
        talk.say(70.01 + i / 1000, "a", 1 + i * MSS, 1, MSS)
    talk.say(99, "a", 1 + 6 * MSS, 1, MSS)
    talk.say(100.1, "b", 1, 1 + MSS, sack=[(1 + 2 * MSS, 1 + 6 * MSS)])
    talk.say(100.12, "a", 1 + MSS, 1, MSS)
    talk.say(130.2, "b", 1, 1 + 7 * MSS)
    return talk


def copied() -> Talk:
    """The network delivers a packet twice; seen at the receiver. The sender sent it once."""
    talk = Talk()
    talk.handshake(10)
    talk.say(20, "a", 1, 1, MSS, ip_id=300)
    talk.say(20.01, "a", 1 + MSS, 1, MSS, ip_id=301)
    talk.say(20.02, "a", 1 + MSS, 1, MSS, ip_id=301)
    talk.say(20.1, "b", 1, 1 + 2 * MSS, sack=[(1 + MSS, 1 + 2 * MSS)])
    return talk


def test_tshark_takes_a_rack_retransmission_for_reordering(tmp_path: Path) -> None:
    talk = recovery()
    row = one(talk.analyse(tmp_path))
    capture = write_pcap(tmp_path / "recovery.pcap", talk.records)
    assert (row["a_retransmitted_segments"], row["a_retransmits_fast"], row["a_out_of_order_segments"]) == (1, 1, 0)
    assert frames_by_tshark(capture, _TSHARK_FILTER) == []
    assert frames_by_tshark(capture, "tcp.analysis.out_of_order") == [13]
    assert retransmissions_by_tcptrace(capture) == 1


def test_tshark_and_tcptrace_take_a_copy_for_a_retransmission(tmp_path: Path) -> None:
    talk = copied()
    analysis = talk.analyse(tmp_path)
    capture = write_pcap(tmp_path / "copied.pcap", talk.records)
    assert one(analysis)["a_retransmitted_segments"] == 0
    assert analysis.packets["network_duplicate"].sum() == 1
    assert retransmissions_by_tcptrace(capture) == 1
    assert frames_by_tshark(capture, f"{_TSHARK_FILTER} || tcp.analysis.out_of_order") == [6]


def test_super_segments_are_one_retransmission_to_both(tmp_path: Path) -> None:
    talk = Talk()
    talk.handshake(10)
    talk.say(20, "a", 1, 1, 3 * MSS)
    talk.say(250, "a", 1, 1, 3 * MSS)
    talk.say(260, "b", 1, 1 + 3 * MSS)
    capture = write_pcap(tmp_path / "super.pcap", talk.records)
    assert one(talk.analyse(tmp_path))["a_retransmitted_segments"] == 3  # as RetransSegs counts (tcp_skb_pcount)
    assert len(frames_by_tshark(capture, _TSHARK_FILTER)) == 1
    assert retransmissions_by_tcptrace(capture) == 1
