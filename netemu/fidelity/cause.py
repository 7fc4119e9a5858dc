"""Where a difference comes from: the parts of the stack that decide what differs, as a first place to look. Pure."""

from __future__ import annotations

from collections.abc import Mapping

from netemu.fidelity.judged import Difference
from netemu.fidelity.relative import Relative
from netemu.packet.tcp import FIN, RST, SYN

SEND, RECV, ACK, CC, CONN = "sending", "receiving", "acknowledgements", "congestion control", "connections"
"""The parts of :mod:`netemu.stack` that a cause names."""

FILES: Mapping[str, str] = {
    SEND: "tcp_sendmsg, tcp_output, tcp_transmit, tcp_mss",
    RECV: "tcp_window, tcp_rmem, tcp_ack_snd, tcp_data_queue",
    ACK: "tcp_ack, tcp_sack, tcp_fastretrans, tcp_recovery, tcp_tlp, tcp_retransmit",
    CC: "tcp_cubic, tcp_reno, tcp_bbr, tcp_cong, tcp_timer",
    CONN: "tcp_minisocks, tcp_close, inet_connection_sock, icmp, udp",
}


def part_of(first: Difference, packet: Relative | None, probe_field: str | None) -> str:
    """Which part of the stack decides what differs first. ``packet``: either side's, ``probe_field``: see probes."""
    if packet is None or packet.other or packet.flags & (SYN | RST) or (packet.flags & FIN and not packet.payload):
        return CONN
    if first.field in ("window", "ts_ecr") or (first.field == "options" and not packet.payload):
        return RECV
    if not packet.payload:
        return RECV
    if probe_field in ("snd_cwnd", "ssthresh"):
        return CC
    if probe_field == "srtt":
        return ACK
    return SEND if first.field in ("payload", "flags") else ACK


def cause(first: Difference, packet: Relative | None, probe_field: str | None) -> str:
    """The cause as a person reads it."""
    part = part_of(first, packet, probe_field)
    before = f"; {probe_field} differs first" if probe_field else ""
    return f"{part} ({FILES[part]}){before}"
