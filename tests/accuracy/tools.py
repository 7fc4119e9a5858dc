"""What each tool says of each packet of one capture file: sets of our names, by frame number."""

from __future__ import annotations

import ipaddress
import re
import subprocess
from pathlib import Path

from netemu.trace import analyze
from tests.accuracy.frames import RST, SYN
from tests.accuracy.kernel_truth import Flow

Verdicts = dict[int, set[str]]
"""Frame number -> what the tool calls it; a frame of which it says nothing special is left out."""

RETRANSMISSION = "retransmission"
"""Any class; what tshark says where it tells no trigger."""

_TSHARK = {
    "tcp.analysis.retransmission": "again",
    "tcp.analysis.fast_retransmission": "fast",
    "tcp.analysis.spurious_retransmission": "spurious",
    "tcp.analysis.out_of_order": "out_of_order",
    "tcp.analysis.duplicate_ack": "duplicate_ack",
    "tcp.analysis.zero_window": "zero_window",
    "tcp.analysis.zero_window_probe": "window_probe",
    "tcp.analysis.keep_alive": "keepalive",
    "tcp.flags.syn": "SYN",
    "tcp.flags.ack": "ACK",
    "tcp.flags.fin": "FIN",
    "tcp.len": "LENGTH",
}


def by_netemu(capture: Path) -> Verdicts:
    """The analyzer's kinds and flags."""
    found: Verdicts = {}
    packets = analyze([capture]).packets
    flags = ("spurious", "out_of_order", "network_duplicate", "duplicate_ack")
    names = ("frame", "protocol", "flags", "window_bytes", "kind", "ack_kind", *flags)
    for frame, protocol, tcp_flags, window, kind, ack_kind, *raised in packets.select(names).iter_rows():
        said = {name for name, flag in zip(flags, raised, strict=True) if flag}
        if ack_kind == "challenge":
            said.add("challenge")
        if kind not in ("none", "new"):
            said.add(kind)
            if kind not in ("window_probe", "keepalive"):
                said.add(RETRANSMISSION)
        if protocol == 6 and window == 0 and not tcp_flags & (SYN | RST):
            said.add("zero_window")
        if said:
            found[frame] = said
    return found


def by_tshark(capture: Path) -> Verdicts:
    """``tcp.analysis.*``. A retransmission without a trigger is a ``timeout`` to it: "suspected retransmission"."""
    words = ["tshark", "-n", "-r", str(capture), "-Y", "tcp.analysis.flags", "-T", "fields", "-e", "frame.number"]
    for name in _TSHARK:
        words += ["-e", name]
    text = subprocess.run(words, capture_output=True, text=True, check=True).stdout
    found: Verdicts = {}
    for line in text.splitlines():
        number, *fields = line.split("\t")
        said = {name for name, value in zip(_TSHARK.values(), fields, strict=True) if value not in ("", "0", "False")}
        verdict = _tshark_classes(said)
        if verdict:
            found[int(number)] = verdict
    return found


def _tshark_classes(said: set[str]) -> set[str]:
    verdict = said & {"spurious", "out_of_order", "duplicate_ack", "zero_window", "window_probe", "keepalive"}
    if said & {"again", "fast", "spurious"}:
        verdict.add(RETRANSMISSION)
        if "SYN" in said:
            verdict.add("syn_ack" if "ACK" in said else "syn")
        elif "FIN" in said and "LENGTH" not in said:
            verdict.add("fin")
        elif "fast" in said:
            verdict.add("fast")
        elif "spurious" not in said:
            verdict.add("timeout")
    return verdict


_TCPTRACE = {
    RETRANSMISSION: "rexmt data pkts",
    "out_of_order": "outoforder pkts",
    "window_probe": "zwnd probe pkts",
}
_HOST = re.compile(r"host \w+: +(\S+):(\d+)\n\s+host \w+: +(\S+):(\d+)")


def by_tcptrace(capture: Path) -> dict[tuple[Flow, str], int]:
    """(flow, class) -> packets; tcptrace tells totals of each direction, no packets and no triggers."""
    text = subprocess.run(["tcptrace", "-ln", str(capture)], capture_output=True, check=True).stdout.decode("latin-1")
    totals: dict[tuple[Flow, str], int] = {}
    for part in text.split("\nTCP connection ")[1:]:
        host = _HOST.search(part)
        if host is None:
            continue
        client = ipaddress.ip_address(host[1]).packed, int(host[2])
        server = ipaddress.ip_address(host[3]).packed, int(host[4])
        for name, label in _TCPTRACE.items():
            pair = re.search(rf"{label}:\s+(\d+)\s+{label}:\s+(\d+)", part)
            if pair is not None:
                totals[(client, server), name] = int(pair[1])
                totals[(server, client), name] = int(pair[2])
    return totals
